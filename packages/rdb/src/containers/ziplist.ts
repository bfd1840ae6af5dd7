import { digitsOf } from '../bytes/digits.ts';
import type { Container } from './container.ts';
import { corruptContainer, u32At } from './container.ts';

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
  readonly #position: number;
  #at = HEADER;
  #previous = 0;
  /** Of the entry that was passed over last, and where its content begins. */
  #encoding = 0;
  #from = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#position = position;
    const isWhole = bytes.length > HEADER && u32At(bytes, 0) === bytes.length;
    if (!isWhole || bytes.at(-1) !== END) throw corruptContainer('ziplist', position, 0);
  }

  next(): Uint8Array | undefined {
    return this.pass() ? (this.string ?? this.#integer()) : undefined;
  }

  get string(): Uint8Array | undefined {
    return this.#encoding >> 6 === 3 ? undefined : this.#bytes.subarray(this.#from, this.#at);
  }

  pass(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const last = bytes.length - 1;
    if (start === last) return false;
    this.#checkPrevious(start);
    const encoding = this.#byte(this.#at++);
    const length = encoding >> 6 === 3 ? this.#width(encoding) : this.#length(encoding);
    this.#encoding = encoding;
    this.#from = this.#at;
    this.#at += length;
    if (this.#at > last) throw this.#corrupt(start);
    this.#previous = this.#at - start;
    return true;
  }

  #checkPrevious(start: number): void {
    let previous = this.#byte(this.#at++);
    if (previous === LONG_PREVIOUS) {
      if (this.#at + 4 > this.#bytes.length) throw this.#corrupt(start);
      previous = u32At(this.#bytes, this.#at);
      this.#at += 4;
    }
    if (previous !== this.#previous) throw this.#corrupt(start);
  }

  /** Bytes of a string: six bits tell it, or fourteen, or four bytes. */
  #length(encoding: number): number {
    const length = encoding & 0x3f;
    if (encoding >> 6 === 0) return length;
    if (encoding >> 6 === 1) return length * 256 + this.#byte(this.#at++);
    if (this.#at + 4 > this.#bytes.length) throw this.#corrupt(this.#at);
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  /** Bytes of an integer; none where the encoding itself is 0 to 12. */
  #width(encoding: number): number {
    if (encoding >= 0xf1 && encoding <= 0xfd) return 0;
    const width = WIDTHS.get(encoding);
    if (width === undefined) throw this.#corrupt(this.#at);
    return width;
  }

  /** What was passed over last, where it is no string. */
  #integer(): Uint8Array {
    const [encoding, at, view] = [this.#encoding, this.#from, this.#view];
    switch (this.#at - at) {
      case 0:
        return digitsOf((encoding & 15) - 1);
      case 1:
        return digitsOf(view.getInt8(at));
      case 2:
        return digitsOf(view.getInt16(at, true));
      case 3:
        return digitsOf((view.getInt16(at + 1, true) << 8) | view.getUint8(at));
      case 4:
        return digitsOf(view.getInt32(at, true));
      default:
        return digitsOf(view.getBigInt64(at, true));
    }
  }

  /** Made where it is needed: most elements are strings. */
  get #view(): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
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
