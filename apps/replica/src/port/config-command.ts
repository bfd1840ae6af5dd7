import { matchesGlob } from '@forebay/resp';
import type { Reply } from '@forebay/resp-server';
import { bulk, error, map, OK, otherSubcommand, textOf, wrongArity } from '@forebay/resp-server';
import { InvalidArgumentError } from 'commander';
import type { Configuration, Rewritten } from '../config/configuration.ts';
import { shown } from '../config/print.ts';
import { SETTINGS, type SettingName, settingOf } from '../config/settings.ts';
import { ExitError } from '../exit.ts';
import type { Reporter } from '../reporter.ts';
import type { Status } from '../status/status.ts';
import type { Stats } from './stats.ts';

/** What `CONFIG` reads and changes. */
export interface ConfigParts {
  readonly configuration: Configuration;
  readonly stats: Stats;
  readonly reporter: Reporter;
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
  { configuration, stats, reporter }: ConfigParts,
  status: Status,
  [subcommand = '', ...words]: readonly string[],
): Reply {
  switch (subcommand.toLowerCase()) {
    case 'get':
      return words.length === 0 ? wrongArity('config|get') : get(configuration, status, words);
    case 'set':
      return words.length < 2 || words.length % 2 !== 0
        ? wrongArity('config|set')
        : set(configuration, words);
    case 'rewrite':
      return words.length > 0 ? wrongArity('config|rewrite') : rewrite(configuration, reporter);
    case 'resetstat':
      if (words.length > 0) return wrongArity('config|resetstat');
      stats.reset();
      return OK;
    default:
      return otherSubcommand('config', subcommand, [
        'GET <pattern> [...]',
        'SET <directive> <value> [...]',
        'REWRITE',
        'RESETSTAT',
      ]);
  }
}

function get(configuration: Configuration, status: Status, patterns: readonly string[]): Reply {
  const globs = patterns.map((pattern) => Buffer.from(pattern.toLowerCase(), 'latin1'));
  const found = [...directives(configuration, status)].filter(([name]) => {
    return globs.some((glob) => matchesGlob(glob, Buffer.from(name, 'latin1')));
  });
  return map(Object.fromEntries(found.map(([name, value]) => [name, bulk(textOf(value))])));
}

/** Secrets are not among them. */
function directives({ settings }: Configuration, status: Status): Map<string, string> {
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
function set(configuration: Configuration, words: readonly string[]): Reply {
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
    configuration.set(changes);
    return OK;
  } catch (thrown) {
    if (!(thrown instanceof ExitError)) throw thrown;
    return failed([...changes.keys()].join(', '), thrown.message);
  }
}

function rewrite(configuration: Configuration, reporter: Reporter): Reply {
  try {
    logRewritten(configuration.rewrite(), reporter);
    return OK;
  } catch (thrown) {
    if (!(thrown instanceof ExitError)) throw thrown;
    // A Sentinel does not look at the reply.
    reporter.trouble(`CONFIG REWRITE has written nothing: ${thrown.message}`, {
      event: 'rewrite-failed',
      reason: thrown.message,
    });
    return error(textOf(`ERR ${thrown.message}`));
  }
}

function logRewritten({ path, mode, overruled, exposed }: Rewritten, reporter: Reporter): void {
  for (const name of overruled) {
    reporter.trouble(`${name} is written, but a flag or a variable goes before the file`, {
      event: 'setting-overruled',
      setting: name,
    });
  }
  for (const name of exposed) {
    reporter.trouble(
      `CONFIG REWRITE wrote the secret of ${name} to ${path}, which other users can read ` +
        `(mode ${mode.toString(8).padStart(4, '0')}): chmod 600 ${path}`,
      { event: 'secret-readable', setting: name },
    );
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
