import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { RdbReceiverError } from '../errors.ts';
import { ioError } from './io-error.ts';
import { createTemporary, removeFile, type Temporary } from './temporaries.ts';

/** What a new file may be told. */
export interface RdbFileOptions {
  /** The time in milliseconds since 1970, for the name; `Date.now` by default. */
  readonly now?: () => number;
  /** Permissions of the file, 0 to 0o777; 0o644 less the umask by default. */
  readonly mode?: number;
  /** Waits between two tries to make the file; a timer by default. */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/** Small pieces are gathered into one write of up to this many bytes; two such buffers at most. */
const GATHER_SIZE = 512 * 1024;
/** A piece from this many bytes on is written as it is, without a copy. */
const DIRECT_SIZE = 256 * 1024;
/** After so many bytes they are synced, so that the last sync of a large file does not take for ever. */
const SYNC_SPAN = 8 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

/**
 * A file that appears under its name when it is complete and on disk, or not at all: written as
 * `temp-<unixtime>.<pid>.rdb`, synced, renamed (`replication.c: readSyncBulkPayload`).
 *
 * The first failure is final. It closes and removes the temporary file, each later call throws it
 * again, and nothing is tried twice: after a failed sync the system may have dropped what was written
 * and would report success.
 */
export class RdbFile {
  /** Where the bytes are until `commit`. */
  readonly temporaryPath: string;
  readonly #handle: FileHandle;
  #state: 'open' | 'committing' | 'committed' | 'aborted' | 'failed' = 'open';
  #failure: RdbReceiverError | undefined;
  #removed = false;
  #length = 0;
  #crc = 0;
  #sinceSync = 0;
  #gathering: Uint8Array = Buffer.allocUnsafeSlow(GATHER_SIZE);
  #gathered = 0;
  /** The buffer that is not gathering: free, or being written. */
  #spare: Uint8Array | undefined;
  /** Settled when the one write in progress is; it never rejects, what failed is in #failure. */
  #writing: Promise<void> | undefined;
  /** Whether a promise of `write` is not settled. */
  #waiting = false;
  #ending: Promise<void> | undefined;

  private constructor({ path, handle }: Temporary) {
    this.temporaryPath = path;
    this.#handle = handle;
  }

  /**
   * Makes the temporary file in `directory`, readable by all (0644) less the umask, or as `mode` says. Five tries, a
   * second apart, unless the reason is one that lasts, such as a directory that is not there.
   *
   * @throws {RdbReceiverError} `IO`
   */
  static async create(directory: string, options: RdbFileOptions = {}): Promise<RdbFile> {
    const { now = Date.now, pause, mode } = options;
    const temporary = await createTemporary(directory, now, pause, mode);
    return new RdbFile(temporary);
  }

  /** Bytes taken so far. */
  get length(): number {
    return this.#length;
  }

  /** CRC-32 of the bytes taken so far. */
  get crc(): number {
    return this.#crc;
  }

  /**
   * Takes the next bytes. Undefined: they were copied, and more may follow at once. A promise: the
   * disk is behind; `bytes` must not change, nor another call but `abort` be made, until it settles.
   * Only `commit` says that anything is on disk.
   *
   * @throws {RdbReceiverError} thrown, or the promise rejected with it: `IO`, also for bytes of a
   * former call; `CLOSED`, `BUSY`
   */
  write(bytes: Uint8Array): undefined | Promise<void> {
    this.#checkUsable();
    this.#length += bytes.length;
    this.#crc = crc32(bytes, this.#crc);
    if (bytes.length <= GATHER_SIZE - this.#gathered && bytes.length < DIRECT_SIZE) {
      this.#gather(bytes);
      return undefined;
    }
    if (this.#writing === undefined && bytes.length < DIRECT_SIZE) {
      this.#beginGathered();
      this.#gather(bytes);
      return undefined;
    }
    return this.#writeInTurn(bytes);
  }

  /**
   * Syncs the file, renames it over `path`, and syncs the directory of `path`, which has to be on the
   * same file system. Should the last step fail, the new file is at `path`, whole, but a power cut
   * may bring the former one back; if any other does, what was at `path` is untouched.
   *
   * @throws {RdbReceiverError} as a rejection: `IO`, `CLOSED`, `BUSY`
   */
  async commit(path: string): Promise<void> {
    this.#checkUsable();
    this.#state = 'committing';
    this.#ending = this.#finish(path);
    await this.#ending;
  }

  /**
   * Closes and removes the temporary file; what is at any other path is untouched. May be called at
   * any time and more than once: while `commit` runs it waits for its outcome, and after it, or after
   * a failure, there is nothing left to do.
   *
   * @throws {RdbReceiverError} as a rejection: `IO` if the file could not be removed
   */
  async abort(): Promise<void> {
    if (this.#state === 'committing') await this.#ending?.catch(() => {});
    if (this.#state === 'committed') return;
    if (this.#state === 'open') this.#state = 'aborted';
    await this.#writing;
    await this.#closeAndRemove();
  }

  #checkUsable(): void {
    this.#checkOpen();
    if (this.#waiting) {
      throw new RdbReceiverError('BUSY', `a write to ${this.temporaryPath} is not done`);
    }
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state !== 'open') {
      throw new RdbReceiverError('CLOSED', `${this.temporaryPath} is ${this.#state}`);
    }
  }

  #gather(bytes: Uint8Array): void {
    this.#gathering.set(bytes, this.#gathered);
    this.#gathered += bytes.length;
  }

  /** To be called only when no write is in progress: the spare buffer is free then. */
  #beginGathered(): void {
    const full = this.#gathering;
    const length = this.#gathered;
    this.#gathering = this.#spare ?? Buffer.allocUnsafeSlow(GATHER_SIZE);
    this.#gathered = 0;
    this.#spare = full;
    this.#begin(full.subarray(0, length));
  }

  #begin(bytes: Uint8Array): void {
    this.#writing = this.#writeAll(bytes)
      .catch((error: RdbReceiverError) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #writeInTurn(bytes: Uint8Array): Promise<void> {
    this.#waiting = true;
    try {
      await this.#writing;
      this.#checkOpen();
      this.#beginGathered();
      if (bytes.length < DIRECT_SIZE) {
        this.#gather(bytes);
        return;
      }
      await this.#writing;
      this.#checkOpen();
      this.#begin(bytes);
      await this.#writing;
      this.#checkOpen();
    } finally {
      this.#waiting = false;
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, SYNC_SPAN - this.#sinceSync);
      const written = await this.#writeSome(bytes, at, length);
      at += written;
      this.#sinceSync += written;
      if (this.#sinceSync === SYNC_SPAN) {
        this.#sinceSync = 0;
        await this.#step('sync', this.#handle.datasync());
      }
    }
  }

  /** A write may be a short one, at a limit: the next says why. */
  async #writeSome(bytes: Uint8Array, at: number, length: number): Promise<number> {
    const { bytesWritten } = await this.#step('write to', this.#handle.write(bytes, at, length));
    if (bytesWritten > 0) return bytesWritten;
    throw ioError('write to', this.temporaryPath, new Error('nothing was written'));
  }

  async #finish(path: string): Promise<void> {
    try {
      await this.#writing;
      if (this.#failure !== undefined) throw this.#failure;
      await this.#writeAll(this.#gathering.subarray(0, this.#gathered));
      await this.#step('sync', this.#handle.sync());
      await this.#step('close', this.#handle.close());
      await this.#step(`rename to ${path}`, rename(this.temporaryPath, path));
    } catch (error) {
      await this.#fail(error as RdbReceiverError);
      throw error;
    }
    this.#state = 'committed';
    this.#gathering = NOTHING;
    this.#spare = undefined;
    await syncDirectory(dirname(path));
  }

  async #step<T>(doing: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw ioError(doing, this.temporaryPath, error);
    }
  }

  /** The first failure is what is told; that the file could not be removed as well is not. */
  async #fail(error: RdbReceiverError): Promise<void> {
    this.#failure = error;
    this.#state = 'failed';
    await this.#closeAndRemove().catch(() => {});
  }

  /** Removes at most once: the next file of this process may get the same name. */
  async #closeAndRemove(): Promise<void> {
    this.#gathering = NOTHING;
    this.#gathered = 0;
    this.#spare = undefined;
    await this.#handle.close().catch(() => {});
    if (this.#removed) return;
    this.#removed = true;
    await removeFile(this.temporaryPath);
  }
}

/** Makes a rename last (since Redis 7.0.3: `util.c: fsyncFileDir`). */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    throw ioError('sync the directory', path, error);
  }
}
