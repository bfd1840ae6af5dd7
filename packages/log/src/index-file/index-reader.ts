import type { Disk, DiskFile } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import type { IndexRecord } from './record.ts';
import { decodeRecord, RECORD_SIZE } from './record.ts';

/** Records read from the file at once. */
const AT_ONCE = 1024;

/** An index as it stands on the disk; it may be growing. */
export class IndexReader {
  readonly path: string;
  readonly #file: DiskFile;
  #limit = Infinity;

  private constructor(path: string, file: DiskFile) {
    this.path = path;
    this.#file = file;
  }

  /** @throws {LogError} `IO`; `CORRUPT` where there is no such file */
  static async open(disk: Disk, path: string): Promise<IndexReader> {
    return new IndexReader(path, await orLogError(path, 'opening', () => disk.open(path, 'read')));
  }

  /** How many records there are; what is less than a record at the end is none. */
  async count(): Promise<number> {
    const size = await orLogError(this.path, 'reading', () => this.#file.size());
    return Math.min(this.#limit, Math.floor(size / RECORD_SIZE));
  }

  /** Limits the number of records: later ones describe bytes that are not held. */
  limitTo(records: number): void {
    this.#limit = records;
  }

  /** Record `i` from 0 on, undefined where it is damaged or not there. */
  async at(i: number): Promise<IndexRecord | undefined> {
    return decodeRecord(await this.#read(i, 1));
  }

  /** Record `i`. @throws {LogError} `CORRUPT` where it is damaged */
  async whole(i: number): Promise<IndexRecord> {
    const record = await this.at(i);
    if (record === undefined) throw this.damaged(i);
    return record;
  }

  /** The records from `from` up to, not including, `to`; undefined in place of a damaged one. */
  async *from(from: number, to?: number): AsyncGenerator<IndexRecord | undefined, void, void> {
    const end = to ?? (await this.count());
    for (let i = from; i < end; i += AT_ONCE) {
      const bytes = await this.#read(i, Math.min(AT_ONCE, end - i));
      for (let at = 0; at + RECORD_SIZE <= bytes.length; at += RECORD_SIZE) {
        yield decodeRecord(bytes.subarray(at, at + RECORD_SIZE));
      }
    }
  }

  /**
   * The number of the first record that ends at `offset` or after it, by bisection; undefined where
   * none does.
   *
   * @throws {LogError} `CORRUPT` where a record on the way is damaged
   */
  async find(offset: number, count?: number): Promise<number | undefined> {
    const end = count ?? (await this.count());
    let low = 0;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = await this.whole(middle);
      if (record.end < offset) low = middle + 1;
      else high = middle;
    }
    return low < end ? low : undefined;
  }

  damaged(i: number): LogError {
    const message = `${this.path} is damaged: its record ${i + 1} is not what was written`;
    return new LogError('CORRUPT', this.path, message);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #read(from: number, count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count * RECORD_SIZE);
    const read = () => this.#file.read(bytes, from * RECORD_SIZE);
    return bytes.subarray(0, await orLogError(this.path, 'reading', read));
  }
}
