/** The reflected polynomial of CRC-64/Jones, 0xad93d23594c935a9 (`crc64.c`), in its upper and lower half. */
const [HIGH, LOW] = [0x95ac9329, 0xac4bc9b5];
/** Bytes that are taken in one step, each through a table of its own (Kounavis and Berry, 2005). */
const STEP = 8;

const [high, low] = tables();

/**
 * The checksum that an RDB of version 5 or later ends with: CRC-64/Jones, beginning at zero, of bytes that
 * come in pieces (`crc64.c: crc64`). Kept as two halves of 32 bits: a BigInt a byte would take most of
 * the time that reading an RDB takes.
 */
export class Crc64 {
  #high = 0;
  #low = 0;

  /** Takes the bytes from `from` up to, not including, `to`. */
  push(bytes: Uint8Array, from = 0, to: number = bytes.length): void {
    let h = this.#high;
    let l = this.#low;
    let at = from;
    for (const end = to - STEP; at <= end; at += STEP) {
      const a = l ^ word(bytes, at);
      const b = h ^ word(bytes, at + 4);
      const i = 1792 + (a & 255);
      const j = 1536 + ((a >>> 8) & 255);
      const k = 1280 + ((a >>> 16) & 255);
      const m = 1024 + (a >>> 24);
      const n = 768 + (b & 255);
      const o = 512 + ((b >>> 8) & 255);
      const p = 256 + ((b >>> 16) & 255);
      const q = b >>> 24;
      h = high[i]! ^ high[j]! ^ high[k]! ^ high[m]! ^ high[n]! ^ high[o]! ^ high[p]! ^ high[q]!;
      l = low[i]! ^ low[j]! ^ low[k]! ^ low[m]! ^ low[n]! ^ low[o]! ^ low[p]! ^ low[q]!;
    }
    for (; at < to; at++) {
      const i = (l ^ bytes[at]!) & 255;
      l = (low[i]! ^ ((l >>> 8) | (h << 24))) | 0;
      h = (high[i]! ^ (h >>> 8)) | 0;
    }
    this.#high = h;
    this.#low = l;
  }

  /** The eight bytes that stand in a file, little-endian. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, this.#low, true);
    view.setInt32(4, this.#high, true);
    return bytes;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Table `i` has the effect of a byte that `i` others follow. */
function tables(): [Int32Array, Int32Array] {
  const [h, l] = [new Int32Array(STEP * 256), new Int32Array(STEP * 256)];
  for (let byte = 0; byte < 256; byte++) {
    let [a, b] = [0, byte];
    for (let bit = 0; bit < 8; bit++) {
      const carry = b & 1;
      b = (b >>> 1) | (a << 31);
      a >>>= 1;
      if (carry) [a, b] = [a ^ HIGH, b ^ LOW];
    }
    h[byte] = a;
    l[byte] = b;
  }
  for (let i = 256; i < STEP * 256; i++) {
    const [a, b] = [h[i - 256]!, l[i - 256]!];
    h[i] = h[b & 255]! ^ (a >>> 8);
    l[i] = l[b & 255]! ^ ((b >>> 8) | (a << 24));
  }
  return [h, l];
}
