import type { Client } from '../clients/client.ts';
import { Transaction } from '../clients/transaction.ts';
import type { Reply } from '../replies.ts';
import { error, OK } from '../replies.ts';
import type { Command } from './command.ts';

/** `MULTI`, `EXEC` and `DISCARD`. */
export function transactionCommands(): [name: string, command: Command][] {
  const each = { least: 1, most: 1, inTransaction: 'at-once' } as const;
  return [
    ['multi', { ...each, summary: 'Queues the commands that follow.', run: multi }],
    ['exec', { ...each, summary: 'Executes the queued commands.', run: exec }],
    ['discard', { ...each, summary: 'Discards the queued commands.', run: discard }],
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
