import type { Reply } from '../replies.ts';
import { array, error, NIL, simple } from '../replies.ts';

/** The most characters that may be queued; each word adds a fixed number to its own. */
const MAX_SIZE = 1024 * 1024;
const PER_WORD = 64;

const QUEUED = simple('QUEUED');

/** The commands that a client has queued since MULTI (`multi.c`). */
export class Transaction {
  readonly #calls: (() => Reply | Promise<Reply>)[] = [];
  #size = 0;
  #spoiled = false;

  get length(): number {
    return this.#calls.length;
  }

  /** Characters queued, including the fixed number for each word. */
  get size(): number {
    return this.#size;
  }

  /** A command was refused: EXEC will execute nothing. */
  spoil(): void {
    this.#spoiled = true;
  }

  queue(words: readonly string[], execute: () => Reply | Promise<Reply>): Reply {
    for (const { length } of words) this.#size += length + PER_WORD;
    if (this.#size > MAX_SIZE) {
      this.spoil();
      return error('ERR too much is queued in one transaction');
    }
    this.#calls.push(execute);
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
