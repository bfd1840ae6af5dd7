import { randomBytes } from 'node:crypto';
import type { History, ServedStream } from '@forebay/psync';
import { shiftHistory, startHistory } from '@forebay/psync';
import type { RandomBytes } from '../replicas/transfer.ts';
import type { Snapshot, Source } from '../source.ts';

/** Bytes of memory that is written to from its beginning to its end, and then followed by another. */
const BLOCK = 256 * 1024;
/** Bytes of a snapshot that are sent at a time. */
const PIECE = 256 * 1024;

/**
 * An RDB of nothing (version 9, which all servers since 5.0 take), without a checksum.
 * `0xff` ends it, and eight zeros say that there is none.
 */
const EMPTY_RDB: Uint8Array = Uint8Array.from([
  ...[...'REDIS0009'].map((character) => character.charCodeAt(0)),
  ...[0xff, 0, 0, 0, 0, 0, 0, 0, 0],
]);

/** A stretch of the stream, `end` being the offset of its last byte. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly end: number;
}

export interface MemorySourceOptions {
  /** The initial data set; empty by default. */
  readonly rdb?: Uint8Array | undefined;
  /** Random bytes, for replication ids. */
  readonly random?: RandomBytes | undefined;
}

/** A data set and all that came after it, in memory. */
export class MemorySource implements Source {
  readonly #random: RandomBytes;
  #history: History;
  #rdb: Uint8Array;
  /** Offset of the last byte that the RDB contains. */
  #base = 0;
  #offset = 0;
  #pieces: Piece[] = [];
  #block: Uint8Array = new Uint8Array(BLOCK);
  /** Bytes of the block that are written. */
  #used = 0;

  constructor({ rdb = EMPTY_RDB, random = randomBytes }: MemorySourceOptions = {}) {
    this.#rdb = rdb;
    this.#random = random;
    this.#history = startHistory(this.#newId());
  }

  get held(): ServedStream {
    return { history: this.#history, firstByte: this.#base + 1, offset: this.#offset };
  }

  /** Keeps the next bytes of the stream, beside those before them where there is room. */
  append(bytes: Uint8Array): void {
    if (bytes.length > this.#block.length - this.#used) {
      this.#block = new Uint8Array(Math.max(BLOCK, bytes.length));
      this.#used = 0;
    }
    this.#block.set(bytes, this.#used);
    const last = this.#pieces.at(-1);
    const isBeside =
      last?.bytes.buffer === this.#block.buffer &&
      last.bytes.byteOffset + last.bytes.length === this.#used;
    const start = isBeside ? last.bytes.byteOffset : this.#used;
    this.#used += bytes.length;
    this.#offset += bytes.length;
    if (isBeside) this.#pieces.pop();
    this.#pieces.push({ bytes: this.#block.subarray(start, this.#used), end: this.#offset });
  }

  /** A data set that contains all that came so far; what came before it is let go. */
  replaceSnapshot(rdb: Uint8Array): void {
    this.#rdb = rdb;
    this.#base = this.#offset;
    this.#pieces = [];
  }

  /** Begins another history, that shares nothing with the one before. */
  renameHistory(): void {
    this.#history = startHistory(this.#newId());
  }

  /** Goes on under another id, as a replica that was promoted does. */
  shiftId(): void {
    this.#history = shiftHistory(this.#history, this.#newId(), this.#offset);
  }

  async openSnapshot(): Promise<Snapshot> {
    const rdb = this.#rdb;
    return {
      history: this.#history,
      offset: this.#base,
      length: rdb.length,
      async *read() {
        for (let at = 0; at < rdb.length; at += PIECE) yield rdb.subarray(at, at + PIECE);
      },
      close: async () => {},
    };
  }

  #newId(): string {
    return Buffer.from(this.#random(20)).toString('hex');
  }

  async *read(after: number): AsyncGenerator<Uint8Array, void, void> {
    if (after < this.#base) throw new Error(`nothing is held after offset ${after}`);
    let pieces = this.#pieces;
    for (let at = after; ; ) {
      const piece = pieces[firstAfter(pieces, at)];
      if (piece !== undefined) {
        yield piece.bytes.subarray(at - (piece.end - piece.bytes.length));
        at = piece.end;
      } else if (pieces === this.#pieces) {
        return;
      } else {
        // Another snapshot came meanwhile: what was before it is read, and what came after it goes on.
        pieces = this.#pieces;
      }
    }
  }
}

/** The place of the first piece that has a byte after an offset. */
function firstAfter(pieces: readonly Piece[], after: number): number {
  let [low, high] = [0, pieces.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pieces[middle]!.end > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
