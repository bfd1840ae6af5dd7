import { StreamTracker } from '@forebay/psync';
import { concatBytes } from '@forebay/testkit';
import type { ReplicaItem, Resume } from '../src/index.ts';

/** A stream kept in memory, which can be cut: what a log on disk does. */
export class MemoryStore {
  #start = 0;
  #database = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #pieces: Uint8Array[] = [];

  /** Offset of the snapshot: the lowest that can be stepped back to. */
  get start(): number {
    return this.#start;
  }

  /** Offset of the last byte kept. */
  get end(): number {
    return (
      this.#start + this.#bytes.length + this.#pieces.reduce((sum, { length }) => sum + length, 0)
    );
  }

  take(item: ReplicaItem): void {
    if (item.type === 'snapshot-end') {
      this.#start = item.offset;
      this.#database = item.database;
      this.#bytes = new Uint8Array(0);
      this.#pieces = [];
    }
    if (item.type === 'stream') this.#pieces.push(new Uint8Array(item.bytes));
  }

  /** Drops what comes after `to`. */
  stepBack(to: number): Pick<Resume, 'offset' | 'stream'> {
    this.#bytes = concatBytes([this.#bytes, ...this.#pieces]).slice(0, to - this.#start);
    this.#pieces = [];
    const stream = new StreamTracker({ offset: this.#start, database: this.#database });
    stream.push(this.#bytes);
    return { offset: to, stream };
  }
}
