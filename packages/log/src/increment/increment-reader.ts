import { crc32 } from 'node:zlib';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { IndexReader } from '../index-file/index-reader.ts';
import type { IndexRecord } from '../index-file/record.ts';
import type { Increment } from '../manifest/manifest.ts';
import { placeOf } from './preamble.ts';

/** Bytes read at once where no span says how many belong together. */
const READ_SIZE = 256 * 1024;

/** A piece of the stream as it stands in the log. */
export interface LogChunk {
  readonly bytes: Uint8Array;
  /** Offset of its last byte. */
  readonly offset: number;
}

/** The same, with when it arrived. */
export interface TimedChunk extends LogChunk {
  /** Milliseconds since 1970, as the clock showed; of what no record covers yet, when the file was written to. */
  readonly time: number;
}

/** A span with the record that vouches for it; `bytes` are checked against its CRC. */
export interface Span extends LogChunk {
  readonly record: IndexRecord;
}

/** The two files of an increment, open for reading. */
export class IncrementReader {
  readonly increment: Increment;
  readonly path: string;
  readonly index: IndexReader;
  readonly #disk: Disk;
  readonly #file: DiskFile;

  private constructor(
    disk: Disk,
    increment: Increment,
    path: string,
    file: DiskFile,
    index: IndexReader,
  ) {
    this.#disk = disk;
    this.increment = increment;
    this.path = path;
    this.#file = file;
    this.index = index;
  }

  /** @throws {LogError} `IO` */
  static async open(
    disk: Disk,
    pathOf: (name: string) => string,
    increment: Increment,
  ): Promise<IncrementReader> {
    const path = pathOf(increment.name);
    const file = await orLogError(path, 'opening', () => disk.open(path, 'read'));
    try {
      const index = await IndexReader.open(disk, pathOf(increment.index));
      return new IncrementReader(disk, increment, path, file, index);
    } catch (error) {
      await closeQuietly(file);
      throw error;
    }
  }

  /** Bytes in the file, its SELECT included. */
  size(): Promise<number> {
    return orLogError(this.path, 'reading', () => this.#file.size());
  }

  /** What the file begins with. */
  async head(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const read = () => this.#file.read(bytes, 0);
    return bytes.subarray(0, await orLogError(this.path, 'reading', read));
  }

  /**
   * The stream from the byte at `from` up to the one at `end`. What the index has a record for is
   * checked before it is given; what is younger is given as it stands.
   *
   * @throws {LogError} `CORRUPT`, `IO`
   */
  async *read(from: number, end: number): AsyncGenerator<TimedChunk, void, void> {
    let next = from;
    let time = 0;
    for await (const { bytes, offset, record } of this.spans(from)) {
      time = record.time;
      const first = offset - bytes.length + 1;
      const piece = bytes.subarray(
        Math.max(0, next - first),
        Math.min(bytes.length, end + 1 - first),
      );
      if (piece.length > 0) {
        next += piece.length;
        yield { bytes: piece, offset: next - 1, time };
      }
      if (next > end) return;
    }
    if (next > end) return;
    const { modified } = await orLogError(this.path, 'reading', () => this.#disk.stat(this.path));
    // The system's time of a file may be some milliseconds behind its clock.
    time = Math.max(time, Math.floor(modified));
    for await (const chunk of this.readUnchecked(next, end)) yield { ...chunk, time };
  }

  /** The spans from the one that holds the byte at `from` on, as far as the index goes now. */
  async *spans(from: number): AsyncGenerator<Span, void, void> {
    const count = await this.index.count();
    const first = await this.index.find(from, count);
    if (first === undefined) return;
    let start = first === 0 ? this.increment.startOffset : (await this.index.whole(first - 1)).end;
    let i = first;
    for await (const record of this.index.from(first, count)) {
      if (record === undefined) throw this.index.damaged(i);
      i++;
      if (record.end === start) continue;
      yield { bytes: await this.checked(start, record), offset: record.end, record };
      start = record.end;
    }
  }

  /** The bytes after `start` that `record` vouches for. @throws {LogError} `CORRUPT`, `IO` */
  async checked(start: number, record: IndexRecord): Promise<Uint8Array> {
    const bytes = await this.#at(start + 1, record.end - start);
    this.check(bytes, start, record);
    return bytes;
  }

  /** Checks bytes read after `start` against what vouches for them. @throws {LogError} `CORRUPT` */
  check(bytes: Uint8Array, start: number, record: IndexRecord): void {
    const length = record.end - start;
    if (bytes.length === length && crc32(bytes) === record.crc) return;
    const what = bytes.length < length ? 'is cut' : 'does not hold what was written';
    const message =
      `${this.path} ${what}: offsets ${start + 1} to ${record.end}, ` +
      `from byte ${placeOf(this.increment, start + 1)} of the file on`;
    throw new LogError('CORRUPT', this.path, message);
  }

  /** The bytes from `from` to `end` as they stand in the file. @throws {LogError} `CORRUPT`, `IO` */
  async *readUnchecked(from: number, end: number): AsyncGenerator<LogChunk, void, void> {
    for (let at = from; at <= end; ) {
      const bytes = await this.#at(at, Math.min(READ_SIZE, end + 1 - at));
      if (bytes.length === 0) {
        const message = `${this.path} ends before offset ${end}, which it held: it was cut`;
        throw new LogError('CORRUPT', this.path, message);
      }
      at += bytes.length;
      yield { bytes, offset: at - 1 };
    }
  }

  /** Reads the bytes from `offset` on until `into` is full or the file ends. @throws {LogError} `IO` */
  async readInto(into: Uint8Array, offset: number): Promise<Uint8Array> {
    const read = () => this.#file.read(into, placeOf(this.increment, offset));
    return into.subarray(0, await orLogError(this.path, 'reading', read));
  }

  async close(): Promise<void> {
    await this.index.close();
    await this.#file.close();
  }

  #at(offset: number, length: number): Promise<Uint8Array> {
    return this.readInto(new Uint8Array(length), offset);
  }
}
