import type { RdbErrorCode, RdbEvent, RdbKey } from '@forebay/rdb';
import { RdbError, type RdbReader } from '@forebay/rdb';
import { keyName } from '@forebay/rdb/json';
import { EXIT, ExitError } from '../../exit.ts';
import type { Reporter } from '../../reporter.ts';
import type { Input } from './input.ts';

/** Bytes of a key that are kept: more than a message shows. */
const MOST_KEPT = 104;

/** Errors of a place; the others tell their own, or are of the whole. */
const LOCAL: ReadonlySet<RdbErrorCode> = new Set(['CORRUPT', 'TRUNCATED', 'TOO_LONG']);

/** What takes the events of an RDB as they come. */
export interface Visitor {
  /**
   * A promise: what was printed is not taken yet, and the next event waits. Bytes of an event are of no use
   * after it is settled: what is still needed is to be copied.
   */
  take(event: RdbEvent): void | Promise<void>;
  /** Pushes the next bytes to the reader; by default they are pushed by the scan. */
  push?(piece: Uint8Array): void;
  /** There are no more events of these bytes, which will be overwritten. */
  drained?(): void | Promise<void>;
}

/** What stands in the way of reading an RDB to its end, and where. */
class RdbFault extends ExitError {
  readonly code: RdbErrorCode;

  constructor(name: string, error: RdbError, where: string) {
    // A value that is too long for memory is not damaged.
    const exitCode = error.code === 'TOO_LONG' ? EXIT.runtime : EXIT.disk;
    super(exitCode, `${name}: ${error.message}${where}`, error);
    this.code = error.code;
  }
}

/** How a scan is watched. */
export interface ScanOptions {
  readonly reporter: Reporter;
  /** Whether lines of data come to the terminal meanwhile: then no live line does. */
  readonly prints: boolean;
  readonly stop?: AbortSignal;
}

/** Reads an RDB to its end. @throws {RdbFault} @throws {ExitError} disk; runtime where it was stopped */
export async function scan(
  input: Input,
  reader: RdbReader,
  visitor: Visitor,
  { reporter, prints, stop }: ScanOptions,
): Promise<void> {
  const since = performance.now();
  const isWatched = !(prints && process.stdout.isTTY);
  const place = new Place();
  let read = 0;
  try {
    for await (const piece of until(stop, input.pieces)) {
      if (visitor.push === undefined) reader.push(piece);
      else visitor.push(piece);
      for (let event = reader.next(); event !== undefined; event = reader.next()) {
        if (event.type === 'key') place.enter(event);
        else if (event.type === 'key-end') place.leave();
        const waits = visitor.take(event);
        if (waits !== undefined) await waits;
      }
      await visitor.drained?.();
      read += piece.length;
      if (isWatched) reporter.transfer({ read, total: input.total }, since);
      if (reader.done) break;
    }
    reader.finish();
  } catch (error) {
    throw error instanceof RdbError ? new RdbFault(input.name, error, place.of(error)) : error;
  } finally {
    reporter.clear();
  }
}

/** The pieces until it is stopped, which may be while the next is waited for. @throws {ExitError} runtime */
async function* until(
  stop: AbortSignal | undefined,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  if (stop === undefined) return yield* pieces;
  const iterator = pieces[Symbol.asyncIterator]();
  const stopped = new Promise<never>((_, reject) => {
    const refuse = () => reject(new ExitError(EXIT.runtime, 'stopped'));
    if (stop.aborted) refuse();
    else stop.addEventListener('abort', refuse, { once: true });
  });
  stopped.catch(() => {});
  for (;;) {
    const next = await Promise.race([stopped, iterator.next()]);
    if (next.done) return;
    yield next.value;
  }
}

/** In which key a scan is. Its name is copied at each, for the key's bytes do not last. */
class Place {
  readonly #name = new Uint8Array(MOST_KEPT);
  #length = -1;
  #database = 0;
  #inside = false;

  enter({ key, database }: RdbKey): void {
    this.#length = Math.min(key.length, this.#name.length);
    for (let i = 0; i < this.#length; i++) this.#name[i] = key[i]!;
    this.#database = database;
    this.#inside = true;
  }

  leave(): void {
    this.#inside = false;
  }

  /** Where an error is, as far as that says more than its message. */
  of({ code }: RdbError): string {
    if (this.#length < 0 || !LOCAL.has(code)) return '';
    return `, ${this.#inside ? 'in' : 'after'} key ${keyName(this.#name.subarray(0, this.#length))} of database ${this.#database}`;
  }
}
