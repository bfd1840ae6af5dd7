import { closestMatch } from 'leven';
import { parse, TomlError } from 'smol-toml';
import { EXIT, ExitError } from '../exit.ts';
import { readText } from './named-files.ts';
import type { ConfigFile, Fault, Given } from './resolve.ts';
import { attempt } from './resolve.ts';
import { SETTINGS, type SettingName, settingNames, settingOf } from './settings.ts';

/** Reads a file of TOML whose keys are names of settings. What is wrong in it joins `faults`. */
export function readConfigFile(path: string, faults: Fault[]): ConfigFile {
  const given = new Map<SettingName, Given>();
  attempt(faults, () => {
    const text = readText('--config', path);
    for (const [key, value] of Object.entries(parsed(path, text))) {
      const place = `${path}:${lineOf(text, key)}: ${key}`;
      attempt(faults, () => {
        if (!isName(key)) throw refusal(`${place} is no setting${proposalFor(key)}`);
        given.set(key, { kind: 'file', place, text: textOf(key, value, place) });
      });
    }
  });
  return given;
}

function parsed(path: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Its message goes on with lines of the file, where a password may be.
    const [reason = ''] = error.message.split('\n');
    throw refusal(`${path}:${error.line}:${error.column}: ${reason}`);
  }
}

function isName(key: string): key is SettingName {
  return Object.hasOwn(SETTINGS, key);
}

function proposalFor(key: string): string {
  const nearest = closestMatch(key.toLowerCase(), settingNames, {
    maxDistance: Math.ceil(key.length / 3),
  });
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

function textOf(name: SettingName, value: unknown, place: string): string {
  const { form } = settingOf(name);
  const items = form.many && Array.isArray(value) ? value : [value];
  const texts = items.map((item) => {
    if (typeof item === 'string' || typeof item === 'number') return String(item);
    if (typeof item === 'boolean' && form.hint === undefined) return item ? 'yes' : 'no';
    throw refusal(`${place} takes ${form.many ? 'a string, or a list of them' : 'one value'}`);
  });
  return texts.join(' ');
}

/** The line that a key of the file's top stands in, from 1 on; 0: in none. */
export function lineOf(text: string, key: string): number {
  const isDefined = (line: string): boolean => {
    const [, name] = /^\s*\[*\s*["']?([^\s"'.=\]]+)/.exec(line) ?? [];
    return name === key;
  };
  return text.split('\n').findIndex(isDefined) + 1;
}

function refusal(message: string): ExitError {
  return new ExitError(EXIT.configuration, message);
}
