import { array, error, NIL, simple } from '../conversation/replies.ts';
import type { Caller, Command, Reply } from './command.ts';

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

  /** Characters, and what words take besides. */
  get size(): number {
    return this.#size;
  }

  /** Something was refused: EXEC will carry out nothing. */
  spoil(): void {
    this.#spoiled = true;
  }

  queue<By extends Caller>(command: Command<By>, client: By, words: readonly string[]): Reply {
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
