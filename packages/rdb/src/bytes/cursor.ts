import { RdbError } from '../format/errors.ts';
import { Arena } from './arena.ts';
import { digitsOf } from './digits.ts';
import { canExpand, expandLzf } from './lzf.ts';

const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

/** What the two upper bits of a length say: six bits more, fourteen more, a larger number, an encoding. */
const ENCODED = 3;
const ENCODING_INT8 = 0;
const ENCODING_INT16 = 1;
const ENCODING_INT32 = 2;
const ENCODING_LZF = 3;

/** The largest number below 2^63: the next is one that no server takes for a time. */
const MOST_OF_I64 = 2 ** 63 - 1024;

/** The longest string by default: what `proto-max-bulk-len` of servers is by default, 512 MiB. */
export const DEFAULT_MAX_LENGTH: number = 512 * 1024 * 1024;

/**
 * The bytes of an RDB that were pushed and not read yet, and a place in them.
 *
 * What is read past their end comes out as nothing, and sets `short`; all that is read after it comes out as
 * nothing too, for the bytes there are not those that it would be read from. So whoever reads several things
 * that belong together looks at `short` once, goes back to where the first began, and reads all of them anew
 * when there is more.
 */
export class Cursor {
  /** Bytes of the longest string that is taken. */
  readonly maxLength: number;
  #bytes: Uint8Array = NOTHING;
  #view: DataView = NO_VIEW;
  #at = 0;
  #end = 0;
  /** Where the first of #bytes is in the RDB. */
  #base = 0;
  /** Whether #bytes is memory of this object, and not a chunk that the caller may overwrite. */
  #isOwn = true;
  short = false;
  /** Bytes that the string announced by `stringLength` expands to; undefined where it is not compressed. */
  expandsTo: number | undefined;
  readonly #arena = new Arena();

  constructor(maxLength: number) {
    this.maxLength = maxLength;
  }

  /** Where in the RDB it is. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** Bytes that are there to be read. */
  get available(): number {
    return this.#end - this.#at;
  }

  /** Goes back, to where it was since the last `keep`. */
  moveTo(position: number): void {
    this.#at = position - this.#base;
  }

  /** Bytes that were read already, as views. */
  between(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from - this.#base, to - this.#base);
  }

  /** Takes more, which must not change before `keep`. */
  push(chunk: Uint8Array): void {
    if (this.#end === 0) {
      this.#take(chunk, chunk.length);
      this.#isOwn = false;
      return;
    }
    this.#own(0, this.#end + chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Lets go of what is before `position`, and copies the rest: the chunk is the caller's again. */
  keep(position: number): void {
    const from = position - this.#base;
    // What was expanded is as short-lived as what was pushed.
    this.#arena.release();
    if (from < this.#end) {
      this.#own(from, this.#end - from);
    } else {
      this.#base = position;
      this.#at = 0;
      this.#take(NOTHING, 0);
    }
  }

  u8(): number {
    if (!this.short && this.#at < this.#end) return this.#bytes[this.#at++]!;
    this.short = true;
    return 0;
  }

  /** Little-endian, with a sign. */
  i32(): number {
    if (!this.#has(4)) return 0;
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4, true);
  }

  /** Little-endian, with a sign; beyond 2^53 not exact, and never more than there is room for. */
  i64(): number {
    if (!this.#has(8)) return 0;
    this.#at += 8;
    const low = this.#view.getUint32(this.#at - 8, true);
    return Math.min(this.#view.getInt32(this.#at - 4, true) * 2 ** 32 + low, MOST_OF_I64);
  }

  /** The same, exact. */
  bigI64(): bigint {
    if (!this.#has(8)) return 0n;
    this.#at += 8;
    return this.#view.getBigInt64(this.#at - 8, true);
  }

  /** Little-endian, four bytes or eight. */
  f32(): number {
    if (!this.#has(4)) return 0;
    this.#at += 4;
    return this.#view.getFloat32(this.#at - 4, true);
  }

  f64(): number {
    if (!this.#has(8)) return 0;
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  /** So many bytes, as they are. */
  take(length: number): Uint8Array {
    if (!this.#has(length)) return NOTHING;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Passes over bytes, as far as there are any; returns how many are still to be passed over. */
  skip(length: number): number {
    const skipped = Math.min(length, this.available);
    this.#at += skipped;
    return length - skipped;
  }

  /**
   * A length, or a number that is written as one (`rdb.c: rdbLoadLen`); beyond 2^53 not exact.
   *
   * @throws {RdbError} `CORRUPT`
   */
  length(): number {
    const first = this.u8();
    if (first < 0x40) return first;
    if (first < 0x80) return (first & 0x3f) * 256 + this.u8();
    if (first === 0x80) return this.#u32();
    if (first === 0x81) return this.#u32() * 2 ** 32 + this.#u32();
    const what =
      first >> 6 === ENCODED
        ? 'an encoding stands where a length is due'
        : `an unknown length encoding ${first}`;
    throw this.corrupt(what, this.position - 1);
  }

  /** The same, exact: what is written of 64 bits may be any number. @throws {RdbError} `CORRUPT` */
  bigLength(): bigint {
    if (!this.short && this.#at < this.#end && this.#bytes[this.#at] === 0x81) {
      this.#at++;
      return (BigInt(this.#u32()) << 32n) | BigInt(this.#u32());
    }
    return BigInt(this.length());
  }

  /**
   * A string in any of its encodings: of a length, an integer, LZF (`rdb.c: rdbGenericLoadStringObject`).
   * What is compressed comes in memory of its own, the rest as a view. Lengths are held against the
   * limit before a byte of what they announce is awaited.
   *
   * @throws {RdbError} `CORRUPT`, `TOO_LONG`
   */
  string(): Uint8Array {
    const start = this.position;
    const first = this.#peek();
    if (first >> 6 !== ENCODED) return this.take(this.#checked(this.length(), start));
    this.u8();
    switch (first & 0x3f) {
      case ENCODING_INT8:
        return digitsOf((this.u8() << 24) >> 24);
      case ENCODING_INT16:
        return digitsOf(((this.u8() | (this.u8() << 8)) << 16) >> 16);
      case ENCODING_INT32:
        return digitsOf(this.i32());
      case ENCODING_LZF:
        return this.#compressed();
      default:
        throw this.corrupt(`an unknown string encoding ${first & 0x3f}`, start);
    }
  }

  /**
   * Passes over the beginning of a string, and returns how many bytes are still to be passed over.
   *
   * @throws {RdbError} `CORRUPT`
   */
  stringLength(): number {
    this.expandsTo = undefined;
    const first = this.#peek();
    if (first >> 6 !== ENCODED) return this.length();
    const start = this.position;
    this.u8();
    switch (first & 0x3f) {
      case ENCODING_INT8:
        return 1;
      case ENCODING_INT16:
        return 2;
      case ENCODING_INT32:
        return 4;
      case ENCODING_LZF: {
        const length = this.length();
        this.expandsTo = this.length();
        return length;
      }
      default:
        throw this.corrupt(`an unknown string encoding ${first & 0x3f}`, start);
    }
  }

  /** Passes over a string if all of it is there, and says whether. */
  passString(): boolean {
    const at = this.#at;
    const length = this.stringLength();
    if (!this.short && length <= this.#end - this.#at) {
      this.#at += length;
      return true;
    }
    this.#at = at;
    this.short = false;
    return false;
  }

  corrupt(what: string, position: number = this.position): RdbError {
    return new RdbError('CORRUPT', position, `${what}, at byte ${position}`);
  }

  /** Both lengths are held against the limit; LZF that is longer than what it expands to is not written. */
  #compressed(): Uint8Array {
    const start = this.position;
    const length = this.#checked(this.length(), start);
    const expanded = this.#checked(this.length(), start);
    const position = this.position;
    if (this.short) return NOTHING;
    if (!canExpand(length, expanded)) {
      throw this.corrupt(`${length} bytes of LZF cannot expand to ${expanded}`, position);
    }
    const input = this.take(length);
    if (this.short) return NOTHING;
    const output = this.#arena.take(expanded);
    expandLzf(input, output, position);
    return output;
  }

  #checked(length: number, position: number): number {
    if (length <= this.maxLength) return length;
    const message = `a string of ${length} bytes exceeds the limit of ${this.maxLength}, at byte ${position}`;
    throw new RdbError('TOO_LONG', position, message);
  }

  /** The next byte, which stays; 0 where there is none. */
  #peek(): number {
    return this.#at < this.#end && !this.short ? this.#bytes[this.#at]! : 0;
  }

  #has(length: number): boolean {
    if (!this.short && this.#end - this.#at >= length) return true;
    this.short = true;
    return false;
  }

  /** Big-endian, as lengths are. */
  #u32(): number {
    if (!this.#has(4)) return 0;
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  /** Sees to room for `size` bytes in own memory, what is from `from` on coming first. */
  #own(from: number, size: number): void {
    const length = this.#end - from;
    if (!this.#isOwn || this.#bytes.length < size) {
      const bytes = new Uint8Array(Math.max(size, 2 * length));
      bytes.set(this.#bytes.subarray(from, this.#end));
      this.#take(bytes, length);
      this.#isOwn = true;
    } else if (from > 0) {
      this.#bytes.copyWithin(0, from, this.#end);
      this.#end = length;
    }
    this.#base += from;
    this.#at -= from;
  }

  #take(bytes: Uint8Array, end: number): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = end;
  }
}
