/** The bytes of a file, in a buffer that doubles. What lies between its end and a write is zeros. */
export class GrowableBytes {
  #buffer = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A copy of all bytes. */
  copy(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** Reads at `place` until `into` is full or the bytes end; how many came. */
  read(into: Uint8Array, place: number): number {
    const found = this.#buffer.subarray(place, Math.min(this.#length, place + into.length));
    into.set(found);
    return found.length;
  }

  write(bytes: Uint8Array, place: number): void {
    if (place + bytes.length > this.#length) this.resize(place + bytes.length);
    this.#buffer.set(bytes, place);
  }

  /** Cuts the end off, or adds zeros. */
  resize(length: number): void {
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    if (length > this.#length) this.#buffer.fill(0, this.#length, length);
    this.#length = length;
  }

  /** Takes all bytes of another in place of its own. */
  become(other: GrowableBytes): void {
    this.#length = 0;
    this.write(other.#buffer.subarray(0, other.#length), 0);
  }

  /** Inverts a bit, 0 to 7; none where there is no such byte. */
  flip(at: number, bit: number): void {
    if (at < this.#length) this.#buffer[at]! ^= 1 << bit;
  }
}
