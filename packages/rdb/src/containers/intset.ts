import { digitsOf } from '../bytes/digits.ts';
import type { Container } from './container.ts';
import { corruptContainer } from './container.ts';

/** Integers in ascending order, all of 2, 4 or 8 bytes (`intset.c`): width, count, and the integers. */
export class Intset implements Container {
  readonly #view: DataView;
  readonly #width: number;
  #at = 8;

  constructor(bytes: Uint8Array, position: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length < 8) throw corruptContainer('intset', position, 0);
    this.#width = this.#view.getUint32(0, true);
    const isKnown = this.#width === 2 || this.#width === 4 || this.#width === 8;
    if (!isKnown) throw corruptContainer('intset', position, 0);
    const due = 8 + this.#width * this.#view.getUint32(4, true);
    if (due !== bytes.length) throw corruptContainer('intset', position, 4);
  }

  get string(): undefined {
    return undefined;
  }

  pass(): boolean {
    if (this.#at === this.#view.byteLength) return false;
    this.#at += this.#width;
    return true;
  }

  next(): Uint8Array | undefined {
    if (!this.pass()) return undefined;
    const at = this.#at - this.#width;
    if (this.#width === 2) return digitsOf(this.#view.getInt16(at, true));
    if (this.#width === 4) return digitsOf(this.#view.getInt32(at, true));
    return digitsOf(this.#view.getBigInt64(at, true));
  }
}
