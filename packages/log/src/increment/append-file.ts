import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { rewrite } from '../disk/durable.ts';
import { LogError, orLogError, toLogError } from '../errors.ts';

/** A file that is written at its end. One append at a time. */
export class AppendFile {
  readonly path: string;
  readonly #file: DiskFile;
  /** Bytes in the file: what `write` has returned, and nothing else. */
  #size: number;

  private constructor(path: string, file: DiskFile, size: number) {
    this.path = path;
    this.#file = file;
    this.#size = size;
  }

  /** Makes the file anew. What stood there was part of no manifest. */
  static async create(disk: Disk, path: string): Promise<AppendFile> {
    return orLogError(
      path,
      'creating',
      async () => new AppendFile(path, await disk.open(path, 'create'), 0),
    );
  }

  /** Opens the file to append to at `size`; what stands after it goes. */
  static async open(disk: Disk, path: string, size: number): Promise<AppendFile> {
    return orLogError(path, 'opening', async () => {
      const file = await disk.open(path, 'write');
      try {
        if ((await file.size()) > size) await file.truncate(size);
        return new AppendFile(path, file, size);
      } catch (error) {
        await closeQuietly(file);
        throw error;
      }
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
    try {
      for (let done = 0; done < bytes.length; ) {
        const rest = done === 0 ? bytes : bytes.subarray(done);
        const taken = this.#file.write(rest, this.#size);
        const written = typeof taken === 'number' ? taken : await taken;
        // A write that takes nothing and says nothing would be tried for ever.
        if (written === 0) throw new LogError('IO', this.path, `writing ${this.path} took nothing`);
        done += written;
        this.#size += written;
      }
    } catch (error) {
      throw toLogError(this.path, 'writing', error);
    }
  }

  /** Writes what comes after `from` anew: see `rewrite`. @throws {LogError} `IO` */
  async rewrite(from: number): Promise<void> {
    await orLogError(this.path, 'writing', () => rewrite(this.#file, from, this.#size));
  }

  /** Waits until all that was appended before the call is on the disk. @throws {LogError} `IO` */
  async sync(): Promise<void> {
    await orLogError(this.path, 'syncing', () => this.#file.sync());
  }

  /** Takes back what was appended after `size`. @throws {LogError} `IO` */
  async cut(size: number): Promise<void> {
    await orLogError(this.path, 'cutting', () => this.#file.truncate(size));
    this.#size = size;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
