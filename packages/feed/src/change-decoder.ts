import type { Boundary } from '@forebay/psync';
import { CommandCursor, RespError } from '@forebay/resp';
import type { Change, Transaction } from './change.ts';
import { FORMAT_VERSION } from './change.ts';
import { CommandSpecs } from './command-keys.ts';
import { FeedError } from './errors.ts';
import type { ChangeFilter } from './filter.ts';
import { Sieve } from './filter.ts';

/** What primaries since 7.0 may send; a bulk's length is not bounded on this link (since 6.0.7). */
const MAX_ARGUMENTS = 2_147_483_647;

/** Size of a command, in bytes, from which the memory of the cursor is used without a copy. */
const LONG = 64 * 1024;

/** Where a stream begins that is decoded. */
export interface DecoderStart {
  /** The replication id that the first bytes come under. */
  readonly id: string;
  /** Of the last byte before the first pushed: between two commands, outside of a transaction. */
  readonly offset: number;
  /** The one selected there. */
  readonly database: number;
  /** Changes up to this offset are passed over: they are known. None unless given. */
  readonly after?: number;
  readonly filter?: ChangeFilter;
}

/** A transaction that is being read, and how many of its changes came through. */
interface OpenTransaction {
  readonly id: number;
  seen: number;
}

/**
 * Makes changes of a replication stream: bytes in, changes out. What the link itself needs (PING, SELECT,
 * MULTI, EXEC, REPLCONF) is taken in and gives none.
 *
 * The last change of a transaction is known by the EXEC after it: until that came, or another change,
 * it is held back.
 */
export class ChangeDecoder {
  readonly #cursor = new CommandCursor({
    maxArguments: MAX_ARGUMENTS,
    maxBulkLength: Number.MAX_SAFE_INTEGER,
  });
  readonly #specs = new CommandSpecs();
  readonly #sieve: Sieve | undefined;
  readonly #start: number;
  readonly #after: number;
  #id: string;
  #database: number;
  #boundary: number;
  #databaseAtBoundary: number;
  #transaction: OpenTransaction | undefined;
  #heldBack: Change | undefined;
  #memory: ArrayBufferLike | undefined;
  #time: number | undefined;

  /** @throws {FeedError} `INVALID_OPTION` where the filter cannot be used */
  constructor({ id, offset, database, after = offset, filter }: DecoderStart) {
    this.#sieve = filter && new Sieve(filter);
    this.#id = id;
    this.#start = offset;
    this.#after = after;
    this.#boundary = offset;
    this.#database = database;
    this.#databaseAtBoundary = database;
  }

  /** The last place, of what `next` has gone through, that can be begun at again. */
  get boundary(): Boundary {
    return { offset: this.#boundary, database: this.#databaseAtBoundary };
  }

  /** The id that what follows comes under. */
  get id(): string {
    return this.#id;
  }

  set id(id: string) {
    this.#id = id;
  }

  /**
   * Gives the next bytes of the stream, once `next` has returned undefined. They must not change any
   * more: the changes have views of them. `time`: when they arrived, milliseconds since 1970.
   */
  push(bytes: Uint8Array, time?: number): void {
    this.#time = time;
    this.#memory = bytes.buffer;
    this.#cursor.push(bytes);
  }

  /**
   * The next change; undefined: more bytes are needed.
   *
   * @throws {FeedError} `DESYNCHRONIZED`, the same at each further call. Inline commands are that too
   *   (6.0.4 and later: `networking.c: processInlineBuffer`), but for the `select` of Redis 2.6
   */
  next(): Change | undefined {
    const cursor = this.#cursor;
    try {
      while (cursor.next()) {
        const change = this.#onCommand(cursor);
        if (this.#transaction === undefined) this.#boundHere(cursor);
        if (change !== undefined) return change;
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      throw this.#desynchronized(this.#consumed(cursor), error.message, error);
    }
  }

  #onCommand(cursor: CommandCursor): Change | undefined {
    if (cursor.argumentCount === 0) return undefined;
    if (cursor.inline && !cursor.argumentIs(0, 'SELECT')) {
      const before = this.#consumed(cursor) - cursor.bytesConsumed;
      throw this.#desynchronized(before, 'inline command');
    }
    const spec = this.#specs.of(cursor);
    switch (spec.name) {
      case 'PING':
      case 'REPLCONF':
        return undefined;
      case 'SELECT':
        if (cursor.argumentCount === 2) this.#database = Number(cursor.argumentText(1));
        return undefined;
      case 'MULTI':
        this.#transaction ??= { id: this.#consumed(cursor), seen: 0 };
        return undefined;
      case 'EXEC':
        return this.#endTransaction();
    }
    const offset = this.#consumed(cursor);
    if (offset <= this.#after) return undefined;
    const places = spec.places(cursor);
    if (this.#sieve?.lets(this.#database, spec, places, cursor) === false) return undefined;
    const args = this.#argumentsOf(cursor);
    const tx = this.#transaction && nextIn(this.#transaction);
    const change: Change = {
      type: 'change',
      v: FORMAT_VERSION,
      id: this.#id,
      offset,
      database: this.#database,
      command: spec.name,
      keys: spec.known ? keysOf(args, places) : undefined,
      args,
      tx,
      time: this.#time,
    };
    return tx === undefined ? change : this.#holdBack(change);
  }

  /** Of a command that came in several pieces, what is short is copied: the cursor uses its own memory again. */
  #argumentsOf(cursor: CommandCursor): Uint8Array[] {
    const count = cursor.argumentCount - 1;
    const isLong = cursor.bytesConsumed > LONG;
    if (isLong) cursor.keepArguments();
    // As long as it has to be: one that grows takes room for 17 at the first, and the collector's time.
    const args = new Array<Uint8Array>(count);
    for (let i = 0; i < count; i++) {
      const view = cursor.argument(i + 1);
      args[i] = isLong || view.buffer === this.#memory ? view : view.slice();
    }
    return args;
  }

  /** The one before it is not the last of its transaction: it may go. */
  #holdBack(change: Change): Change | undefined {
    const before = this.#heldBack;
    this.#heldBack = change;
    if (before?.tx === undefined) return undefined;
    return {
      ...before,
      tx: { id: before.tx.id, mark: before.tx.mark === 'only' ? 'begin' : 'inside' },
    };
  }

  #endTransaction(): Change | undefined {
    const last = this.#heldBack;
    this.#heldBack = undefined;
    this.#transaction = undefined;
    return last;
  }

  #boundHere(cursor: CommandCursor): void {
    this.#boundary = this.#consumed(cursor);
    this.#databaseAtBoundary = this.#database;
  }

  #consumed(cursor: CommandCursor): number {
    return this.#start + cursor.totalConsumed;
  }

  #desynchronized(after: number, what: string, cause?: RespError): FeedError {
    const message = `after offset ${after} the stream is no sequence of commands: ${what}`;
    return new FeedError('DESYNCHRONIZED', message, { offset: after + 1, cause });
  }
}

function keysOf(args: readonly Uint8Array[], places: readonly number[]): Uint8Array[] {
  return places.length === 1 ? [args[places[0]!]!] : places.map((place) => args[place]!);
}

/** The mark of a change as if it were the last of its transaction. */
function nextIn(transaction: OpenTransaction): Transaction {
  return { id: transaction.id, mark: transaction.seen++ === 0 ? 'only' : 'end' };
}
