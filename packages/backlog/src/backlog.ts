import { BacklogError } from './errors.ts';

/** The default size in bytes, that of `repl-backlog-size` in Redis (`config.c`): 1 MiB. */
export const DEFAULT_BACKLOG_SIZE: number = 1_048_576;

/** What a new backlog is made of. */
export interface BacklogOptions {
  /** Size in bytes, 1 or more. Servers raise less than 16 KiB to 16 KiB; here it is taken as given. */
  readonly size?: number;
  /** Offset of the last byte of the stream so far, 0 to 2^53 - 1: the next byte appended is one more. */
  readonly offset?: number;
}

/**
 * The newest bytes of a replication stream in a ring of fixed size.
 *
 * Offsets are those of the protocol: offset N is the N-th byte of the stream, counted from 1, and
 * `masterOffset` is the last one that exists (`replication.c: feedReplicationBacklog`).
 */
export class Backlog {
  #ring: Uint8Array;
  /** Where in the ring the next byte goes. Invariant: 0 <= #next < #ring.length. */
  #next = 0;
  #historyLength = 0;
  #masterOffset: number;

  /** @throws {BacklogError} `INVALID_SIZE`, `INVALID_OFFSET` */
  constructor({ size = DEFAULT_BACKLOG_SIZE, offset = 0 }: BacklogOptions = {}) {
    this.#ring = new Uint8Array(checkedSize(size));
    this.#masterOffset = checkedOffset(offset);
  }

  /** Capacity in bytes (`repl_backlog_size`). */
  get size(): number {
    return this.#ring.length;
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
   * Appends the next bytes of the stream; the oldest make room. More than `size` bytes may be given:
   * the last `size` of them stay.
   *
   * @throws {BacklogError} `INVALID_OFFSET` if the stream would grow past 2^53 - 1 bytes
   */
  append(bytes: Uint8Array): void {
    const ring = this.#ring;
    const masterOffset = checkedOffset(this.#masterOffset + bytes.length);
    const kept = bytes.length > ring.length ? bytes.subarray(bytes.length - ring.length) : bytes;
    const toEnd = ring.length - this.#next;
    if (kept.length < toEnd) {
      ring.set(kept, this.#next);
      this.#next += kept.length;
    } else {
      ring.set(kept.subarray(0, toEnd), this.#next);
      ring.set(kept.subarray(toEnd), 0);
      this.#next = kept.length - toEnd;
    }
    this.#historyLength = Math.min(ring.length, this.#historyLength + kept.length);
    this.#masterOffset = masterOffset;
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
   * The bytes from `offset` to the newest, without a copy: none, one view, or two where the ring
   * wraps. The views are valid until the next `append` or `resize`.
   *
   * @throws {BacklogError} `NOT_COVERED` if `covers(offset)` is false
   */
  readFrom(offset: number): Uint8Array[] {
    if (!this.covers(offset)) {
      const held = `${this.firstByteOffset} to ${this.#masterOffset}`;
      throw new BacklogError('NOT_COVERED', offset, `offset ${offset} is outside of ${held}`);
    }
    return lastBytes(this.#ring, this.#next, this.#masterOffset + 1 - offset);
  }

  /**
   * Changes the capacity and keeps the newest bytes that fit (since Redis 7.0; older servers emptied
   * the backlog: `replication.c: resizeReplicationBacklog`).
   *
   * @throws {BacklogError} `INVALID_SIZE`
   */
  resize(size: number): void {
    const ring = new Uint8Array(checkedSize(size));
    const kept = Math.min(size, this.#historyLength);
    let at = 0;
    for (const part of lastBytes(this.#ring, this.#next, kept)) {
      ring.set(part, at);
      at += part.length;
    }
    this.#ring = ring;
    this.#next = kept % size;
    this.#historyLength = kept;
  }
}

/** Views of the `length` bytes that end where the next one would be written. */
function lastBytes(ring: Uint8Array, next: number, length: number): Uint8Array[] {
  const start = next - length;
  if (length === 0) return [];
  if (start >= 0) return [ring.subarray(start, next)];
  const tail = ring.subarray(ring.length + start);
  return next === 0 ? [tail] : [tail, ring.subarray(0, next)];
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
