import type { Caller, Command, CommandTable, Reply } from '@forebay/primary';
import {
  array,
  bulk,
  error,
  integer,
  map,
  OK,
  simple,
  textOf,
  unknownSubcommand,
  verbatim,
} from '@forebay/primary';
import type { Candidate, SentinelConfig } from '../config.ts';
import type { Status } from '../status/status.ts';
import { infoOf } from './info.ts';
import type { Following } from './replicaof.ts';
import { replicaof } from './replicaof.ts';
import { roleOf } from './role.ts';
import type { SettingsHost } from './settings.ts';
import { configCommand } from './settings.ts';

/** What the port is told by, and tells. */
export interface PortHost {
  readonly settings: SettingsHost;
  /** What Sentinels are told, as of now. */
  readonly sentinel: SentinelConfig;
  readonly configFile: string | undefined;
  readonly following: Following;
  /** Takes note of whom we were told to follow, for CONFIG REWRITE. */
  follows(candidate: Candidate): void;
  status(): Status;
  /** Has a fresh base fetched. It never rejects. */
  freshenBase(): Promise<void>;
  /** Has what is counted of clients begin anew. */
  resetCounts(): void;
  /** Ends the daemon, as SIGTERM does. */
  shutdown(): void;
}

const MANY = 1024;
const NOT_ON_REPLICAS = error('ERR WAITAOF cannot be used with replica instances.');
const NO_COUNT = error(
  'ERR forebay keeps a replication stream and does not count its keys: ask the primary.',
);
const LOADING = error('LOADING forebay is receiving its first data set');
const MASTERDOWN = error('MASTERDOWN Link with MASTER is down, and nothing is held yet.');

/** What is answered to a command that no forebay has. */
export function refusal(name: string): ReturnType<typeof error> {
  return error(
    `ERR '${name.slice(0, 128)}' is not served: forebay keeps the replication stream of its primary and ` +
      'reads and writes no keys. Ask the primary, or a server that replicates from here.',
  );
}

/** What a replica's port answers besides replication itself. */
export function portCommands(host: PortHost): CommandTable {
  const empty = array();
  const follow = (client: Caller, words: readonly string[]) =>
    replicaof(host.following, (candidate) => host.follows(candidate), client, words);
  return new Map<string, Command>([
    [
      'ping',
      { ...words(1, 2, 'Answers PONG once something is held.'), forSubscribers: true, run: ping },
    ],
    [
      'info',
      {
        ...words(1, MANY, 'Tells all there is to tell, in the sections of a server.'),
        run: (_, names) => verbatim(textOf(infoOf(host.status(), host, names))),
      },
    ],
    ['role', { ...words(1, 1, 'Tells whom it follows.'), run: () => roleOf(host.status()) }],
    [
      'config',
      {
        ...words(2, MANY, 'Tells what it was told, and changes what can change.'),
        run: (_, rest) =>
          configCommand(host.settings, host.status(), () => host.resetCounts(), rest),
      },
    ],
    ['replicaof', { ...words(3, 3, 'Follows another primary, or none.'), run: follow }],
    ['slaveof', { ...words(3, 3, 'The old name of REPLICAOF.'), run: follow }],
    [
      'lastsave',
      {
        ...words(1, 1, 'Tells when the newest base was taken in.'),
        run: () => integer(Math.floor((host.status().log?.base?.time ?? 0) / 1000)),
      },
    ],
    [
      'bgsave',
      {
        ...words(1, 2, 'Fetches a fresh base from the primary.'),
        run: () => {
          if (host.status().link.state !== 'stream') {
            return error('ERR a base cannot be fetched while the link to the primary is down');
          }
          void host.freshenBase();
          return simple('Background saving started');
        },
      },
    ],
    ['dbsize', { ...words(1, 1, 'Is not known here.'), run: () => NO_COUNT }],
    ['waitaof', { ...words(4, 4, 'Is for primaries.'), run: () => NOT_ON_REPLICAS }],
    [
      'shutdown',
      {
        ...words(1, MANY, 'Syncs everything, and ends.'),
        inTransaction: 'never',
        run: () => {
          host.shutdown();
          return undefined;
        },
      },
    ],
    ['slowlog', log('slowlog', 'Is empty: nothing here is slow.')],
    ['commandlog', log('commandlog', 'Is empty: nothing here is slow.')],
    [
      'latency',
      {
        ...words(2, MANY, 'Is not measured here.'),
        run: (_, [what = '']) => {
          const name = what.toLowerCase();
          if (name === 'reset') return integer(0);
          if (name === 'histogram') return map({});
          return ['latest', 'history'].includes(name) ? empty : unknownSubcommand('latency', what);
        },
      },
    ],
    [
      'acl',
      {
        ...words(2, MANY, 'Tells who it is: there is one user.'),
        run: (_, [what = '']) =>
          what.toLowerCase() === 'whoami' ? bulk('default') : unknownSubcommand('acl', what),
      },
    ],
    [
      'module',
      {
        ...words(2, MANY, 'There are none.'),
        run: (_, [what = '']) =>
          what.toLowerCase() === 'list' ? empty : unknownSubcommand('module', what),
      },
    ],
  ]);

  /** Once something is held it is PONG, whatever becomes of the link: a stale log is read as well. */
  function ping(_: Caller, [text]: readonly string[]): Reply {
    const { log: held, link } = host.status();
    if (held?.history === undefined) return link.transfer === undefined ? MASTERDOWN : LOADING;
    return text === undefined ? simple('PONG') : bulk(text);
  }
}

function log(command: string, summary: string): Command {
  return {
    ...words(2, MANY, summary),
    run: (_, [what = '']) => {
      switch (what.toLowerCase()) {
        case 'get':
          return array();
        case 'len':
          return integer(0);
        case 'reset':
          return OK;
        default:
          return unknownSubcommand(command, what);
      }
    },
  };
}

function words(least: number, most: number, summary: string) {
  return { least, most, summary };
}
