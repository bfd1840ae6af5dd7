/** The backlog's arithmetic done the dumb way: every byte is kept, and cut from when asked. */
export class NaiveBacklog {
  #bytes: number[] = [];
  #masterOffset: number;
  #size: number;

  constructor(size: number, offset: number) {
    this.#size = size;
    this.#masterOffset = offset;
  }

  append(bytes: Uint8Array): void {
    this.#bytes = [...this.#bytes, ...bytes].slice(-this.#size);
    this.#masterOffset += bytes.length;
  }

  resize(size: number): void {
    this.#size = size;
    this.#bytes = this.#bytes.slice(-size);
  }

  state(): { size: number; masterOffset: number; historyLength: number; firstByteOffset: number } {
    return {
      size: this.#size,
      masterOffset: this.#masterOffset,
      historyLength: this.#bytes.length,
      firstByteOffset: this.#masterOffset - this.#bytes.length + 1,
    };
  }

  /** The bytes from `offset` on, or undefined where a replica could not be continued. */
  readFrom(offset: number): number[] | undefined {
    const missed = this.#masterOffset + 1 - offset;
    if (missed < 0 || missed > this.#bytes.length) return undefined;
    return missed === 0 ? [] : this.#bytes.slice(-missed);
  }
}
