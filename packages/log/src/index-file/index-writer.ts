import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { rewrite } from '../disk/durable.ts';
import { LogError, orLogError, toLogError } from '../errors.ts';
import type { IndexRecord } from './record.ts';
import { encodeRecord, RECORD_SIZE } from './record.ts';

/** An index that records are added to, one write at a time. */
export class IndexWriter {
  readonly path: string;
  readonly #file: DiskFile;
  #count: number;

  private constructor(path: string, file: DiskFile, count: number) {
    this.path = path;
    this.#file = file;
    this.#count = count;
  }

  /** Makes the index anew, with these records. Not yet synced. */
  static async create(
    disk: Disk,
    path: string,
    records: Iterable<IndexRecord> | AsyncIterable<IndexRecord>,
  ): Promise<IndexWriter> {
    return orLogError(path, 'creating', async () => {
      const writer = new IndexWriter(path, await disk.open(path, 'create'), 0);
      try {
        for await (const record of records) await writer.add(record);
        return writer;
      } catch (error) {
        await closeQuietly(writer);
        throw error;
      }
    });
  }

  /** Opens an index to keep its first `count` records, of which those after `synced` are in doubt. */
  static async open(disk: Disk, path: string, count: number, synced: number): Promise<IndexWriter> {
    return orLogError(path, 'opening', async () => {
      const [size, doubted] = [count * RECORD_SIZE, synced * RECORD_SIZE];
      const file = await disk.open(path, 'write');
      try {
        if ((await file.size()) > size) await file.truncate(size);
        await rewrite(file, doubted, size);
        return new IndexWriter(path, file, count);
      } catch (error) {
        await closeQuietly(file);
        throw error;
      }
    });
  }

  /** How many records there are. */
  get count(): number {
    return this.#count;
  }

  /** @throws {LogError} `IO`; what was half written is no record and is written over by the next */
  async add(record: IndexRecord): Promise<void> {
    const bytes = encodeRecord(record);
    try {
      for (let done = 0; done < bytes.length; ) {
        const place = this.#count * RECORD_SIZE + done;
        const written = await this.#file.write(bytes.subarray(done), place);
        if (written === 0) throw new LogError('IO', this.path, `writing ${this.path} took nothing`);
        done += written;
      }
    } catch (error) {
      throw toLogError(this.path, 'writing', error);
    }
    this.#count++;
  }

  /** Takes back all but the first `count` records. @throws {LogError} `IO` */
  async cut(count: number): Promise<void> {
    await orLogError(this.path, 'cutting', () => this.#file.truncate(count * RECORD_SIZE));
    this.#count = count;
  }

  async sync(): Promise<void> {
    await orLogError(this.path, 'syncing', () => this.#file.sync());
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
