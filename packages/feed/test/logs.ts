import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Log } from '@forebay/log';
import { StreamTracker, shiftHistory, startHistory } from '@forebay/psync';
import { onTestFinished } from 'vitest';
import { A, stream } from './streams.ts';

/** The shortest file that is an RDB: version 6, nothing in it, no checksum. */
const EMPTY_RDB = Buffer.from('REDIS0006\xff\0\0\0\0\0\0\0\0', 'latin1');

/** A directory of its own for one test. */
export async function freshDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'forebay-feed-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A log that is written to as a daemon does it. */
export class Writer implements AsyncDisposable {
  readonly directory: string;
  #log: Log;
  #stream: StreamTracker;

  private constructor(directory: string, log: Log) {
    this.directory = directory;
    this.#log = log;
    this.#stream = log.found?.stream ?? new StreamTracker({ offset: 0 });
  }

  static async open(directory: string): Promise<Writer> {
    return new Writer(directory, await Log.open(directory, { fsync: 'no' }));
  }

  /** A log of `A` from 100 on. */
  static async begin(database = 0): Promise<Writer> {
    const writer = await Writer.open(await freshDirectory());
    await writer.reset(100, A, database);
    return writer;
  }

  get end(): number {
    return this.#log.written;
  }

  get id(): string {
    return this.#log.history?.id ?? '';
  }

  /** A full resync. */
  async reset(
    offset: number,
    id: string,
    database = 0,
    rdb: Uint8Array = EMPTY_RDB,
  ): Promise<void> {
    const base = { ...(await this.#placed(rdb)), reason: 'a test' };
    await this.#log.beginHistory({ ...base, history: startHistory(id), offset, database });
    this.#stream = new StreamTracker({ offset, database });
  }

  /** A fresh base, of where the log ends. */
  async addBase(rdb: Uint8Array): Promise<void> {
    const position = { id: this.id, offset: this.end };
    await this.#log.addBase({ ...(await this.#placed(rdb)), position });
  }

  /** Lets go of all that nobody keeps. */
  async retainNothing(): Promise<void> {
    await this.#log.retain({ size: 0 });
  }

  async #placed(rdb: Uint8Array) {
    const target = this.#log.awaitBase();
    await writeFile(target.path, rdb);
    return { target, size: rdb.length, crc: crc32(rdb) };
  }

  /** Appends commands; returns the offset of the last byte. */
  async append(...commands: string[]): Promise<number> {
    return this.appendBytes(stream(...commands));
  }

  async appendBytes(bytes: Uint8Array): Promise<number> {
    this.#stream.push(bytes);
    await this.#log.append(bytes, this.#stream.boundary);
    return this.end;
  }

  /** A step back, and a new primary's id from there on. */
  async stepBack(offset: number, id: string): Promise<void> {
    this.#stream = (await this.#log.stepBack(offset)).stream;
    await this.#log.setHistory(shiftHistory(this.#log.history!, id, this.end));
  }

  rotate(): Promise<void> {
    return this.#log.rotate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#log.close();
  }
}
