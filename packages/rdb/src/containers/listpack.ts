import { digitsOf } from '../reading/digits.ts';
import type { Container } from './container.ts';
import { corruptContainer } from './container.ts';

/** Total bytes, and how many entries there are (65,535: not told). */
const HEADER = 6;
const END = 255;

/**
 * Strings and integers (`listpack.c`, since 5.0 in streams, elsewhere since 7.0): each is an encoding, its
 * content, and the length of both, from behind.
 */
export class Listpack implements Container {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #position: number;
  #at = HEADER;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#position = position;
    const isWhole = bytes.length > HEADER && this.#view.getUint32(0, true) === bytes.length;
    if (!isWhole || bytes.at(-1) !== END) throw this.corrupt(0);
  }

  next(): Uint8Array | undefined {
    const element = this.#next();
    return typeof element === 'number' || typeof element === 'bigint' ? digitsOf(element) : element;
  }

  /** The next element, where it is an integer; anything else contradicts what it is read for. */
  integer(): number | bigint {
    const at = this.#at;
    const element = this.#next();
    if (typeof element === 'number' || typeof element === 'bigint') return element;
    throw this.corrupt(at);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length - 1;
  }

  corrupt(at: number = this.#at): Error {
    return corruptContainer('listpack', this.#position, at);
  }

  #next(): Uint8Array | number | bigint | undefined {
    const start = this.#at;
    if (start >= this.#bytes.length - 1) return undefined;
    const encoding = this.#bytes[start]!;
    let element: Uint8Array | number | bigint;
    if (encoding < 0x80) {
      this.#at++;
      element = encoding;
    } else if (encoding < 0xc0) {
      element = this.#string(1, encoding & 0x3f);
    } else if (encoding < 0xe0) {
      const value = ((encoding & 0x1f) << 8) | (this.#bytes[start + 1] ?? 0);
      this.#at += 2;
      element = value >= 4096 ? value - 8192 : value;
    } else {
      element = this.#long(encoding, start);
    }
    const content = this.#at - start;
    this.#at += backLength(content);
    if (this.#at >= this.#bytes.length || !this.#confirms(content)) throw this.corrupt(start);
    return element;
  }

  #string(header: number, length: number): Uint8Array {
    const from = this.#at + header;
    this.#at = from + length;
    return this.#bytes.subarray(from, this.#at);
  }

  #long(encoding: number, start: number): Uint8Array | number | bigint {
    const view = this.#view;
    const at = start + 1;
    const has = (length: number): void => {
      if (at + length >= this.#bytes.length) throw this.corrupt(start);
      this.#at = at + length;
    };
    switch (encoding) {
      case 0xf0:
        has(4);
        this.#at = start;
        return this.#string(5, view.getUint32(at, true));
      case 0xf1:
        has(2);
        return view.getInt16(at, true);
      case 0xf2:
        has(3);
        return (view.getInt16(at + 1, true) << 8) | view.getUint8(at);
      case 0xf3:
        has(4);
        return view.getInt32(at, true);
      case 0xf4:
        has(8);
        return view.getBigInt64(at, true);
      default:
        if (encoding >= 0xf0) throw this.corrupt(start);
        return this.#string(2, ((encoding & 0x0f) << 8) | (this.#bytes[at] ?? 0));
    }
  }

  /** Seven bits a byte, from behind, the lowest last; all but the first of them have the upper bit. */
  #confirms(content: number): boolean {
    let value = 0;
    let factor = 1;
    for (let at = this.#at - 1; ; at--) {
      const byte = this.#bytes[at]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value === content;
      factor *= 128;
      if (factor > 2 ** 35) return false;
    }
  }
}

/** Bytes that the length of an entry takes (`listpack.c: lpEncodeBacklen`). */
function backLength(length: number): number {
  if (length <= 127) return 1;
  if (length < 16_383) return 2;
  if (length < 2_097_151) return 3;
  return length < 268_435_455 ? 4 : 5;
}
