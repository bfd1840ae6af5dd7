import { CommandCursor, RespError } from '@forebay/resp';
import { PsyncError } from './errors.ts';

/** A place where a stream may be cut, and the database that a command from there on goes to. */
export interface Boundary {
  /** Offset of the last byte of a command outside MULTI, or of a whole transaction. */
  readonly offset: number;
  readonly database: number;
}

/** Arguments that the tracker looks at are short, and among the first of their command. */
const RETAINED_LENGTH = 256;
const RETAINED_ARGUMENTS = 3;

/** What primaries since 7.0 may send; a bulk's length is not bounded on this link (since 6.0.7). */
const MAX_ARGUMENTS = 2_147_483_647;

/**
 * Follows a replication stream byte by byte: its offset, the database selected, the last boundary
 * outside a transaction, and where the primary last asked for an acknowledgement. A few kilobytes,
 * whatever the commands' size.
 */
export class StreamTracker {
  readonly #cursor = new CommandCursor({
    maxArguments: MAX_ARGUMENTS,
    maxBulkLength: Number.MAX_SAFE_INTEGER,
    maxRetainedLength: RETAINED_LENGTH,
    maxRetainedArguments: RETAINED_ARGUMENTS,
  });
  readonly #start: number;
  #pushed = 0;
  #boundary: number;
  #database: number;
  #databaseAtBoundary: number;
  #inTransaction = false;
  #commands = 0;
  #lastGetAck = -1;

  /** `offset`: of the last byte before the first pushed; `database`: the one selected there. */
  constructor({ offset, database = 0 }: { readonly offset: number; readonly database?: number }) {
    this.#start = offset;
    this.#boundary = offset;
    this.#database = database;
    this.#databaseAtBoundary = database;
  }

  /** Offset of the last byte pushed. */
  get offset(): number {
    return this.#start + this.#pushed;
  }

  /** The last boundary at or before `offset`. */
  get boundary(): Boundary {
    return { offset: this.#boundary, database: this.#databaseAtBoundary };
  }

  /** How many commands have been seen whole. */
  get commands(): number {
    return this.#commands;
  }

  /** Offset of the last byte of the last `REPLCONF GETACK *`; -1 before the first. */
  get lastGetAck(): number {
    return this.#lastGetAck;
  }

  /**
   * The next bytes of the stream. They must not change until this returns, and no longer.
   *
   * @throws {PsyncError} `DESYNCHRONIZED`, with the offset where the command that is none begins.
   *   Inline commands are that too (6.0.4 and later: `networking.c: processInlineBuffer`), but for
   *   the `select` of Redis 2.6.
   */
  push(bytes: Uint8Array): void {
    const cursor = this.#cursor;
    this.#pushed += bytes.length;
    try {
      cursor.push(bytes);
      while (cursor.next()) {
        this.#commands++;
        if (cursor.argumentCount > 0) this.#onCommand(cursor);
      }
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      throw this.#desynchronized(this.#consumed(cursor), error.message, error);
    }
    if (!this.#inTransaction) this.#boundAt(this.#consumed(cursor));
  }

  /** The length tells nearly all commands apart from the four that matter, at no cost. */
  #onCommand(cursor: CommandCursor): void {
    if (cursor.inline && !cursor.argumentIs(0, 'SELECT')) {
      throw this.#desynchronized(this.#consumed(cursor) - cursor.bytesConsumed, 'inline command');
    }
    switch (cursor.argumentLength(0)) {
      case 4:
        if (cursor.argumentIs(0, 'EXEC')) this.#inTransaction = false;
        break;
      case 5:
        if (cursor.argumentIs(0, 'MULTI') && !this.#inTransaction) {
          this.#boundAt(this.#consumed(cursor) - cursor.bytesConsumed);
          this.#inTransaction = true;
        }
        break;
      case 6:
        if (cursor.argumentIs(0, 'SELECT') && cursor.argumentCount === 2) {
          this.#database = Number(cursor.argumentText(1));
        }
        break;
      case 8:
        if (cursor.argumentCount === 3 && cursor.argumentIs(0, 'REPLCONF')) {
          if (cursor.argumentIs(1, 'GETACK')) this.#lastGetAck = this.#consumed(cursor);
        }
        break;
    }
  }

  #boundAt(offset: number): void {
    this.#boundary = offset;
    this.#databaseAtBoundary = this.#database;
  }

  #consumed(cursor: CommandCursor): number {
    return this.#start + cursor.totalConsumed;
  }

  #desynchronized(after: number, what: string, cause?: RespError): PsyncError {
    const message = `after offset ${after} the stream is no sequence of commands: ${what}`;
    return new PsyncError('DESYNCHRONIZED', message, { offset: after + 1, cause });
  }
}
