import type { Source } from '../source.ts';

/** Bytes of what was read last that are kept for the next who needs them. */
const KEPT = 16 * 1024 * 1024;
/** Bytes that what is read is joined to, where it comes in smaller pieces. */
const PIECE = 64 * 1024;

/** A stretch of the stream, `end` being the offset of its last byte. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly end: number;
}

/**
 * What replicas read that are further behind than the backlog reaches: those who are near each other
 * cost the source one reading, and share the memory of what was read.
 */
export class SharedReading {
  readonly #source: Pick<Source, 'read'>;
  readonly #readings = new Set<Reading>();
  /** The oldest first. */
  readonly #pieces: Piece[] = [];
  /** Bytes of memory that they keep. */
  #kept = 0;

  constructor(source: Pick<Source, 'read'>) {
    this.#source = source;
  }

  /** A place for one who reads on from where it is. */
  open(): SharedReader {
    return new SharedReader(this);
  }

  /** What was read already of the stream after an offset. */
  recent(offset: number): Uint8Array | undefined {
    for (const { bytes, end } of this.#pieces) {
      const start = end - bytes.length;
      if (start <= offset && offset < end) return bytes.subarray(offset - start);
    }
    return undefined;
  }

  /** A reading that has come to an offset: that of others, where there is one. */
  join(offset: number): Reading {
    let reading = [...this.#readings].find(({ end, over }) => end === offset && !over);
    if (reading === undefined) {
      reading = new Reading(this.#source, offset, (piece) => this.#keep(piece));
      this.#readings.add(reading);
    }
    reading.readers++;
    return reading;
  }

  async leave(reading: Reading): Promise<void> {
    reading.readers--;
    if (reading.readers > 0) return;
    this.#readings.delete(reading);
    await reading.close();
  }

  #keep(piece: Piece): void {
    this.#pieces.push(piece);
    this.#kept += memoryOf(piece);
    while (this.#kept > KEPT && this.#pieces.length > 1) {
      this.#kept -= memoryOf(this.#pieces.shift()!);
    }
  }
}

/** One replica's part in the readings. */
export class SharedReader {
  readonly #shared: SharedReading;
  #reading: Reading | undefined;

  constructor(shared: SharedReading) {
    this.#shared = shared;
  }

  /** The next bytes after an offset, never to be changed; undefined: no more are held. Throws what the source throws. */
  async after(offset: number): Promise<Uint8Array | undefined> {
    const recent = this.#shared.recent(offset);
    if (recent !== undefined) return recent;
    if (this.#reading?.end !== offset || this.#reading.over) {
      await this.close();
      this.#reading = this.#shared.join(offset);
    }
    return this.#reading.next();
  }

  async close(): Promise<void> {
    const reading = this.#reading;
    this.#reading = undefined;
    if (reading !== undefined) await this.#shared.leave(reading);
  }
}

/** One reading of the source, piece by piece, for all who have come as far. */
class Reading {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #onRead: (piece: Piece) => void;
  #end: number;
  #over = false;
  #next: Promise<Uint8Array | undefined> | undefined;
  readers = 0;

  constructor(source: Pick<Source, 'read'>, after: number, onRead: (piece: Piece) => void) {
    this.#pieces = source.read(after)[Symbol.asyncIterator]();
    this.#end = after;
    this.#onRead = onRead;
  }

  /** Offset of the last byte that was read. */
  get end(): number {
    return this.#end;
  }

  /** Whether it has come to the end of what was held, or has failed. */
  get over(): boolean {
    return this.#over;
  }

  /** The bytes after `end`, the same for all who ask before they are there; undefined: no more are held. */
  next(): Promise<Uint8Array | undefined> {
    this.#next ??= this.#read().finally(() => {
      this.#next = undefined;
    });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #read(): Promise<Uint8Array | undefined> {
    const bytes = await this.#join();
    if (bytes === undefined) return undefined;
    this.#end += bytes.length;
    this.#onRead({ bytes, end: this.#end });
    return bytes;
  }

  /** What comes next, by itself where it is large; what is small is joined. */
  async #join(): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    let more = false;
    try {
      do {
        more = false;
        const { value, done } = await this.#pieces.next();
        more = done !== true;
        if (!more) break;
        parts.push(value);
        length += value.length;
      } while (length < PIECE);
    } finally {
      this.#over = !more;
    }
    if (parts.length <= 1) return parts[0];
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}

/** A view keeps all that it is a part of. */
function memoryOf({ bytes }: Piece): number {
  return bytes.buffer.byteLength;
}
