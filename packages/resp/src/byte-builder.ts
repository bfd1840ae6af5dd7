import { RespError } from './errors.ts';
import { utf8Length, writeUtf8 } from './text.ts';

/** Positions are 32-bit integers: no builder grows past this. */
const MOST_BYTES = 2_147_483_647;
const FIRST_CAPACITY = 512;
/** From here on memory grows by more where it is known how much is to come: what grew is copied, too. */
const LARGE = 1024 * 1024;
/** Below this many bytes a loop copies faster than a view is made for `set`. */
const COPIED_BY_LOOP = 32;

/**
 * Bytes that are appended to. It grows by doubling, so that appending is linear in all and never more than twice
 * what came is held. Where the caller knows how much is still to come it does not grow past that; what is large
 * grows by eight times then, and the memory before it is an eighth.
 */
export class ByteBuilder {
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;

  /** How many bytes were appended since the last `clear`. */
  get length(): number {
    return this.#length;
  }

  /** The memory: the first `length` bytes of it count. Appending may replace it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /**
   * Appends `source` from `from` up to `to`; `more` bytes are then still expected, if any number is.
   *
   * @throws {RespError} `COMMAND_TOO_LARGE` if that is more than memory can hold in one piece
   */
  append(source: Uint8Array, from: number, to: number, more: number = MOST_BYTES): void {
    const at = this.#length;
    const needed = at + to - from;
    // All there will be, in one piece: the copy is the memory. (`source` is no Buffer, whose slice is
    // a view: windows and cursors wrap what they are given.)
    if (more === 0 && at === 0 && this.#bytes.length === 0) {
      this.#bytes = source.slice(from, to);
      this.#length = needed;
      return;
    }
    if (needed > this.#bytes.length) this.#grow(needed, more);
    const bytes = this.#bytes;
    if (to - from <= COPIED_BY_LOOP) {
      for (let i = from, j = at; i < to; i++, j++) bytes[j] = source[i]!;
    } else {
      bytes.set(source.subarray(from, to), at);
    }
    this.#length = needed;
  }

  /** Appends `text` as UTF-8. */
  appendText(text: string): void {
    const needed = this.#length + utf8Length(text);
    if (needed > this.#bytes.length) this.#grow(needed, MOST_BYTES);
    writeUtf8(text, this.#bytes, this.#length);
    this.#length = needed;
  }

  /** Forgets what was appended; memory over `keep` bytes is given back. */
  clear(keep: number): void {
    this.#length = 0;
    if (this.#bytes.length > keep) this.#bytes = new Uint8Array(0);
  }

  /** Releases the memory to the holders of views; the builder is empty after it. */
  leave(): void {
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
  }

  /** What was appended, as an array of its own; the builder is empty after it. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    const taken = bytes.length === this.#length ? bytes : bytes.slice(0, this.#length);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return taken;
  }

  #grow(needed: number, more: number): void {
    const factor = more < MOST_BYTES && needed > LARGE ? 8 : 2;
    const enlarged = Math.max(needed, this.#bytes.length * factor, FIRST_CAPACITY);
    const capacity = Math.min(enlarged, needed + more, MOST_BYTES);
    if (needed > capacity) throw tooLarge(needed);
    let grown: Uint8Array;
    try {
      grown = new Uint8Array(capacity);
    } catch {
      throw tooLarge(capacity);
    }
    if (this.#length > 0) grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

function tooLarge(bytes: number): RespError {
  return new RespError('COMMAND_TOO_LARGE', `${bytes} bytes cannot be held in one piece`);
}
