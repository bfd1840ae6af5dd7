import { join } from 'node:path';
import type { History } from '@forebay/psync';
import { openDirectory, recoverEnd, removeFiles } from './directory.ts';
import { replaceFile } from './durable.ts';
import { LogError, orLogError } from './errors.ts';
import { endOffsetOf, IncrementFile } from './increment-file.ts';
import type { BaseStart, BaseTarget, LogEnd, LogOptions } from './log-types.ts';
import type { Increment, Manifest } from './manifest.ts';
import {
  APPEND_DIRECTORY,
  baseName,
  formatManifest,
  incrementName,
  lastIncrement,
  MANIFEST_NAME,
} from './manifest.ts';
import type { LogChunk } from './read-increment.ts';
import type { ReadableLog, ReadOptions } from './read-log.ts';
import { readLog } from './read-log.ts';
import { Syncer } from './syncer.ts';

interface Current {
  readonly manifest: Manifest;
  readonly increment: Increment;
  readonly file: IncrementFile;
  readonly syncer: Syncer;
}

/**
 * A replication stream on disk: a base RDB and the stream after it, verbatim, as a multi-part
 * append-only directory. One process writes, one append at a time; any number of readers follow.
 */
export class Log {
  readonly directory: string;
  /** What was found when the log was opened; undefined in a directory without a history. */
  readonly found: LogEnd | undefined;
  readonly #options: LogOptions;
  /** Readers that wait for more. */
  readonly #waiting = new Set<() => void>();
  #current: Current | undefined;
  #written = 0;
  #failure: LogError | undefined;
  /** The call that writes, while one does. */
  #busy: Promise<void> | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  private constructor(directory: string, options: LogOptions, found: LogEnd | undefined) {
    this.directory = directory;
    this.found = found;
    this.#options = options;
  }

  /**
   * Opens a directory, made with mode 0700 if it is not there, and follows its last file to the end.
   *
   * @throws {LogError} `FOREIGN`, `NEWER_VERSION`, `CORRUPT`, `IO`
   */
  static async open(directory: string, options: LogOptions = {}): Promise<Log> {
    const manifest = await openDirectory(directory);
    if (manifest === undefined) return new Log(directory, options, undefined);
    const stream = await recoverEnd(directory, manifest);
    const { history } = manifest;
    const log = new Log(directory, options, { history, offset: stream.offset, stream });
    const increment = lastIncrement(manifest);
    const file = await IncrementFile.open(log.#pathOf(increment.name));
    try {
      // Written by an earlier process, and perhaps never synced by it.
      await file.sync();
      log.#checkAlone(file, increment, stream.offset);
    } catch (error) {
      await file.close();
      throw error;
    }
    log.#install(manifest, increment, file, stream.offset);
    return log;
  }

  /** The history held, as the manifest has it; undefined before the first base. */
  get history(): History | undefined {
    return this.#current?.manifest.history;
  }

  /** Offset of the last byte that `write` has taken. */
  get written(): number {
    return this.#written;
  }

  /** Offset of the last byte known to be on the disk. */
  get synced(): number {
    return this.#current?.syncer.synced ?? 0;
  }

  /** Where the next base is to be put. */
  get baseTarget(): BaseTarget {
    const directory = join(this.directory, APPEND_DIRECTORY);
    return { directory, path: join(directory, baseName(this.#nextSequence())) };
  }

  /**
   * Makes the base at `baseTarget` the log's, and starts a new stream behind it: committed by one
   * rename of the manifest. The history before it stays whole until then, and goes after it.
   *
   * @throws {LogError} `IO`, `MISUSE`
   */
  async adoptBase({ history, offset, database }: BaseStart): Promise<void> {
    await this.#exclusively(async () => {
      const sequence = this.#nextSequence();
      const name = incrementName(sequence);
      const increment: Increment = { name, sequence, startOffset: offset, database };
      const file = await IncrementFile.create(this.#pathOf(name), increment);
      const base = { name: baseName(sequence), sequence };
      const manifest: Manifest = { history, base, increments: [increment] };
      await this.#commit(manifest);
      const replaced = this.#current;
      await replaced?.syncer.stop();
      this.#install(manifest, increment, file, offset);
      this.#progressed();
      if (replaced === undefined) return;
      await replaced.file.close();
      await removeFiles(this.directory, [
        replaced.manifest.base.name,
        ...replaced.manifest.increments.map((each) => each.name),
      ]);
    });
  }

  /**
   * Commits ids: what `+CONTINUE` with a new id brings, before its first byte is appended.
   *
   * @throws {LogError} `IO`, `MISUSE`
   */
  async setHistory(history: History): Promise<void> {
    await this.#exclusively(async () => {
      await this.#change({ ...opened(this.#needCurrent().manifest), history });
      this.#progressed();
    });
  }

  /**
   * Appends the next bytes of the stream. When it returns, `written` has moved; under `always`,
   * `synced` too.
   *
   * @throws {LogError} `IO`, after which the log takes no more; `MISUSE`
   */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#exclusively(async () => {
      const { file, syncer, manifest } = this.#needCurrent();
      if (manifest.closedSize !== undefined) await this.#change(opened(manifest));
      const before = file.size;
      try {
        await file.append(bytes);
      } finally {
        this.#written += file.size - before;
      }
      const synced = syncer.wrote(this.#written);
      if (synced !== undefined) await synced;
      this.#progressed();
    });
  }

  /**
   * Waits until what is written by now is on the disk.
   *
   * @throws {LogError} `IO`, after which the log takes no more
   */
  async sync(): Promise<void> {
    try {
      await this.#current?.syncer.flush();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /**
   * The stream from the byte at `from` on: what is held now, then what is appended, until the log is
   * closed, `signal` is aborted, or `follow` is false and the end is reached.
   *
   * @throws {LogError} `NOT_COVERED`; `REPLACED` when a full resync has begun another history
   */
  read(from: number, options: ReadOptions = {}): AsyncGenerator<LogChunk, void, void> {
    return readLog(this.#readable(), from, options);
  }

  /**
   * Waits for the call in progress, syncs, notes in the manifest where the stream ends, and closes;
   * readers end.
   *
   * @throws {LogError} `IO`
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#busy?.catch(() => {});
    const current = this.#current;
    if (current === undefined) return;
    try {
      if (this.#failure === undefined) await this.#seal(current);
    } finally {
      await current.syncer.stop();
      await current.file.close();
    }
  }

  #readable(): ReadableLog {
    const log = this;
    return {
      directory: this.directory,
      get manifest() {
        return log.#needCurrent().manifest;
      },
      get written() {
        return log.#written;
      },
      get closed() {
        return log.#closed;
      },
      onChange: (wake) => this.#waiting.add(wake),
    };
  }

  /** A file that grew while it was followed has another writer. */
  #checkAlone(file: IncrementFile, increment: Increment, offset: number): void {
    if (endOffsetOf(increment, file.size) === offset) return;
    const message = `${file.path} is being written to: is another forebay running in ${this.directory}?`;
    throw new LogError('CORRUPT', file.path, message);
  }

  async #seal({ manifest, file, syncer }: Current): Promise<void> {
    await syncer.flush();
    if (manifest.closedSize === undefined)
      await this.#change({ ...manifest, closedSize: file.size });
  }

  async #change(manifest: Manifest): Promise<void> {
    await this.#commit(manifest);
    this.#current = { ...this.#needCurrent(), manifest };
  }

  #install(manifest: Manifest, increment: Increment, file: IncrementFile, offset: number): void {
    const syncer = new Syncer({
      policy: this.#options.fsync ?? 'everysec',
      offset,
      sync: () => file.sync(),
      onSynced: () => this.#progressed(),
      onFailure: (error) => {
        this.#fail(error);
        if (error instanceof LogError) this.#options.onFailure?.(error);
      },
    });
    this.#current = { manifest, increment, file, syncer };
    this.#written = offset;
  }

  async #commit(manifest: Manifest): Promise<void> {
    const path = this.#pathOf(MANIFEST_NAME);
    await orLogError(path, 'replacing', () => replaceFile(path, formatManifest(manifest)));
  }

  async #exclusively(run: () => Promise<void>): Promise<void> {
    if (this.#closed) throw new LogError('MISUSE', this.directory, 'the log is closed');
    if (this.#busy !== undefined) {
      const message = 'the log is written to one call at a time';
      throw new LogError('MISUSE', this.directory, message);
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#busy = run();
    try {
      await this.#busy;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#busy = undefined;
    }
  }

  /** A failure is final: what came after it would leave a hole. */
  #fail(error: unknown): void {
    if (error instanceof LogError && error.code === 'IO') this.#failure ??= error;
  }

  #progressed(): void {
    this.#options.onProgress?.({ written: this.#written, synced: this.synced });
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #needCurrent(): Current {
    if (this.#current === undefined) {
      throw new LogError('MISUSE', this.directory, 'the log has no base yet');
    }
    return this.#current;
  }

  #nextSequence(): number {
    const manifest = this.#current?.manifest;
    if (manifest === undefined) return 1;
    return (
      Math.max(manifest.base.sequence, ...manifest.increments.map((each) => each.sequence)) + 1
    );
  }

  #pathOf(name: string): string {
    return join(this.directory, APPEND_DIRECTORY, name);
  }
}

function opened({ closedSize: _, ...manifest }: Manifest): Manifest {
  return manifest;
}
