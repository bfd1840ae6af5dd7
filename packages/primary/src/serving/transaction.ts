import { array, error, NIL, OK, simple } from '../conversation/replies.ts';
import type { Client } from './client.ts';
import type { Command, Reply } from './command.ts';

/** Characters that are queued, and what a word takes besides. */
const MOST = 1024 * 1024;
const PER_WORD = 64;

const QUEUED = simple('QUEUED');

/** What a client has queued since MULTI (`multi.c`). */
export class Transaction {
  readonly #calls: (() => Reply | Promise<Reply>)[] = [];
  #size = 0;
  #spoiled = false;

  get length(): number {
    return this.#calls.length;
  }

  /** Something was refused: EXEC will carry out nothing. */
  spoil(): void {
    this.#spoiled = true;
  }

  queue(command: Command<Client>, client: Client, words: readonly string[]): Reply {
    for (const { length } of words) this.#size += length + PER_WORD;
    if (this.#size > MOST) {
      this.spoil();
      return error('ERR too much is queued in one transaction');
    }
    this.#calls.push(() => command.run(client, words));
    return QUEUED;
  }

  async execute(): Promise<Reply> {
    if (this.#spoiled) {
      return error('EXECABORT Transaction discarded because of previous errors.');
    }
    const replies = [];
    for (const call of this.#calls) replies.push((await call()) ?? NIL);
    return array(...replies);
  }
}

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
