import type { Reply } from '@forebay/primary';
import { bulk, error, map, OK, textOf, unknownSubcommand, wrongArity } from '@forebay/primary';
import { matchesGlob } from '@forebay/resp';
import type { ReplicaConfig } from '../config.ts';
import type { Status } from '../status/status.ts';

/** What can change while it runs. */
export interface PortSettings {
  /** 0: no Sentinel promotes us (`replica-priority`). */
  priority: number;
  /** Whether Sentinels are to name us (`replica-announced`). */
  announced: boolean;
}

interface Directive {
  readonly value: string;
  /** Takes another value, or says what is wrong with it; left out where it cannot change. */
  readonly set?: (value: string) => string | undefined;
}

/** `CONFIG GET`, `SET`, `REWRITE` and `RESETSTAT`, of what the daemon was told. */
export function configCommand(
  config: ReplicaConfig,
  status: Status,
  settings: PortSettings,
  [subcommand = '', ...words]: readonly string[],
): Reply {
  const directives = directivesOf(config, status, settings);
  switch (subcommand.toLowerCase()) {
    case 'get':
      return words.length === 0 ? wrongArity('config|get') : get(directives, words);
    case 'set':
      return words.length < 2 || words.length % 2 !== 0
        ? wrongArity('config|set')
        : set(directives, words);
    // There is no file: what was set holds until the end, and Sentinel is to go on.
    case 'rewrite':
    case 'resetstat':
      return OK;
    default:
      return unknownSubcommand('config', subcommand);
  }
}

type Directives = Readonly<Record<string, Directive>>;

function get(directives: Directives, patterns: readonly string[]): Reply {
  const globs = patterns.map((pattern) => Buffer.from(pattern.toLowerCase(), 'latin1'));
  const found = Object.entries(directives).filter(([name]) => {
    return globs.some((glob) => matchesGlob(glob, Buffer.from(name, 'latin1')));
  });
  return map(Object.fromEntries(found.map(([name, { value }]) => [name, bulk(textOf(value))])));
}

/** The first that cannot be set stops it; those before it stay in force. */
function set(directives: Directives, words: readonly string[]): Reply {
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]!.toLowerCase();
    const directive = Object.hasOwn(directives, name) ? directives[name] : undefined;
    const shown = name.slice(0, 128);
    if (directive === undefined) {
      return error(`ERR Unknown option or number of arguments for CONFIG SET - '${shown}'`);
    }
    const failed = `ERR CONFIG SET failed (possibly related to argument '${shown}') - `;
    if (directive.set === undefined) return error(`${failed}can't set immutable config`);
    const complaint = directive.set(words[i + 1]!);
    if (complaint !== undefined) return error(`${failed}${complaint}`);
  }
  return OK;
}

/** Secrets are not among them. */
function directivesOf(
  { directory, fsync, timeout, base, listen, announcedAddress = '' }: ReplicaConfig,
  { upstream, port, backlogSize }: Status,
  settings: PortSettings,
): Directives {
  const replicaof = { value: `${upstream.host} ${upstream.port}` };
  const priority = {
    value: String(settings.priority),
    set: (value: string) => {
      if (!/^\d{1,9}$/.test(value)) return 'argument must be a whole number from 0 on';
      settings.priority = Number(value);
      return undefined;
    },
  };
  const announced = {
    value: yesOrNo(settings.announced),
    set: (value: string) => {
      if (!/^(yes|no)$/i.test(value)) return "argument must be 'yes' or 'no'";
      settings.announced = value.toLowerCase() === 'yes';
      return undefined;
    },
  };
  return {
    replicaof,
    slaveof: replicaof,
    port: { value: String(port) },
    bind: { value: listen?.host ?? '' },
    'protected-mode': { value: yesOrNo(listen?.protectedMode ?? true) },
    maxclients: { value: '10000' },
    databases: { value: '16' },
    dir: { value: directory },
    save: { value: '' },
    appendonly: { value: 'yes' },
    appendfsync: { value: fsync },
    'auto-aof-rewrite-percentage': { value: String(base.percentage) },
    'auto-aof-rewrite-min-size': { value: String(base.minSize) },
    maxmemory: { value: '0' },
    'maxmemory-policy': { value: 'noeviction' },
    timeout: { value: '0' },
    'repl-timeout': { value: String(timeout / 1000) },
    'repl-backlog-size': { value: String(backlogSize) },
    'replica-read-only': { value: 'yes' },
    'replica-announce-ip': { value: announcedAddress },
    'replica-priority': priority,
    'slave-priority': priority,
    'replica-announced': announced,
  };
}

function yesOrNo(value: boolean): string {
  return value ? 'yes' : 'no';
}
