import { digitsOf } from '../reading/digits.ts';
import type { Container } from './container.ts';
import { corruptContainer } from './container.ts';

/** Total bytes, where the last entry is, and how many there are. */
const HEADER = 10;
const END = 255;
/** Says that the length of the entry before stands in four bytes more. */
const LONG_PREVIOUS = 254;

/**
 * Strings and integers (`ziplist.c`, written up to 6.2): each has the length of the one before it, an
 * encoding, and its content.
 */
export class Ziplist implements Container {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #position: number;
  #at = HEADER;
  #previous = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#position = position;
    const isWhole = bytes.length > HEADER && this.#view.getUint32(0, true) === bytes.length;
    if (!isWhole || bytes.at(-1) !== END) throw corruptContainer('ziplist', position, 0);
  }

  next(): Uint8Array | undefined {
    const start = this.#at;
    const last = this.#bytes.length - 1;
    if (start === last) return undefined;
    this.#checkPrevious(start);
    const encoding = this.#byte(this.#at++);
    const element = encoding >> 6 === 3 ? this.#integer(encoding) : this.#string(encoding);
    if (this.#at > last) throw this.#corrupt(start);
    this.#previous = this.#at - start;
    return element;
  }

  #checkPrevious(start: number): void {
    let previous = this.#byte(this.#at++);
    if (previous === LONG_PREVIOUS) {
      if (this.#at + 4 > this.#bytes.length) throw this.#corrupt(start);
      previous = this.#view.getUint32(this.#at, true);
      this.#at += 4;
    }
    if (previous !== this.#previous) throw this.#corrupt(start);
  }

  /** Six bits of length, or fourteen, or four bytes. */
  #string(encoding: number): Uint8Array {
    let length = encoding & 0x3f;
    if (encoding >> 6 === 1) length = length * 256 + this.#byte(this.#at++);
    else if (encoding >> 6 === 2) {
      if (this.#at + 4 > this.#bytes.length) throw this.#corrupt(this.#at);
      length = this.#view.getUint32(this.#at);
      this.#at += 4;
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #integer(encoding: number): Uint8Array {
    // 0 to 12, in the encoding itself.
    if (encoding >= 0xf1 && encoding <= 0xfd) return digitsOf((encoding & 15) - 1);
    const width = WIDTHS.get(encoding);
    const at = this.#at;
    if (width === undefined || at + width > this.#bytes.length) throw this.#corrupt(at);
    this.#at += width;
    const view = this.#view;
    if (width === 1) return digitsOf(view.getInt8(at));
    if (width === 2) return digitsOf(view.getInt16(at, true));
    if (width === 3) return digitsOf((view.getInt16(at + 1, true) << 8) | view.getUint8(at));
    if (width === 4) return digitsOf(view.getInt32(at, true));
    return digitsOf(view.getBigInt64(at, true));
  }

  #byte(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw this.#corrupt(at);
    return byte;
  }

  #corrupt(at: number): Error {
    return corruptContainer('ziplist', this.#position, at);
  }
}

/** Bytes of an integer, by its encoding. */
const WIDTHS: ReadonlyMap<number, number> = new Map([
  [0xc0, 2],
  [0xd0, 4],
  [0xe0, 8],
  [0xf0, 3],
  [0xfe, 1],
]);
