import { takeOptions } from '../../conversation/replconf.ts';
import {
  array,
  bulk,
  error,
  integer,
  NOT_A_NUMBER,
  OK,
  SYNTAX_ERROR,
  simple,
  verbatim,
} from '../../conversation/replies.ts';
import type { Client } from '../client.ts';
import type { Caller, Command, CommandTable, Reply } from '../command.ts';
import { MANY } from '../command.ts';
import { channelCommands } from './channel-commands.ts';
import { clientCommand } from './client-command.ts';
import { commandCommand } from './command-command.ts';
import type { CommandHost } from './command-host.ts';
import { auth, hello } from './hello.ts';
import { replicationReport, role } from './report.ts';
import { transactionCommands } from './transaction-commands.ts';

const INTEGER = /^-?\d{1,15}$/;
const NO_WAITING_HERE = error(
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica ' +
    'is configured to be writable (which is not the default) writes to replicas are just local and are ' +
    'not propagated.',
);

/** All that is served, by name; `further` are served besides, or in the place of these. */
export function commandTable(host: CommandHost, further: CommandTable): CommandTable<Client> {
  const table = new Map<string, Command<Client>>([
    ...connectionCommands(host),
    ...replicationCommands(host),
    ...transactionCommands(),
    ...channelCommands(host.channels),
    ...further,
  ]);
  return table.set('command', commandCommand(table));
}

function connectionCommands(host: CommandHost): [string, Command<Client>][] {
  const forAll = { forStrangers: true, forSubscribers: true } as const;
  return [
    [
      'ping',
      {
        least: 1,
        most: 2,
        summary: 'Answers PONG, or what was said.',
        forSubscribers: true,
        run: ping,
      },
    ],
    ['echo', { least: 2, most: 2, summary: 'Says it back.', run: (_, [text = '']) => bulk(text) }],
    [
      'quit',
      { ...forAll, least: 1, most: MANY, summary: 'Ends.', inTransaction: 'at-once', run: quit },
    ],
    [
      'reset',
      {
        ...{ ...forAll, least: 1, most: 1, summary: 'Makes the connection as it was at first.' },
        inTransaction: 'at-once',
        run: (client) => reset(host, client),
      },
    ],
    [
      'auth',
      {
        ...{ least: 2, most: MANY, summary: 'Says who it is.', forStrangers: true },
        run: (...call) => auth(host, ...call),
      },
    ],
    [
      'hello',
      {
        ...{ least: 1, most: MANY, summary: 'Chooses RESP2 or RESP3.', forStrangers: true },
        inTransaction: 'never',
        run: (...call) => hello(host, ...call),
      },
    ],
    ['select', { least: 2, most: 2, summary: 'Notes a database.', run: select }],
    [
      'client',
      {
        ...{ least: 2, most: MANY, summary: 'Tells who is connected, names and ends them.' },
        isContainer: true,
        run: (...call) => clientCommand(host, ...call),
      },
    ],
  ];
}

function replicationCommands(host: CommandHost): [string, Command<Client>][] {
  const { replicas } = host;
  const toReplicas = { forReplicas: true, inTransaction: 'never' } as const;
  return [
    [
      'replconf',
      {
        ...{ ...toReplicas, least: 1, most: MANY, summary: 'Says what a replica is, and has.' },
        run: (...call) => replconf(host, ...call),
      },
    ],
    [
      'psync',
      {
        ...{ ...toReplicas, least: 3, most: MANY, summary: 'Follows, from where it was.' },
        run: (client, words) => replicas.psync(client, words),
      },
    ],
    [
      'sync',
      {
        ...{ ...toReplicas, least: 1, most: 1, summary: 'Follows, from a full copy.' },
        run: (client) => replicas.sync(client),
      },
    ],
    [
      'wait',
      {
        ...{ least: 3, most: 3, summary: 'Waits for the acknowledgements of replicas.' },
        run: (client, words) => wait(host, client, words),
      },
    ],
    [
      'info',
      {
        ...{ least: 1, most: MANY, summary: 'Tells the state of replication.' },
        run: () => verbatim(replicationReport(replicas)),
      },
    ],
    [
      'role',
      { least: 1, most: 1, summary: 'Tells its part in replication.', run: () => role(replicas) },
    ],
  ];
}

/** PONG, or what was said (`server.c: pingCommand`). */
export function ping({ listensByResp2 }: Caller, [text]: readonly string[]): Reply {
  if (listensByResp2) return array(bulk('pong'), bulk(text ?? ''));
  return text === undefined ? simple('PONG') : bulk(text);
}

function quit(client: Client): Reply {
  client.endAfterReply = true;
  return OK;
}

function reset({ authenticate, channels }: CommandHost, client: Client): Reply {
  client.reset(authenticate === undefined);
  channels.changed(client);
  return simple('RESET');
}

/** Nothing is read or written in a database; that one is named is no mistake. */
function select(client: Client, [index = '']: readonly string[]): Reply {
  if (!INTEGER.test(index)) return NOT_A_NUMBER;
  if (Number(index) < 0) return error('ERR DB index is out of range');
  client.database = Number(index);
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
