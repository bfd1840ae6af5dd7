import { BacklogError } from './errors.ts';

/** The default size in bytes, that of `repl-backlog-size` in Redis (`config.c`): 1 MiB. */
export const DEFAULT_BACKLOG_SIZE: number = 1_048_576;

/** The most bytes in a block of memory. */
const LARGEST_BLOCK = 256 * 1024;

const NO_BYTES = new Uint8Array(0);

/** What a new backlog is made of. */
export interface BacklogOptions {
  /** Size in bytes, 1 or more. Servers raise less than 16 KiB to 16 KiB; here it is taken as given. */
  readonly size?: number;
  /** Offset of the last byte of the stream so far, 0 to 2^53 - 1: the next byte appended is one more. */
  readonly offset?: number;
  /**
   * Whether nobody reads views of bytes up to `end` any longer, which are past being held: their
   * memory is then written anew. By default it never is, and views are valid for good.
   */
  readonly reuse?: (end: number) => boolean;
}

/**
 * The newest bytes of a replication stream, in blocks of memory that all who send them on can share
 * (`replication.c: feedReplicationBuffer`, since 7.0).
 *
 * Offsets are those of the protocol: offset N is the N-th byte of the stream, counted from 1, and
 * `masterOffset` is the last one that exists (`replication.c: feedReplicationBacklog`).
 */
export class Backlog {
  readonly #reuse: (end: number) => boolean;
  #size: number;
  #blockLength: number;
  /** The oldest first, all of one length, full but for the last; the bytes held are their last. */
  #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** The last of them. */
  #block = NO_BYTES;
  /** How many bytes of it are written. */
  #used = 0;
  /** How many bytes of all of them are, those included that are not held any more. */
  #written = 0;
  /** The block that was let go of last, and the offset that its bytes end before or at. */
  #spare: { readonly block: Uint8Array<ArrayBuffer>; readonly end: number } | undefined;
  #historyLength = 0;
  #masterOffset: number;

  /** @throws {BacklogError} `INVALID_SIZE`, `INVALID_OFFSET` */
  constructor({ size = DEFAULT_BACKLOG_SIZE, offset = 0, reuse }: BacklogOptions = {}) {
    this.#size = checkedSize(size);
    this.#blockLength = blockLengthFor(size);
    this.#masterOffset = checkedOffset(offset);
    this.#reuse = reuse ?? (() => false);
  }

  /** Capacity in bytes (`repl_backlog_size`). */
  get size(): number {
    return this.#size;
  }

  /** Offset of the newest byte (`master_repl_offset`). */
  get masterOffset(): number {
    return this.#masterOffset;
  }

  /** How many bytes are held, 0 to `size` (`repl_backlog_histlen`). */
  get historyLength(): number {
    return this.#historyLength;
  }

  /** Offset of the oldest byte held (`repl_backlog_first_byte_offset`); one past the end when empty. */
  get firstByteOffset(): number {
    return this.#masterOffset - this.#historyLength + 1;
  }

  /**
   * Appends the next bytes of the stream, by a copy; the oldest make room. More than `size` bytes may
   * be given: the last `size` of them stay.
   *
   * @throws {BacklogError} `INVALID_OFFSET` if the stream would grow past 2^53 - 1 bytes
   */
  append(bytes: Uint8Array): void {
    this.#masterOffset = checkedOffset(this.#masterOffset + bytes.length);
    if (bytes.length <= this.#block.length - this.#used) this.#put(bytes);
    else this.#fill(bytes.length > this.#size ? bytes.subarray(-this.#size) : bytes);
  }

  /**
   * Whether a replica that asks for `offset` can be continued: each byte from there on is held, or
   * it asks for the one past the end and misses nothing
   * (`replication.c: masterTryPartialResynchronization`).
   */
  covers(offset: number): boolean {
    return (
      Number.isInteger(offset) && offset >= this.firstByteOffset && offset <= this.#masterOffset + 1
    );
  }

  /**
   * The bytes from `offset` to the newest, without a copy: a view of each block that has some of them,
   * in order; none where `offset` is the one past the end. A view's bytes are not changed, unless
   * `reuse` allows it.
   *
   * @throws {BacklogError} `NOT_COVERED` if `covers(offset)` is false
   */
  readFrom(offset: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    let next = offset;
    for (let view = this.readNext(next); view.length > 0; view = this.readNext(next)) {
      views.push(view);
      next += view.length;
    }
    return views;
  }

  /** The first of what `readFrom` gives, or nothing. @throws {BacklogError} `NOT_COVERED` */
  readNext(offset: number): Uint8Array {
    if (!this.covers(offset)) {
      const held = `${this.firstByteOffset} to ${this.#masterOffset}`;
      throw new BacklogError('NOT_COVERED', offset, `offset ${offset} is outside of ${held}`);
    }
    if (offset > this.#masterOffset) return NO_BYTES;
    const at = this.#written - (this.#masterOffset + 1 - offset);
    const i = Math.floor(at / this.#blockLength);
    const block = this.#blocks[i]!;
    const from = at - i * this.#blockLength;
    return block.subarray(from, block === this.#block ? this.#used : undefined);
  }

  /**
   * Changes the capacity and keeps the newest bytes that fit (since Redis 7.0; older servers emptied
   * the backlog: `replication.c: resizeReplicationBacklog`).
   *
   * @throws {BacklogError} `INVALID_SIZE`
   */
  resize(size: number): void {
    this.#size = checkedSize(size);
    const kept = this.readFrom(this.#masterOffset + 1 - Math.min(size, this.#historyLength));
    this.#blockLength = blockLengthFor(size);
    this.#blocks = [];
    this.#block = NO_BYTES;
    this.#used = 0;
    this.#written = 0;
    this.#spare = undefined;
    this.#historyLength = 0;
    for (const view of kept) this.#fill(view);
  }

  #fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#used === this.#block.length) this.#beginBlock();
      const part = bytes.subarray(at, at + this.#block.length - this.#used);
      this.#put(part);
      at += part.length;
    }
  }

  #put(bytes: Uint8Array): void {
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#written += bytes.length;
    const history = this.#historyLength + bytes.length;
    this.#historyLength = Math.min(this.#size, history);
    while (this.#written - this.#historyLength >= this.#blockLength) this.#dropBlock();
  }

  #dropBlock(): void {
    const end = this.#masterOffset - this.#written + this.#blockLength;
    this.#spare = { block: this.#blocks.shift()!, end };
    this.#written -= this.#blockLength;
  }

  #beginBlock(): void {
    const { block, end } = this.#spare ?? { block: NO_BYTES, end: 0 };
    const again = block.length > 0 && this.#reuse(end);
    this.#block = again ? block : new Uint8Array(this.#blockLength);
    this.#spare = undefined;
    this.#blocks.push(this.#block);
    this.#used = 0;
  }
}

/** A few blocks fill a backlog: what is let go of, and taken anew, is a small part of it. */
function blockLengthFor(size: number): number {
  return Math.min(LARGEST_BLOCK, Math.ceil(size / 4));
}

function checkedSize(size: number): number {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new BacklogError('INVALID_SIZE', size, `a backlog of ${size} bytes cannot be made`);
  }
  return size;
}

function checkedOffset(offset: number): number {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    const range = `0 to ${Number.MAX_SAFE_INTEGER}`;
    throw new BacklogError('INVALID_OFFSET', offset, `offset ${offset} is outside of ${range}`);
  }
  return offset;
}
