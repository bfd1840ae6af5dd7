import type { DiskOperation } from './faults.ts';
import { systemError } from './faults.ts';
import type { Inode } from './inode.ts';
import type { SystemCalls } from './system-calls.ts';

/** An open file of a simulated disk. Throws `EBADF` once it is closed, or its process has ended. */
export class SimulatedFile {
  readonly #path: string;
  readonly #inode: Inode;
  readonly #writable: boolean;
  readonly #calls: SystemCalls;
  readonly #onClosed: (file: SimulatedFile) => void;
  #closed = false;
  #syncing = 0;

  constructor(
    path: string,
    inode: Inode,
    writable: boolean,
    calls: SystemCalls,
    onClosed: (file: SimulatedFile) => void,
  ) {
    this.#path = path;
    this.#inode = inode;
    this.#writable = writable;
    this.#calls = calls;
    this.#onClosed = onClosed;
  }

  /**
   * Writes at `place`; returns, or promises, how many bytes were taken, which may be fewer. It is
   * promised while a sync runs, and by chance.
   */
  write(bytes: Uint8Array, place: number): number | Promise<number> {
    const { random, slowWriteRate } = this.#calls.storage;
    const slow = slowWriteRate > 0 && random.float() < slowWriteRate;
    if (!slow && this.#syncing === 0) return this.#writeNow(bytes, place);
    const short = slow && bytes.length > 1 && random.float() < 0.5;
    const length = short ? random.integer(1, bytes.length - 1) : bytes.length;
    return this.#calls.turns().then(() => this.#writeNow(bytes.subarray(0, length), place));
  }

  /** Reads at `place` until `into` is full or the file ends; how many bytes came. */
  read(into: Uint8Array, place: number): Promise<number> {
    return this.#run('read', () => this.#inode.content.read(into, place));
  }

  size(): Promise<number> {
    return this.#run('size', () => this.#inode.content.length);
  }

  truncate(size: number): Promise<void> {
    return this.#run('truncate', () => {
      if (!this.#writable) throw systemError('EINVAL', 'truncate', this.#path);
      this.#calls.storage.truncate(this.#inode, size, this.#path);
    });
  }

  /**
   * Waits until what was written before the call survives a power cut. Where it fails, no later sync
   * saves what was written before.
   */
  async sync(): Promise<void> {
    const mark = this.#inode.changes;
    this.#syncing++;
    try {
      await this.#run(
        'sync',
        () => this.#inode.sync(mark),
        () => this.#inode.failSync(mark),
      );
    } finally {
      this.#syncing--;
    }
  }

  /** Closes the file, also where it fails. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const close = () => {
      this.#closed = true;
      this.#onClosed(this);
    };
    await this.#calls.run('close', this.#path, close, close);
  }

  #writeNow(bytes: Uint8Array, place: number): number {
    this.#checkOpen('write');
    this.#calls.begin('write', this.#path);
    if (!this.#writable) throw systemError('EBADF', 'write', this.#path);
    return this.#calls.storage.write(this.#inode, bytes, place, this.#path);
  }

  async #run<T>(operation: DiskOperation, effect: () => T, onFailure?: () => void): Promise<T> {
    await this.#calls.turns();
    this.#checkOpen(operation);
    return this.#calls.runNow(operation, this.#path, effect, onFailure);
  }

  #checkOpen(operation: DiskOperation): void {
    if (this.#closed) throw systemError('EBADF', operation, this.#path);
  }
}
