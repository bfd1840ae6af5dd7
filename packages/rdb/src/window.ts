const NOTHING = new Uint8Array(0);

/**
 * The bytes of a stream that were pushed and not yet consumed, as one array. As long as each chunk is
 * consumed before the next, only what was left over of it is copied.
 */
export class Window {
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** Whether #bytes is memory of this object, and not a chunk that the caller may overwrite. */
  #isOwn = true;
  #position = 0;

  /** Bytes consumed since the beginning of the stream. */
  get position(): number {
    return this.#position;
  }

  /** Bytes that can be read. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The byte at `index`, which must be below `length`. */
  at(index: number): number {
    return this.#bytes[this.#start + index]!;
  }

  /** A view, valid until the next call of `push`, `keep` or `clear`. */
  view(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(this.#start + from, this.#start + to);
  }

  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#isOwn = false;
      return;
    }
    this.#own(this.length + chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  consume(count: number): void {
    this.#start += count;
    this.#position += count;
  }

  /** Copies what is left of a chunk, if anything: the chunk is the caller's again. */
  keep(): void {
    if (this.length === 0) this.clear();
    else this.#own(this.length);
  }

  /** Lets go of all bytes. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#start = 0;
    this.#end = 0;
    this.#isOwn = true;
  }

  /** Sees to room for `size` bytes in own memory; it doubles, so that many small chunks cost little. */
  #own(size: number): void {
    if (this.#isOwn && this.#start + size <= this.#bytes.length) return;
    const length = this.length;
    const bytes = new Uint8Array(size <= length ? length : Math.max(size, 2 * length));
    bytes.set(this.view(0, length));
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = length;
    this.#isOwn = true;
  }
}
