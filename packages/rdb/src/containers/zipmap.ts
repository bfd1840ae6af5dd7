import type { Container } from './container.ts';
import { corruptContainer } from './container.ts';

const END = 255;
/** Says that a length of four bytes follows. */
const LONG = 254;

/**
 * Fields and values in turn (`zipmap.c`, written before 2.6): a count that is not looked at, and then
 * length and bytes of each; between the length of a value and its bytes stands how many bytes after
 * it are unused.
 */
export class Zipmap implements Container {
  readonly #bytes: Uint8Array;
  readonly #position: number;
  #at = 1;
  #isValue = false;
  /** Where the element is that was passed over last. */
  #from = 0;
  #to = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  next(): Uint8Array | undefined {
    return this.pass() ? this.string : undefined;
  }

  get string(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  pass(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const fail = () => corruptContainer('zipmap', this.#position, start);
    if (start >= bytes.length) throw fail();
    if (bytes[start] === END) {
      if (this.#isValue || start !== bytes.length - 1) throw fail();
      return false;
    }
    let at = start + 1;
    let length = bytes[start]!;
    if (length === LONG) {
      if (at + 4 > bytes.length) throw fail();
      length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
      at += 4;
    }
    const unused = this.#isValue ? bytes[at++] : 0;
    const end = at + length;
    if (unused === undefined || end + unused >= bytes.length) throw fail();
    this.#at = end + unused;
    this.#isValue = !this.#isValue;
    this.#from = at;
    this.#to = end;
    return true;
  }
}
