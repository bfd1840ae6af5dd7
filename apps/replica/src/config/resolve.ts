import { InvalidArgumentError } from 'commander';
import type { ExitCode } from '../exit.ts';
import { EXIT, ExitError } from '../exit.ts';
import { learnSecret } from '../logging/secrets.ts';
import { NamedFiles, readSecret } from './named-files.ts';
import { SETTINGS, type SettingName, settingOf, type Values, variableOf } from './settings.ts';

/** Where a value came from; each goes before those after it, until all is read anew. */
type SourceKind = 'command' | 'flag' | 'environment' | 'file' | 'default';

/** A value as it was given, and where. */
export interface Given {
  readonly kind: SourceKind;
  /** For a person: `--port`, `FOREBAY_PORT`, `forebay.toml:3: port`. */
  readonly place: string;
  readonly text: string;
  /** The file that it was read from: a secret's. */
  readonly file?: string;
}

/** What a file of settings gives. */
export type ConfigFile = ReadonlyMap<SettingName, Given>;

/** Something that is wrong, and the exit code that it would end with. */
export interface Fault {
  readonly message: string;
  readonly exitCode: ExitCode;
}

/** Settings of all sources as one. */
export interface Resolved<Name extends SettingName = SettingName> {
  readonly values: Values<Name>;
  /** What was taken; a setting that nobody gave and that has no default is missing. */
  readonly given: ReadonlyMap<SettingName, Given>;
  /** The files that the values name, as they were when they were first asked for. */
  readonly files: NamedFiles;
}

/** All that settings may come from. */
export interface Sources {
  /** What was typed; nothing of what is not known here. */
  readonly flags: ReadonlyMap<SettingName, string>;
  readonly env: NodeJS.ProcessEnv;
  readonly file?: ConfigFile | undefined;
}

/** Takes each setting from the first source that has it. What cannot be read joins `faults`. */
export function resolve<Name extends SettingName>(
  names: readonly Name[],
  sources: Sources,
  faults: Fault[],
): Resolved<Name> {
  const given = new Map<SettingName, Given>();
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of names) {
    attempt(faults, () => {
      const found = find(name, sources);
      if (found === undefined) return;
      if (settingOf(name).secret) learnSecret(found.text);
      values[name] = read(name, found);
      given.set(name, found);
    });
  }
  return { values: values as Values<Name>, given, files: new NamedFiles() };
}

/** What `run` returns; where it throws what ends the daemon, that joins `faults`. */
export function attempt<T>(faults: Fault[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    faults.push(error);
    return undefined;
  }
}

/** The error that tells of all of them. */
export function refusalOf(faults: readonly Fault[]): ExitError {
  const message = faults.map((fault) => fault.message).join('; ');
  return new ExitError(exitCodeOf(faults), message);
}

/** Configuration where any of them is in a file or in the environment, else usage. */
export function exitCodeOf(faults: readonly Fault[]): ExitCode {
  return faults.some(({ exitCode }) => exitCode === EXIT.configuration)
    ? EXIT.configuration
    : EXIT.usage;
}

/** The code for what is wrong with a value: a flag is usage, anything else configuration. */
export function codeFor(given: Given | undefined): ExitCode {
  return given === undefined || given.kind === 'flag' ? EXIT.usage : EXIT.configuration;
}

function find(name: SettingName, { flags, env, file }: Sources): Given | undefined {
  const flag = flags.get(name);
  const no = flag === 'no' && settingOf(name).form.hint === undefined ? 'no-' : '';
  if (flag !== undefined) return { kind: 'flag', place: `--${no}${name}`, text: flag };
  return fromEnvironment(name, env) ?? file?.get(name) ?? fromDefault(name);
}

/** An empty variable is as good as none. */
function fromEnvironment(name: SettingName, env: NodeJS.ProcessEnv): Given | undefined {
  const variable = variableOf(name);
  const { [variable]: text, [`${variable}_FILE`]: path } = env;
  const isForeign = text !== undefined && settingOf(name).foreign?.test(text) === true;
  if (text && path && settingOf(name).secret) {
    const message = `${variable} and ${variable}_FILE are both set: unset the one that is not meant`;
    throw new ExitError(EXIT.configuration, message);
  }
  if (text && !isForeign) return { kind: 'environment', place: variable, text };
  if (!settingOf(name).secret || !path) return undefined;
  const place = `${variable}_FILE`;
  return { kind: 'environment', place, text: readSecret(place, path), file: path };
}

function fromDefault(name: SettingName): Given | undefined {
  const { default: text } = settingOf(name);
  return text === undefined ? undefined : { kind: 'default', place: 'default', text };
}

/** A setting's value. @throws {ExitError} where it cannot be read */
export function read(name: SettingName, given: Given): unknown {
  try {
    return SETTINGS[name].form.parse(given.text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new ExitError(codeFor(given), `${given.place}: ${error.message}`);
  }
}
