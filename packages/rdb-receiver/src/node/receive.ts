import { Readable } from 'node:stream';
import { RdbReceiverError } from '../errors.ts';
import { BulkPayloadReader, type PayloadProgress } from '../payload-reader.ts';
import { RdbFile, type RdbFileOptions } from './rdb-file.ts';

/** How far a receive has come. */
export interface ReceiveProgress extends PayloadProgress {
  /** When bytes last came, keepalives included, by `now`: milliseconds since 1970 by default. */
  readonly lastIo: number;
}

/** Where a payload goes, and what the caller wants to know meanwhile. */
export interface ReceiveTarget extends RdbFileOptions {
  /** Where the temporary file is made: on the file system of `path`. */
  readonly directory: string;
  /** What the complete file is to be called; one that is there is replaced. */
  readonly path: string;
  /** The longest payload to accept in bytes, 1 to 2^53 - 1, the default. */
  readonly maxLength?: number;
  /** Ends the receive. There is no other limit on how long it waits for bytes. */
  readonly signal?: AbortSignal;
  /** Called after each chunk from the source. */
  readonly onProgress?: (progress: ReceiveProgress) => void;
  /** Called with each piece of the payload before it is written; the view lasts for the call. */
  readonly onBytes?: (bytes: Uint8Array) => void;
}

/** What a receive ends with. */
export interface ReceiveResult {
  /** The length of the payload in bytes. */
  readonly bytes: number;
  /** What came with the last chunk beyond the payload: the beginning of the stream, or nothing. */
  readonly rest: Uint8Array;
}

/**
 * Receives one bulk payload into `target.path`. The source is read up to the chunk in which the
 * payload ends; it is neither ended nor destroyed, whatever happens, and can be read on. After
 * `ABORTED` a chunk may be lost. On any failure what was at `target.path` is untouched and no
 * temporary file is left.
 *
 * @throws {RdbReceiverError} as a rejection: what `BulkPayloadReader` and `RdbFile` throw; `REFUSED`,
 * `CUT_SHORT`, `SOURCE`, `ABORTED`. What `onProgress` or `onBytes` throw is passed on as it is.
 */
export async function receiveRdb(
  source: AsyncIterable<Uint8Array>,
  target: ReceiveTarget,
): Promise<ReceiveResult> {
  const { maxLength, onProgress, now = Date.now } = target;
  const reader = new BulkPayloadReader(maxLength === undefined ? {} : { maxLength });
  const sink = new Sink(target);
  const chunks = new Chunks(source, target.signal);
  try {
    while (!sink.ended) {
      const chunk = await chunks.next();
      if (chunk === undefined) reader.finish();
      else reader.push(chunk);
      const lastIo = now();
      await sink.drain(reader);
      onProgress?.({ ...reader.progress, lastIo });
    }
    await sink.file?.commit(target.path);
    return { bytes: reader.progress.read, rest: reader.takeRest() };
  } catch (error) {
    await sink.file?.abort().catch(() => {});
    throw error;
  } finally {
    chunks.release();
  }
}

/** Carries what a reader finds to a file, which is made when there is something to put in it. */
class Sink {
  file: RdbFile | undefined;
  ended = false;
  readonly #target: ReceiveTarget;

  constructor(target: ReceiveTarget) {
    this.#target = target;
  }

  async drain(reader: BulkPayloadReader): Promise<void> {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      switch (event.type) {
        case 'keepalive':
          break;
        case 'header':
          this.file = await RdbFile.create(this.#target.directory, this.#target);
          break;
        case 'bytes': {
          this.#target.onBytes?.(event.bytes);
          const written = this.file?.write(event.bytes);
          if (written !== undefined) await written;
          break;
        }
        case 'end':
          this.ended = true;
          break;
        case 'refused': {
          const message = `the peer sent no payload but ${JSON.stringify(event.line)}`;
          throw new RdbReceiverError('REFUSED', message, { line: event.line });
        }
      }
    }
  }
}

/** The chunks of a source, one by one, until they end or the caller's signal says so. */
class Chunks {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #isOurs: boolean;
  #interrupt: ((reason: RdbReceiverError) => void) | undefined;

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#isOurs = source instanceof Readable;
    // A stream's own iterator would destroy the stream when it is returned, and if it is not, its
    // listeners would stay and keep the stream from flowing.
    this.#iterator =
      source instanceof Readable
        ? source.iterator({ destroyOnReturn: false })
        : source[Symbol.asyncIterator]();
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
  }

  /** Undefined at the end. */
  next(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#signal?.aborted) {
        reject(aborted(this.#signal));
        return;
      }
      this.#interrupt = reject;
      this.#iterator.next().then(
        (result) => resolve(result.done ? undefined : result.value),
        (cause: unknown) => reject(sourceFailed(cause)),
      );
    });
  }

  release(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    // Not awaited: it waits in line behind a `next` that may never be answered.
    if (this.#isOurs) this.#iterator.return?.().catch(() => {});
  }

  readonly #onAbort = (): void => {
    if (this.#signal !== undefined) this.#interrupt?.(aborted(this.#signal));
  };
}

function aborted(signal: AbortSignal): RdbReceiverError {
  return new RdbReceiverError('ABORTED', 'the receive was aborted', { cause: signal.reason });
}

function sourceFailed(cause: unknown): RdbReceiverError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RdbReceiverError('SOURCE', `the source failed: ${reason}`, { cause });
}
