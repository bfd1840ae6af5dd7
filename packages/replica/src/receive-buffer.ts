/** Bytes taken from the system at once, and the least room that a read is given. */
const ARENA = 256 * 1024;
const LEAST_ROOM = 32 * 1024;

/**
 * Memory that a socket reads into, one read behind the other: what came in several reads lies side by
 * side, and one allocation serves many of them.
 */
export class ReceiveBuffer {
  #arena = Buffer.allocUnsafeSlow(ARENA);
  #at = 0;

  /** Where the next read goes. */
  room(): Buffer {
    if (this.#arena.length - this.#at < LEAST_ROOM) {
      this.#arena = Buffer.allocUnsafeSlow(ARENA);
      this.#at = 0;
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
}
