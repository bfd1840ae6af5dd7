import type { CheckedPiece, Disk, RestorablePart } from '@forebay/log';
import { nodeDisk, withRestorable } from '@forebay/log';
import type { Position } from '@forebay/psync';
import { CommandCursor, RespError } from '@forebay/resp';
import { CommandSpecs } from './command-keys.ts';
import { FeedError, toFeedError } from './errors.ts';
import { Sieve } from './filter.ts';

export interface FindOptions {
  /** The directory of a log; a daemon may write to it meanwhile. */
  readonly dir: string;
  /** The name of a command, in any case; of one with subcommands, its own name. */
  readonly command: string;
  /** Patterns of keys, as `ChangeFilter` has them; every key unless given. */
  readonly match?: readonly (string | Uint8Array)[];
  /** Whether only the newest match is needed: the search ends in the file that holds it. False by default. */
  readonly last?: boolean;
  /** Aborted: the search ends, and the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  /** The machine's by default. */
  readonly disk?: Disk;
}

/** A command in the stream, or several in one transaction. */
export interface FoundCommand {
  /** The last position before it, or before its transaction: the position that a restore to before it reaches. */
  readonly before: Position;
  /** Of its last byte. */
  readonly at: Position;
  /** When that arrived, milliseconds since 1970. */
  readonly time: number;
  /** The database selected. */
  readonly database: number;
  /** Number of matches in the transaction; `at`, `time` and `database` are those of the first. */
  readonly count: number;
}

export interface FoundCommands {
  /** Number of matches; with `last`, in the newest file with a match. */
  readonly count: number;
  /** The newest of them, oldest first: 100 at most. */
  readonly newest: readonly FoundCommand[];
}

const MOST_FOUND = 100;
/** What primaries since 7.0 may send; a bulk's length is not bounded on this link (since 6.0.7). */
const MAX_ARGUMENTS = 2_147_483_647;
/** Limits of a command that is held to compare its keys: bytes of an argument, and number of arguments. */
const RETAINED = { maxRetainedLength: 1024, maxRetainedArguments: 65_536 } as const;
/** The same where keys are of no interest. */
const RETAINED_NAME = { maxRetainedLength: 256, maxRetainedArguments: 3 } as const;

/**
 * Searches the restorable range of a log for a command, segments that a full resync or a step back replaced
 * included. The stream holds the effects of commands: scripts and functions are the commands that they call,
 * EXPIRE is PEXPIREAT, and an expired key is DEL or UNLINK. A key that is too long to be compared (more than
 * 1,024 bytes, or past 65,535 arguments) counts as one that matches. Memory does not grow with the log or
 * its values.
 *
 * @throws {FeedError} `INVALID_OPTION`, `DESYNCHRONIZED`, `LOG`
 */
export async function findCommands(options: FindOptions): Promise<FoundCommands> {
  const { dir, command, match, last = false, signal, disk = nodeDisk } = options;
  if (!/^[!-~]{1,64}$/.test(command) || command.includes('|')) {
    const what = JSON.stringify(command);
    const message = `${what} is not a command name: give one word, without a subcommand`;
    throw new FeedError('INVALID_OPTION', message);
  }
  const sieve = new Sieve({ commands: [command], ...(match === undefined ? {} : { match }) });
  try {
    return await withRestorable(disk, dir, async (parts) => {
      let count = 0;
      let newest: FoundCommand[] = [];
      for (const part of last ? parts.toReversed() : parts) {
        const search = new PartSearch(part, command.toUpperCase(), sieve, match !== undefined);
        for await (const piece of part.read()) {
          signal?.throwIfAborted();
          for (const found of search.push(piece)) {
            count += found.isNew ? 1 : 0;
            if (!found.isNew) newest.pop();
            newest.push(found.command);
          }
          newest = newest.slice(-MOST_FOUND);
        }
        if (last && count > 0) break;
      }
      return { count, newest };
    });
  } catch (error) {
    throw toFeedError(error);
  }
}

/** A command, or one more of the transaction that the one before was in. */
interface Match {
  readonly isNew: boolean;
  readonly command: FoundCommand;
}

class PartSearch {
  readonly #part: RestorablePart;
  readonly #name: string;
  readonly #sieve: Sieve;
  readonly #specs = new CommandSpecs();
  readonly #cursor: CommandCursor;
  #database: number;
  #boundary: number;
  #inTransaction = false;
  #pushed = 0;
  #latest: FoundCommand | undefined;

  constructor(part: RestorablePart, name: string, sieve: Sieve, byKeys: boolean) {
    this.#part = part;
    this.#name = name;
    this.#sieve = sieve;
    this.#database = part.database;
    this.#boundary = part.from;
    this.#cursor = new CommandCursor({
      maxArguments: MAX_ARGUMENTS,
      maxBulkLength: Number.MAX_SAFE_INTEGER,
      ...(byKeys ? RETAINED : RETAINED_NAME),
    });
  }

  /** @throws {FeedError} `DESYNCHRONIZED` */
  *push({ bytes, arrivals }: CheckedPiece): Generator<Match, void, void> {
    const cursor = this.#cursor;
    const start = this.#pushed;
    this.#pushed += bytes.length;
    cursor.push(bytes);
    while (this.#next()) {
      if (cursor.argumentCount === 0) continue;
      this.#follow();
      if (this.#matches()) {
        const end = cursor.totalConsumed - start;
        const arrival = arrivals.find((each) => each.end >= end) ?? arrivals.at(-1);
        yield this.#found(arrival?.time ?? 0);
      }
      if (!this.#inTransaction) this.#boundary = this.#end;
    }
  }

  /** Offset of the last byte of the current command. */
  get #end(): number {
    return this.#part.from + this.#cursor.totalConsumed;
  }

  #next(): boolean {
    try {
      return this.#cursor.next();
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      const message = `malformed replication stream after offset ${this.#end}: ${error.message}`;
      throw new FeedError('DESYNCHRONIZED', message, { offset: this.#end + 1, cause: error });
    }
  }

  #follow(): void {
    const cursor = this.#cursor;
    const length = cursor.argumentLength(0);
    if (length === 4 && cursor.argumentIs(0, 'EXEC')) this.#inTransaction = false;
    else if (length === 5 && cursor.argumentIs(0, 'MULTI')) this.#inTransaction = true;
    else if (length === 6 && cursor.argumentIs(0, 'SELECT') && cursor.argumentCount === 2) {
      this.#database = Number(cursor.argumentText(1));
    }
  }

  #matches(): boolean {
    const cursor = this.#cursor;
    if (!cursor.argumentIs(0, this.#name)) return false;
    try {
      const spec = this.#specs.of(cursor);
      return this.#sieve.lets(this.#database, spec, spec.places(cursor), cursor);
    } catch (error) {
      // A key that is not kept may match.
      if (error instanceof RespError && error.code === 'NOT_RETAINED') return true;
      throw error;
    }
  }

  #found(time: number): Match {
    const { id } = this.#part;
    const latest = this.#latest;
    // EXEC has the boundary of its MULTI still.
    const isNew = latest?.before.offset !== this.#boundary;
    this.#latest = isNew
      ? {
          before: { id, offset: this.#boundary },
          at: { id, offset: this.#end },
          time,
          database: this.#database,
          count: 1,
        }
      : { ...latest, count: latest.count + 1 };
    return { isNew, command: this.#latest };
  }
}
