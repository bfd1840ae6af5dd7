import { takeOptions } from '../conversation/replconf.ts';
import {
  bulk,
  error,
  integer,
  NOT_A_NUMBER,
  OK,
  SYNTAX_ERROR,
  simple,
} from '../conversation/replies.ts';
import type { Client } from './client.ts';
import { clientCommand } from './client-command.ts';
import { replicationReport, role } from './report.ts';
import type { ServedReplicas } from './served-replicas.ts';

/** One command: how many words it takes, its name included, and what it does. */
interface Command {
  readonly least: number;
  readonly most: number;
  /** Answered before AUTH, where a password is asked for. */
  readonly forStrangers?: boolean;
  /** Taken from a replica that is served. */
  readonly forReplicas?: boolean;
  /** Takes the words after the name, and gives the reply; until it has, nothing more is taken. */
  run(client: Client, words: readonly string[]): Reply | Promise<Reply>;
}

/** On the wire; undefined where there is none, or none to be made here. */
export type Reply = string | undefined;

export type CommandTable = ReadonlyMap<string, Command>;

/** What is asked of who serves, by commands. */
export interface CommandHost {
  readonly replicas: ServedReplicas;
  readonly clients: Iterable<Client>;
  /** Whether a name and a password are right; undefined: none is asked for. */
  readonly authenticate: ((user: string, password: string) => boolean) | undefined;
  now(): number;
}

const MANY = 1024;
const INTEGER = /^-?\d{1,15}$/;
const NO_PASSWORD = error(
  'ERR AUTH <password> called without any password configured for the default user. ' +
    'Are you sure your configuration is correct?',
);
const WRONG_PASSWORD = error('WRONGPASS invalid username-password pair or user is disabled.');
const NO_WAITING_HERE = error(
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica ' +
    'is configured to be writable (which is not the default) writes to replicas are just local and are ' +
    'not propagated.',
);

/** All that is served, by name. */
export function commandTable(host: CommandHost): CommandTable {
  return new Map<string, Command>([
    ['ping', { least: 1, most: 2, run: ping }],
    ['echo', { least: 2, most: 2, run: (_, [text = '']) => bulk(text) }],
    ['quit', { least: 1, most: MANY, forStrangers: true, run: quit }],
    ['auth', { least: 2, most: MANY, forStrangers: true, run: (...call) => auth(host, ...call) }],
    [
      'replconf',
      { least: 1, most: MANY, forReplicas: true, run: (...call) => replconf(host, ...call) },
    ],
    [
      'psync',
      {
        least: 3,
        most: MANY,
        forReplicas: true,
        run: (client, words) => host.replicas.psync(client, words),
      },
    ],
    ['sync', { least: 1, most: 1, forReplicas: true, run: (client) => host.replicas.sync(client) }],
    ['wait', { least: 3, most: 3, run: (client, words) => wait(host, client, words) }],
    [
      'info',
      {
        least: 1,
        most: MANY,
        run: () => bulk(replicationReport(host.replicas, host.now())),
      },
    ],
    ['role', { least: 1, most: 1, run: () => role(host.replicas) }],
    [
      'client',
      { least: 2, most: MANY, run: (client, words) => clientCommand(host, client, words) },
    ],
  ]);
}

function ping(_: Client, [text]: readonly string[]): Reply {
  return text === undefined ? simple('PONG') : bulk(text);
}

function quit(client: Client): Reply {
  client.reply(OK);
  client.end();
  return undefined;
}

function auth({ authenticate }: CommandHost, client: Client, words: readonly string[]): Reply {
  if (words.length > 2) return SYNTAX_ERROR;
  const [password = '', user = 'default'] = words.toReversed();
  if (authenticate === undefined && words.length === 1) return NO_PASSWORD;
  if (authenticate === undefined) return user === 'default' ? OK : WRONG_PASSWORD;
  if (!authenticate(user, password)) return WRONG_PASSWORD;
  client.authenticate();
  return OK;
}

/** ACK and GETACK have no reply (`replication.c: replconfCommand`). */
function replconf({ replicas }: CommandHost, client: Client, words: readonly string[]): Reply {
  const [option = '', value = '', further = '', synced = ''] = words;
  if (words.length % 2 !== 0 && client.attachment === undefined) return SYNTAX_ERROR;
  switch (option.toLowerCase()) {
    case 'ack':
      replicas.acknowledged(client, value, further.toLowerCase() === 'fack' ? synced : undefined);
      return undefined;
    case 'getack':
      return undefined;
    default: {
      const reply = takeOptions(client.traits, words);
      // In the stream it would be taken for a part of it.
      return client.attachment === undefined ? reply : undefined;
    }
  }
}

async function wait(
  { replicas }: CommandHost,
  client: Client,
  [count = '', timeout = '']: readonly string[],
): Promise<Reply> {
  if (replicas.upstream !== undefined) return NO_WAITING_HERE;
  if (!INTEGER.test(count)) return NOT_A_NUMBER;
  if (!INTEGER.test(timeout)) return error('ERR timeout is not an integer or out of range');
  if (Number(timeout) < 0) return error('ERR timeout is negative');
  return integer(await replicas.wait(Number(count), Number(timeout), client));
}
