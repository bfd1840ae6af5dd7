/** Bytes taken from the system at once, and the least room that a read is given. */
const ARENA = 256 * 1024;
const LEAST_ROOM = 32 * 1024;

/**
 * Memory that a socket reads into, one read behind the other: what came in several reads lies side by
 * side. Once all of it has been taken the reads begin anew in the other of two arenas, so that a link
 * that is kept up with stays within a few kilobytes that the processor has at hand, and asks the
 * system for no more.
 */
export class ReceiveBuffer {
  #arena = Buffer.allocUnsafeSlow(ARENA);
  #other: Buffer<ArrayBuffer> | undefined;
  #at = 0;
  #released = false;

  /** Where the next read goes; asked for once before each, and that is when the place is settled. */
  room(): Buffer {
    if (this.#released) {
      // The last read may have come after the release, into this arena: only the other is free.
      const free = this.#other ?? Buffer.allocUnsafeSlow(ARENA);
      this.#other = this.#arena;
      this.#begin(free);
    } else if (this.#arena.length - this.#at < LEAST_ROOM) {
      this.#begin(Buffer.allocUnsafeSlow(ARENA));
    }
    return this.#arena.subarray(this.#at);
  }

  /** What the last read put there. */
  took(length: number): Uint8Array {
    const { buffer, byteOffset } = this.#arena;
    const bytes = new Uint8Array(buffer, byteOffset + this.#at, length);
    this.#at += length;
    return bytes;
  }

  /** Nobody needs any longer what has been read up to now. */
  release(): void {
    this.#released = true;
  }

  #begin(arena: Buffer<ArrayBuffer>): void {
    this.#arena = arena;
    this.#at = 0;
    this.#released = false;
  }
}
