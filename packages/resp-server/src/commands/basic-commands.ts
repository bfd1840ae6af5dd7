import type { RespFailure } from '@forebay/resp';
import type { Client } from '../clients/client.ts';
import type { Reply } from '../replies.ts';
import { array, bulk, error, NOT_A_NUMBER, OK, simple } from '../replies.ts';
import type { Command } from './command.ts';
import { MANY } from './command.ts';

const INTEGER = /^-?\d{1,15}$/;

/** `notReady` returns the reply to PING while the server is not ready. */
export function basicCommands(
  notReady: () => RespFailure | undefined,
): [name: string, command: Command][] {
  return [
    [
      'ping',
      {
        least: 1,
        most: 2,
        summary: 'Answers PONG, or its argument; an error while the server is not ready.',
        forSubscribers: true,
        run: (client, words) => notReady() ?? ping(client, words),
      },
    ],
    [
      'echo',
      {
        least: 2,
        most: 2,
        summary: 'Answers its argument.',
        run: (_, [text = '']) => bulk(text),
      },
    ],
    [
      'quit',
      {
        least: 1,
        most: MANY,
        summary: 'Closes the connection.',
        forStrangers: true,
        forSubscribers: true,
        inTransaction: 'at-once',
        run: quit,
      },
    ],
    ['select', { least: 2, most: 2, summary: 'Sets the database of the connection.', run: select }],
  ];
}

/** `server.c: pingCommand`. */
function ping({ listensByResp2 }: Client, [text]: readonly string[]): Reply {
  if (listensByResp2) return array(bulk('pong'), bulk(text ?? ''));
  return text === undefined ? simple('PONG') : bulk(text);
}

function quit(client: Client): Reply {
  client.endAfterReply = true;
  return OK;
}

/** Any database can be selected: the other commands decide what it means. */
function select(client: Client, [index = '']: readonly string[]): Reply {
  if (!INTEGER.test(index)) return NOT_A_NUMBER;
  if (Number(index) < 0) return error('ERR DB index is out of range');
  client.database = Number(index);
  return OK;
}
