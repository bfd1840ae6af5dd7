import { compressInto } from '../bytes/compress-lzf.ts';
import { RdbError } from '../format/errors.ts';
import { integerOf } from './integer.ts';

const INITIAL = 64 * 1024;
/** Memory of more than this is not got ready for what comes. */
const LARGE = 1024 * 1024;
/** Bytes up to which a loop copies faster than `set`, which is a call into the runtime. */
const FEW = 32;
/** The longest string that may be an integer of 32 bits: `-2147483648` (`rdb.c: rdbSaveRawString`). */
const LONGEST_INTEGER = 11;
/** Strings up to this length are not compressed (the same). */
const UNCOMPRESSED = 20;
/** The largest number of 64 bits without a sign. */
const MOST = 0xffff_ffff_ffff_ffffn;
/** Memory for compressed strings; longer ones get their own. */
const scratch = new Uint8Array(INITIAL);

export interface OutputOptions {
  /** Whether strings of more than 20 bytes are compressed, where that makes them shorter. */
  readonly compress: boolean;
  /** Whether lengths may have 64 bits, which they have since RDB 8 (4.0). */
  readonly longLengths: boolean;
  /** The most bytes it may hold at a time. */
  readonly limit: number;
}

/** Bytes that grow at their end: the primitives that an RDB is made of, the counterpart of the cursor. */
export class Output {
  readonly #options: OutputOptions;
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(options: OutputOptions, initial: number = INITIAL) {
    this.#options = options;
    this.#bytes = new Uint8Array(initial);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written and not taken. */
  get length(): number {
    return this.#at;
  }

  /** What was written, as a view that the next write may overwrite. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** What was written, which is the caller's from now on. */
  take(): Uint8Array {
    // Much is handed over, little is copied: else little things would cost a new memory each.
    const capacity = this.#bytes.length;
    const isMuch = this.#at > capacity / 4;
    const taken = isMuch ? this.bytes : this.bytes.slice();
    if (isMuch) this.#own(new Uint8Array(Math.min(capacity, LARGE)));
    this.#at = 0;
    return taken;
  }

  /** Forgets what was written, and keeps the memory for what comes unless it is much. */
  clear(): void {
    if (this.#bytes.length > LARGE) this.#own(new Uint8Array(INITIAL));
    this.#at = 0;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** Little-endian, as all but lengths are. */
  u16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  u24(value: number): void {
    this.#reserve(3);
    this.#bytes[this.#at] = value;
    this.#view.setUint16(this.#at + 1, value >> 8, true);
    this.#at += 3;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** With a sign; of a number all that it says, which is exact up to 2^53. */
  i64(value: number | bigint): void {
    this.#reserve(8);
    if (typeof value === 'bigint') this.#view.setBigInt64(this.#at, value, true);
    else {
      this.#view.setUint32(this.#at, value, true);
      this.#view.setInt32(this.#at + 4, Math.floor(value / 2 ** 32), true);
    }
    this.#at += 8;
  }

  /** Without a sign, big-endian, as the ids of streams are where they are to be sorted. */
  u64BigEndian(value: number | bigint): void {
    this.#reserve(8);
    if (typeof value === 'bigint') this.#view.setBigUint64(this.#at, value);
    else {
      this.#view.setUint32(this.#at, Math.floor(value / 2 ** 32));
      this.#view.setUint32(this.#at + 4, value);
    }
    this.#at += 8;
  }

  f32(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Bytes as they are. */
  append(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    if (length > FEW) this.#bytes.set(bytes, this.#at);
    else for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = bytes[i]!;
    this.#at += length;
  }

  /**
   * A length, or a number of up to 64 bits without a sign, in the shortest form (`rdb.c: rdbSaveLen`).
   *
   * @throws {RdbError} `INVALID_VALUE`, `UNSUPPORTED`
   */
  number(value: number | bigint): void {
    this.#reserve(9);
    if (typeof value === 'bigint' && value > 0xffffffffn) {
      if (value > MOST) throw invalidNumber(value, this.#at);
      this.#long();
      this.#view.setBigUint64(this.#at, value);
      this.#at += 8;
      return;
    }
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0) throw invalidNumber(value, this.#at);
    if (number < 0x40) this.#bytes[this.#at++] = number;
    else if (number < 0x4000) {
      this.#bytes[this.#at++] = 0x40 | (number >> 8);
      this.#bytes[this.#at++] = number;
    } else if (number <= 0xffffffff) {
      this.#bytes[this.#at] = 0x80;
      this.#view.setUint32(this.#at + 1, number);
      this.#at += 5;
    } else {
      this.#long();
      this.u64BigEndian(number);
    }
  }

  /** A string as servers write it: an integer where it is one, compressed, or as it is. @throws {RdbError} */
  string(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length <= LONGEST_INTEGER && this.#integer(bytes)) return;
    if (length > UNCOMPRESSED && this.#options.compress && this.#compressed(bytes)) return;
    this.number(length);
    this.append(bytes);
  }

  #integer(bytes: Uint8Array): boolean {
    const value = integerOf(bytes);
    if (value === undefined || value !== (value | 0)) return false;
    if (value >= -128 && value <= 127) {
      this.u8(0xc0);
      this.u8(value);
    } else if (value >= -32_768 && value <= 32_767) {
      this.u8(0xc1);
      this.u16(value);
    } else {
      this.u8(0xc2);
      this.u32(value);
    }
    return true;
  }

  /** What does not get shorter by four bytes stays as it is (`rdb.c: rdbSaveLzfStringObject`). */
  #compressed(bytes: Uint8Array): boolean {
    const most = bytes.length - 4;
    const memory = scratch.length < most ? new Uint8Array(most) : scratch;
    const length = compressInto(bytes, memory, most);
    if (length === 0) return false;
    this.u8(0xc3);
    this.number(length);
    this.number(bytes.length);
    this.append(memory.subarray(0, length));
    return true;
  }

  #long(): void {
    if (!this.#options.longLengths) {
      throw new RdbError('UNSUPPORTED', this.#at, 'a length of 64 bits is not known before RDB 8');
    }
    this.#bytes[this.#at++] = 0x81;
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed > this.#bytes.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    const { limit } = this.#options;
    if (needed > limit) {
      const message = `more than ${limit} bytes of a value would have to be held`;
      throw new RdbError('TOO_LONG', this.#at, message);
    }
    const bytes = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    bytes.set(this.bytes);
    const at = this.#at;
    this.#own(bytes);
    this.#at = at;
  }

  #own(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#at = 0;
  }
}

function invalidNumber(value: number | bigint, position: number): RdbError {
  const message = `${value} is not an integer of 64 bits without a sign`;
  return new RdbError('INVALID_VALUE', position, message);
}
