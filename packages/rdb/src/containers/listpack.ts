import { digitsOf } from '../bytes/digits.ts';
import type { Container } from './container.ts';
import { corruptContainer, u32At } from './container.ts';

/** Total bytes, and how many entries there are (65,535: not told). */
const HEADER = 6;
const END = 255;

/**
 * Strings and integers (`listpack.c`, since 5.0 in streams, elsewhere since 7.0): each is an encoding, its
 * content, and the length of both, from behind.
 */
export class Listpack implements Container {
  readonly #bytes: Uint8Array;
  readonly #position: number;
  #at = HEADER;
  /** Where the entry is that was passed over last, and the end of its content. */
  #start = HEADER;
  #end = HEADER;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#position = position;
    const isWhole = bytes.length > HEADER && u32At(bytes, 0) === bytes.length;
    if (!isWhole || bytes.at(-1) !== END) throw this.corrupt(0);
  }

  next(): Uint8Array | undefined {
    return this.pass() ? (this.string ?? digitsOf(this.#integer()!)) : undefined;
  }

  get string(): Uint8Array | undefined {
    const encoding = this.#bytes[this.#start]!;
    if (encoding < 0x80 || encoding > 0xf0) return undefined;
    if (encoding < 0xc0) return this.#bytes.subarray(this.#start + 1, this.#end);
    if (encoding < 0xe0) return undefined;
    return this.#bytes.subarray(this.#start + (encoding === 0xf0 ? 5 : 2), this.#end);
  }

  /** The next element, where it is an integer; anything else contradicts what it is read for. */
  integer(): number | bigint {
    const at = this.#at;
    const element = this.pass() ? this.#integer() : undefined;
    if (element === undefined) throw this.corrupt(at);
    return element;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length - 1;
  }

  pass(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const last = bytes.length - 1;
    if (start >= last) return false;
    const encoding = bytes[start]!;
    let content = 1;
    if (encoding >= 0xe0) content = this.#longContent(encoding, start);
    else if (encoding >= 0xc0) content = 2;
    else if (encoding >= 0x80) content = 1 + (encoding & 0x3f);
    const at = start + content + backLength(content);
    if (at > last || !this.#confirms(at, content)) throw this.corrupt(start);
    this.#start = start;
    this.#end = start + content;
    this.#at = at;
    return true;
  }

  corrupt(at: number = this.#at): Error {
    return corruptContainer('listpack', this.#position, at);
  }

  /** Bytes of the encoding and the content of a string of 64 bytes or more, or of an integer of 16 bits or more. */
  #longContent(encoding: number, start: number): number {
    if (encoding < 0xf0) return 2 + (((encoding & 0x0f) << 8) | (this.#bytes[start + 1] ?? 0));
    if (encoding > 0xf0) {
      const width = WIDTHS[encoding - 0xf1];
      if (width === undefined) throw this.corrupt(start);
      return 1 + width;
    }
    if (start + 5 >= this.#bytes.length) throw this.corrupt(start);
    return 5 + u32At(this.#bytes, start + 1);
  }

  /** What was passed over last; undefined where it is a string. */
  #integer(): number | bigint | undefined {
    const [bytes, at] = [this.#bytes, this.#start + 1];
    const encoding = bytes[at - 1]!;
    if (encoding < 0x80) return encoding;
    switch (encoding) {
      case 0xf1:
        return (u32At(bytes, at) << 16) >> 16;
      case 0xf2:
        return (u32At(bytes, at) << 8) >> 8;
      case 0xf3:
        return u32At(bytes, at) | 0;
      case 0xf4:
        return new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(at, true);
    }
    if (encoding < 0xc0 || encoding >= 0xe0) return undefined;
    const value = ((encoding & 0x1f) << 8) | bytes[at]!;
    return value >= 4096 ? value - 8192 : value;
  }

  /** Before `end`: seven bits a byte, from behind, the lowest last; all but the first of them have the upper bit. */
  #confirms(end: number, content: number): boolean {
    if (content < 128) return this.#bytes[end - 1] === content;
    let value = 0;
    let factor = 1;
    for (let at = end - 1; ; at--) {
      const byte = this.#bytes[at]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value === content;
      factor *= 128;
      if (factor > 2 ** 35) return false;
    }
  }
}

/** Bytes of integers, by their encoding: from 0xf1 on. */
const WIDTHS = [2, 3, 4, 8];

/** Bytes that the length of an entry takes (`listpack.c: lpEncodeBacklen`). */
function backLength(length: number): number {
  if (length <= 127) return 1;
  if (length < 16_383) return 2;
  if (length < 2_097_151) return 3;
  return length < 268_435_455 ? 4 : 5;
}
