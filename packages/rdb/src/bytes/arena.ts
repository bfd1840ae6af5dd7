/** Bytes that short strings are put into, one after the other. */
const SIZE = 256 * 1024;

const NOTHING = new Uint8Array(0);

/** Memory for what does not last: pieces of a larger one, since most of what is expanded is short. */
export class Arena {
  #bytes: Uint8Array = NOTHING;
  #used = 0;

  /** So many bytes, of any content, until `release`. */
  take(length: number): Uint8Array {
    if (length > SIZE / 4) return new Uint8Array(length);
    if (this.#used + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(SIZE);
      this.#used = 0;
    }
    this.#used += length;
    return this.#bytes.subarray(this.#used - length, this.#used);
  }

  /** What was taken is of no use any more. */
  release(): void {
    this.#used = 0;
  }
}
