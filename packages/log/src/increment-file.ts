import { fdatasync, write, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { encodeCommand } from '@forebay/resp';
import { LogError, orLogError, toLogError } from './errors.ts';
import type { Increment } from './manifest.ts';

/**
 * What a file of verbatim stream begins with. A server loads each file with a fresh client in
 * database 0 (`aof.c: loadSingleAppendOnlyFile`), so a file that starts in the middle of the stream
 * has to say where it goes on.
 */
export function preambleOf({ database }: Pick<Increment, 'database'>): Uint8Array {
  return encodeCommand(['SELECT', String(database)]);
}

/** The place in the file of the byte at `offset` of the stream. */
export function placeOf(increment: Increment, offset: number): number {
  return preambleOf(increment).length + offset - increment.startOffset - 1;
}

/** The offset of the last byte of stream in a file of `size` bytes. */
export function endOffsetOf(increment: Increment, size: number): number {
  return increment.startOffset + size - preambleOf(increment).length;
}

/** The file that the stream is appended to. One append at a time. */
export class IncrementFile {
  readonly path: string;
  readonly #handle: FileHandle;
  /** Bytes in the file: what `write` has returned, and nothing else. */
  #size: number;
  #syncing = 0;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
  }

  /** Makes the file anew, with its preamble, synced. What stood there was part of no manifest. */
  static async create(path: string, increment: Increment): Promise<IncrementFile> {
    return orLogError(path, 'creating', async () => {
      const handle = await open(path, 'w', 0o644);
      const file = new IncrementFile(path, handle, 0);
      try {
        await file.append(preambleOf(increment));
        await handle.sync();
        return file;
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  /** Opens the file to append to at its end. */
  static async open(path: string): Promise<IncrementFile> {
    return orLogError(path, 'opening', async () => {
      const handle = await open(path, 'r+');
      return new IncrementFile(path, handle, (await handle.stat()).size);
    });
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Writes all of `bytes` at the end. Where a write is refused midway, `size` counts what was taken.
   *
   * @throws {LogError} `IO`
   */
  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      // A write into the page cache costs less than handing it to another thread (a fifth of all CPU
      // under load), but one that meets a running sync may wait for the disk, and must not do so here.
      const written =
        this.#syncing === 0 ? this.#writeNow(bytes, done) : await this.#write(bytes, done);
      done += written;
      this.#size += written;
    }
  }

  /** Waits until all that was appended before the call is on the disk. @throws {LogError} `IO` */
  async sync(): Promise<void> {
    this.#syncing++;
    return new Promise((resolve, reject) => {
      fdatasync(this.#handle.fd, (error) => {
        this.#syncing--;
        if (error === null) resolve();
        else reject(toLogError(this.path, 'syncing', error));
      });
    });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #writeNow(bytes: Uint8Array, from: number): number {
    try {
      return this.#taken(writeSync(this.#handle.fd, bytes, from, bytes.length - from, this.#size));
    } catch (error) {
      throw toLogError(this.path, 'writing', error);
    }
  }

  #write(bytes: Uint8Array, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const { fd } = this.#handle;
      write(fd, bytes, from, bytes.length - from, this.#size, (error, written) => {
        if (error === null) resolve(written);
        else reject(toLogError(this.path, 'writing', error));
      });
    }).then((written) => this.#taken(written as number));
  }

  /** A write that takes nothing and says nothing would be tried for ever. */
  #taken(written: number): number {
    if (written > 0) return written;
    throw new LogError('IO', this.path, `writing ${this.path} took nothing`);
  }
}
