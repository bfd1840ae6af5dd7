import type { RespFailure } from '@forebay/resp';
import type { Client, Command, Commands, Reply } from '@forebay/resp-server';
import {
  array,
  bulk,
  error,
  integer,
  MANY,
  map,
  OK,
  otherSubcommand,
  SYNTAX_ERROR,
  simple,
  textOf,
  verbatim,
  wrongArity,
} from '@forebay/resp-server';
import type { Configuration } from '../config/configuration.ts';
import type { Follower } from '../follow/follower.ts';
import type { Reporter } from '../reporter.ts';
import type { Status } from '../status/status.ts';
import { configCommand } from './config-command.ts';
import { infoOf } from './info.ts';
import { replicaof } from './replicaof.ts';
import { roleOf } from './role.ts';
import type { Stats } from './stats.ts';

/** The parts of the daemon that commands read and change. */
export interface PortParts {
  readonly configuration: Configuration;
  readonly follower: Follower;
  readonly stats: Stats;
  readonly reporter: Reporter;
  status(): Status;
  /** Ends the daemon, as SIGTERM does. */
  shutdown(): void;
}

const NOT_ON_REPLICAS = error(
  'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just ' +
    'local and are not propagated.',
);
const NO_COUNT = error(
  'ERR forebay keeps a replication stream and does not count its keys: ask the primary.',
);
const BAD_COUNT = error('ERR count should be greater than or equal to -1');
const SHUTDOWN_OPTIONS = new Set(['nosave', 'save', 'now', 'force']);
const LOADING = error('LOADING forebay is receiving its first data set');
const MASTERDOWN = error('MASTERDOWN Link with MASTER is down, and nothing is held yet.');

/** Of clusters: what a server says that is in none (`cluster.c: clusterCommand`). */
const OF_CLUSTERS = new Set(['cluster', 'readonly', 'readwrite', 'asking']);
const NO_CLUSTER = error('ERR This instance has cluster support disabled');

/** What is answered to a command that no forebay has. */
export function refusal(name: string): RespFailure {
  if (OF_CLUSTERS.has(name.toLowerCase())) return NO_CLUSTER;
  return error(
    `ERR '${name.slice(0, 128)}' is not served: forebay keeps the replication stream of its primary and ` +
      'reads and writes no keys. Ask the primary, or a server that replicates from here.',
  );
}

/** The reply to PING until there is data; then PING is answered with PONG even without a link: a stale log can be read. */
export function notReady({ log, link }: Status): RespFailure | undefined {
  if (log?.history !== undefined) return undefined;
  return link.transfer === undefined ? MASTERDOWN : LOADING;
}

/** The commands of the port, in addition to those of `ReplicationServer` and `RespServer`. */
export function portCommands(parts: PortParts): Commands {
  const empty = array();
  // One at a time, in the order of arrival: a server that is slow to answer must not make an earlier command win.
  let last: Promise<unknown> = Promise.resolve();
  const follow = (client: Client, words: readonly string[]) => {
    const reply = last.then(() => replicaof(parts.follower, parts.configuration, client, words));
    last = reply.catch(() => {});
    return reply;
  };
  return new Map<string, Command>([
    [
      'info',
      {
        ...words(1, MANY, 'Tells all there is to tell, in the sections of a server.'),
        run: (_, names) =>
          verbatim(textOf(infoOf(parts.status(), parts.configuration, parts.stats, names))),
      },
    ],
    ['role', { ...words(1, 1, 'Tells whom it follows.'), run: () => roleOf(parts.status()) }],
    [
      'config',
      {
        ...words(2, MANY, 'Tells what it was told, and changes what can change.'),
        isContainer: true,
        run: (_, rest) => configCommand(parts, parts.status(), rest),
      },
    ],
    ['replicaof', { ...words(3, 3, 'Follows another primary, or none.'), run: follow }],
    ['slaveof', { ...words(3, 3, 'The old name of REPLICAOF.'), run: follow }],
    [
      'lastsave',
      {
        ...words(1, 1, 'Tells when the newest base was taken in.'),
        run: () => integer(Math.floor((parts.status().log?.base?.time ?? 0) / 1000)),
      },
    ],
    [
      'bgsave',
      {
        ...words(1, 2, 'Fetches a fresh base from the primary.'),
        run: (_, [when]) => {
          if (when !== undefined && when.toLowerCase() !== 'schedule') return SYNTAX_ERROR;
          if (parts.status().link.state !== 'stream') {
            return error('ERR a base cannot be fetched while the link to the primary is down');
          }
          void parts.follower.freshenBase();
          return simple('Background saving started');
        },
      },
    ],
    ['time', { ...words(1, 1, 'Tells the time.'), run: () => timeOf(parts.status().now) }],
    ['dbsize', { ...words(1, 1, 'Is not known here.'), run: () => NO_COUNT }],
    ['waitaof', { ...words(4, 4, 'Is for primaries.'), run: () => NOT_ON_REPLICAS }],
    [
      'shutdown',
      {
        ...words(1, MANY, 'Syncs everything, and ends.'),
        inTransaction: 'never',
        run: (_, options) => shutdown(parts, options),
      },
    ],
    ['slowlog', log('slowlog', 'Is empty: nothing here is slow.')],
    ['commandlog', log('commandlog', 'Is empty: nothing here is slow.')],
    [
      'latency',
      {
        ...words(2, MANY, 'Is not measured here.'),
        isContainer: true,
        run: (_, [what = '', ...rest]) => {
          switch (what.toLowerCase()) {
            case 'latest':
              return rest.length > 0 ? wrongArity('latency|latest') : empty;
            case 'history':
              return rest.length === 1 ? empty : wrongArity('latency|history');
            case 'histogram':
              return map({});
            case 'reset':
              return integer(0);
            default:
              return otherSubcommand('latency', what, [
                'HISTOGRAM [<command> ...]',
                'HISTORY <event>',
                'LATEST',
                'RESET [<event> ...]',
              ]);
          }
        },
      },
    ],
    [
      'acl',
      {
        ...words(2, MANY, 'Tells who it is: there is one user.'),
        isContainer: true,
        run: (_, [what = '']) =>
          what.toLowerCase() === 'whoami'
            ? bulk('default')
            : otherSubcommand('acl', what, ['WHOAMI']),
      },
    ],
    [
      'module',
      {
        ...words(2, MANY, 'There are none.'),
        isContainer: true,
        run: (_, [what = '']) =>
          what.toLowerCase() === 'list' ? empty : otherSubcommand('module', what, ['LIST']),
      },
    ],
  ]);
}

/** There is nothing to be saved that is not, and nobody is waited for; it is not told that it worked. */
function shutdown(parts: PortParts, options: readonly string[]): Reply {
  const asked = options.map((option) => option.toLowerCase());
  if (asked.length === 1 && asked[0] === 'abort') return error('ERR No shutdown in progress.');
  const isKnown = asked.every((option) => SHUTDOWN_OPTIONS.has(option));
  if (!isKnown || (asked.includes('save') && asked.includes('nosave'))) return SYNTAX_ERROR;
  parts.shutdown();
  return undefined;
}

function log(command: string, summary: string): Command {
  return {
    ...words(2, MANY, summary),
    isContainer: true,
    run: (_, [what = '', count = '-1']) => {
      switch (what.toLowerCase()) {
        case 'get':
          return /^(?:-1|\d{1,9})$/.test(count) ? array() : BAD_COUNT;
        case 'len':
          return integer(0);
        case 'reset':
          return OK;
        default:
          return otherSubcommand(command, what, ['GET [<count>]', 'LEN', 'RESET']);
      }
    },
  };
}

function words(least: number, most: number, summary: string) {
  return { least, most, summary };
}

/** Seconds, and microseconds besides (`server.c: timeCommand`). */
function timeOf(now: number): Reply {
  const parts = [Math.floor(now / 1000), (now % 1000) * 1000];
  return array(...parts.map((part) => bulk(String(part))));
}
