import { error, OK } from '../../conversation/replies.ts';
import type { Client } from '../client.ts';
import type { Command, Reply } from '../command.ts';
import { Transaction } from '../transaction.ts';

/** `MULTI`, `EXEC` and `DISCARD`. */
export function transactionCommands(): [string, Command<Client>][] {
  const each = { least: 1, most: 1, inTransaction: 'at-once' } as const;
  return [
    ['multi', { ...each, summary: 'Queues the commands that follow.', run: multi }],
    ['exec', { ...each, summary: 'Carries out what was queued.', run: exec }],
    ['discard', { ...each, summary: 'Forgets what was queued.', run: discard }],
  ];
}

function multi(client: Client): Reply {
  if (client.transaction !== undefined) return error('ERR MULTI calls can not be nested');
  client.transaction = new Transaction();
  return OK;
}

function exec(client: Client): Reply | Promise<Reply> {
  const { transaction } = client;
  if (transaction === undefined) return error('ERR EXEC without MULTI');
  client.transaction = undefined;
  return transaction.execute();
}

function discard(client: Client): Reply {
  if (client.transaction === undefined) return error('ERR DISCARD without MULTI');
  client.transaction = undefined;
  return OK;
}
