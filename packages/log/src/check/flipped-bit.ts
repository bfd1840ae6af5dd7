/** The polynomial of zlib's CRC-32, its lowest power first. */
const POLYNOMIAL = 0xed_b8_83_20;
/** Bytes at the end of what a checksum covers in which a difference of two checksums names one bit at most. */
export const LONGEST: number = 2 ** 29;

/** What a byte does to the checksum, by its value; and that value, by the highest byte of it. */
const EFFECTS = Uint32Array.from({ length: 256 }, (_, byte) => effectOf(byte));
const BY_HIGH_BYTE = new Uint8Array(256);
for (const [byte, effect] of EFFECTS.entries()) BY_HIGH_BYTE[effect >>> 24] = byte;

/** What a single bit does to it, by its number; and the highest bytes of these. */
const BITS = Array.from({ length: 8 }, (_, bit) => EFFECTS[1 << bit]!);
const HIGH_BYTES = new Set(BITS.map((effect) => effect >>> 24));
const MAY_BE_BIT = Uint8Array.from({ length: 256 }, (_, byte) => (HIGH_BYTES.has(byte) ? 1 : 0));

export interface FlippedBit {
  /** The byte, from 0 on. */
  readonly place: number;
  /** 0 is its lowest. */
  readonly bit: number;
}

/** A flipped bit of a file, by whose correction the CRC-32 that was noted when it was written matches again. */
export interface Flip extends FlippedBit {
  /** Offset of the byte in the stream; absent in a base. */
  readonly offset?: number;
  /** The first byte of the file that the CRC covers, and the byte after the last. */
  readonly from: number;
  readonly to: number;
}

/**
 * The one bit that explains why `length` bytes have the CRC-32 `found` and not `expected`; undefined
 * where one does not. What a bit does to the checksum depends on how many bytes come after it, and on
 * nothing else: the difference is followed back, byte by byte.
 */
export function flippedBit(
  found: number,
  expected: number,
  length: number,
): FlippedBit | undefined {
  let difference = (found ^ expected) >>> 0;
  if (difference === 0) return undefined;
  for (let place = length - 1; place >= Math.max(0, length - LONGEST); place--) {
    if (MAY_BE_BIT[difference >>> 24] === 1) {
      const bit = BITS.indexOf(difference);
      if (bit !== -1) return { place, bit };
    }
    const byte = BY_HIGH_BYTE[difference >>> 24]!;
    difference = (((difference ^ EFFECTS[byte]!) << 8) | byte) >>> 0;
  }
  return undefined;
}

function effectOf(byte: number): number {
  let effect = byte;
  for (let bit = 0; bit < 8; bit++) {
    effect = effect & 1 ? (effect >>> 1) ^ POLYNOMIAL : effect >>> 1;
  }
  return effect >>> 0;
}
