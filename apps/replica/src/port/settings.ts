import type { Reply } from '@forebay/primary';
import { bulk, error, map, OK, otherSubcommand, textOf, wrongArity } from '@forebay/primary';
import { matchesGlob } from '@forebay/resp';
import { InvalidArgumentError } from 'commander';
import type { CurrentSetting } from '../config/configuration.ts';
import { shown } from '../config/print.ts';
import { SETTINGS, type SettingName, settingOf } from '../config/settings.ts';
import { ExitError } from '../exit.ts';
import type { Status } from '../status/status.ts';

/** The settings in effect, and who changes them. */
export interface SettingsHost {
  readonly settings: readonly CurrentSetting[];
  /** Gives other values to all of these, or throws an `ExitError` and has changed none. */
  set(changes: ReadonlyMap<SettingName, string>): void;
  /** Puts what was set into the file, or throws an `ExitError`. */
  rewrite(): void;
}

/** Old names, by which servers know settings too. */
const OLD_NAMES: Readonly<Record<string, SettingName>> = {
  slaveof: 'replicaof',
  'slave-priority': 'replica-priority',
  'slave-announce-ip': 'replica-announce-ip',
  'slave-announce-port': 'replica-announce-port',
};

/** What servers have and we do not: as one would tell it that is what we are. */
const FIXED: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  databases: '16',
  maxmemory: '0',
  'maxmemory-policy': 'noeviction',
  'replica-read-only': 'yes',
  'slave-read-only': 'yes',
  save: '',
};

/** `CONFIG GET`, `SET`, `REWRITE` and `RESETSTAT`, of the table of settings. */
export function configCommand(
  host: SettingsHost,
  status: Status,
  resetCounts: () => void,
  [subcommand = '', ...words]: readonly string[],
): Reply {
  switch (subcommand.toLowerCase()) {
    case 'get':
      return words.length === 0 ? wrongArity('config|get') : get(host, status, words);
    case 'set':
      return words.length < 2 || words.length % 2 !== 0
        ? wrongArity('config|set')
        : set(host, words);
    case 'rewrite':
      return words.length > 0 ? wrongArity('config|rewrite') : rewrite(host);
    case 'resetstat':
      if (words.length > 0) return wrongArity('config|resetstat');
      resetCounts();
      return OK;
    default:
      return otherSubcommand('config', subcommand, [
        ...['GET <pattern> [...]', 'SET <directive> <value> [...]', 'REWRITE', 'RESETSTAT'],
      ]);
  }
}

function get(host: SettingsHost, status: Status, patterns: readonly string[]): Reply {
  const globs = patterns.map((pattern) => Buffer.from(pattern.toLowerCase(), 'latin1'));
  const found = [...directives(host, status)].filter(([name]) => {
    return globs.some((glob) => matchesGlob(glob, Buffer.from(name, 'latin1')));
  });
  return map(Object.fromEntries(found.map(([name, value]) => [name, bulk(textOf(value))])));
}

/** Secrets are not among them. */
function directives({ settings }: SettingsHost, status: Status): Map<string, string> {
  const { upstream, port, clients } = status;
  const all = new Map(Object.entries(FIXED));
  for (const setting of settings) {
    if (!setting.secret) all.set(setting.name, shown(setting) ?? '');
  }
  // What it has come to, where a setting leaves a choice.
  all.set('replicaof', `${upstream.host} ${upstream.port}`);
  all.set('maxclients', String(clients.most));
  if (all.get('port') === 'any') all.set('port', String(port));
  for (const [old, name] of Object.entries(OLD_NAMES)) all.set(old, all.get(name) ?? '');
  return all;
}

/** All or nothing, as in servers from 7.0 on (`config.c: configSetCommand`). */
function set(host: SettingsHost, words: readonly string[]): Reply {
  const changes = new Map<SettingName, string>();
  for (let i = 0; i < words.length; i += 2) {
    const given = words[i]!.toLowerCase();
    const name = nameOf(given);
    if (name === undefined) {
      if (Object.hasOwn(FIXED, given)) return failed(given, "can't set immutable config");
      return error(
        `ERR Unknown option or number of arguments for CONFIG SET - '${given.slice(0, 128)}'`,
      );
    }
    if (!settingOf(name).live) return failed(given, "can't set immutable config");
    if (changes.has(name)) return failed(given, 'duplicate parameter');
    // From a socket text comes with one character a byte.
    const text = Buffer.from(words[i + 1]!, 'latin1').toString('utf8');
    const complaint = complaintOf(name, text);
    if (complaint !== undefined) return failed(given, complaint);
    changes.set(name, text);
  }
  try {
    host.set(changes);
    return OK;
  } catch (thrown) {
    if (!(thrown instanceof ExitError)) throw thrown;
    return failed([...changes.keys()].join(', '), thrown.message);
  }
}

function rewrite(host: SettingsHost): Reply {
  try {
    host.rewrite();
    return OK;
  } catch (thrown) {
    if (!(thrown instanceof ExitError)) throw thrown;
    return error(textOf(`ERR ${thrown.message}`));
  }
}

function nameOf(given: string): SettingName | undefined {
  if (Object.hasOwn(SETTINGS, given)) return given as SettingName;
  return Object.hasOwn(OLD_NAMES, given) ? OLD_NAMES[given] : undefined;
}

function complaintOf(name: SettingName, text: string): string | undefined {
  try {
    settingOf(name).form.parse(text);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof InvalidArgumentError)) throw thrown;
    return thrown.message;
  }
}

function failed(name: string, reason: string): Reply {
  const shownName = name.slice(0, 128);
  return error(
    textOf(`ERR CONFIG SET failed (possibly related to argument '${shownName}') - ${reason}`),
  );
}
