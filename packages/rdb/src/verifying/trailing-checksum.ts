import { Crc64 } from '../bytes/crc64.ts';

/** Bytes of the checksum that an RDB ends with. */
export const CHECKSUM_LENGTH = 8;

export type Checksum = 'right' | 'absent' | 'wrong';

/** Compares the last eight of the bytes that were pushed with the checksum of all before them. */
export class TrailingChecksum {
  readonly #crc = new Crc64();
  /** The last bytes, which may be the checksum and are not summed yet. */
  #last: Uint8Array = new Uint8Array(0);
  /** The byte before those. */
  #before: number | undefined;

  push(bytes: Uint8Array): void {
    if (bytes.length >= CHECKSUM_LENGTH) {
      this.#sum(this.#last);
      this.#sum(bytes.subarray(0, -CHECKSUM_LENGTH));
      this.#last = new Uint8Array(bytes.subarray(-CHECKSUM_LENGTH));
      return;
    }
    const joined = new Uint8Array(this.#last.length + bytes.length);
    joined.set(this.#last);
    joined.set(bytes, this.#last.length);
    const kept = Math.max(0, joined.length - CHECKSUM_LENGTH);
    this.#sum(joined.subarray(0, kept));
    this.#last = joined.subarray(kept);
  }

  /** The byte before the checksum: of an RDB it is the opcode of the end. */
  get opcode(): number | undefined {
    return this.#before;
  }

  get stored(): Uint8Array {
    return this.#last;
  }

  get result(): Checksum {
    return compareChecksum(this.stored, this.computed);
  }

  get computed(): Uint8Array {
    return this.#crc.digest();
  }

  #sum(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#crc.push(bytes);
    this.#before = bytes[bytes.length - 1];
  }
}

/** Whether the stored checksum is that of the bytes before it; eight zeros stand for none (`rdbchecksum no`). */
function compareChecksum(stored: Uint8Array, computed: Uint8Array): Checksum {
  if (stored.every((byte) => byte === 0)) return 'absent';
  return stored.every((byte, i) => byte === computed[i]) ? 'right' : 'wrong';
}
