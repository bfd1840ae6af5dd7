import { WasmStep } from './crc64-wasm.ts';

/** The reflected polynomial of CRC-64/Jones, 0xad93d23594c935a9 (`crc64.c`), in its upper and lower half. */
const [HIGH, LOW] = [0x95ac9329, 0xac4bc9b5];
/**
 * Bytes that are taken in one step, each through a table of its own (Kounavis and Berry, 2005). Sixteen were
 * measured to be half as fast again as eight.
 */
const STEP = 16;
/** Bytes from which on copying them for WebAssembly is worth it. */
const MANY = 1024;

const [high, low] = tables();
/** Made at its first use; null where it cannot be. */
let wasm: WasmStep | null | undefined;

/**
 * The checksum that an RDB of version 5 or later ends with: CRC-64/Jones, beginning at zero, of bytes that
 * come in pieces (`crc64.c: crc64`). Kept as two halves of 32 bits: a BigInt a byte would take most of
 * the time that reading an RDB takes.
 */
export class Crc64 {
  #high = 0;
  #low = 0;

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    if (bytes.length < MANY) {
      this.#add(bytes);
      return;
    }
    const step = wasmStep();
    if (step === null) {
      this.#add(bytes);
      return;
    }
    const { state } = step;
    state[0] = this.#low;
    state[1] = this.#high;
    const added = step.add(bytes);
    this.#low = state[0]!;
    this.#high = state[1]!;
    this.#add(bytes.subarray(added));
  }

  /** The eight bytes that stand in a file, little-endian. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8);
    this.writeTo(bytes, 0);
    return bytes;
  }

  /** Puts them where they are to stand. */
  writeTo(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) {
      bytes[at + i] = this.#low >>> (8 * i);
      bytes[at + 4 + i] = this.#high >>> (8 * i);
    }
  }

  #add(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let h = this.#high;
    let l = this.#low;
    let at = 0;
    for (const end = bytes.length - STEP; at <= end; at += STEP) {
      const a = l ^ view.getInt32(at, true);
      const b = h ^ view.getInt32(at + 4, true);
      const c = view.getInt32(at + 8, true);
      const d = view.getInt32(at + 12, true);
      const a0 = 3840 + (a & 255);
      const a1 = 3584 + ((a >>> 8) & 255);
      const a2 = 3328 + ((a >>> 16) & 255);
      const a3 = 3072 + (a >>> 24);
      const b0 = 2816 + (b & 255);
      const b1 = 2560 + ((b >>> 8) & 255);
      const b2 = 2304 + ((b >>> 16) & 255);
      const b3 = 2048 + (b >>> 24);
      const c0 = 1792 + (c & 255);
      const c1 = 1536 + ((c >>> 8) & 255);
      const c2 = 1280 + ((c >>> 16) & 255);
      const c3 = 1024 + (c >>> 24);
      const d0 = 768 + (d & 255);
      const d1 = 512 + ((d >>> 8) & 255);
      const d2 = 256 + ((d >>> 16) & 255);
      const d3 = d >>> 24;
      h =
        high[a0]! ^
        high[a1]! ^
        high[a2]! ^
        high[a3]! ^
        (high[b0]! ^ high[b1]! ^ high[b2]! ^ high[b3]!) ^
        (high[c0]! ^ high[c1]! ^ high[c2]! ^ high[c3]!) ^
        (high[d0]! ^ high[d1]! ^ high[d2]! ^ high[d3]!);
      l =
        low[a0]! ^
        low[a1]! ^
        low[a2]! ^
        low[a3]! ^
        (low[b0]! ^ low[b1]! ^ low[b2]! ^ low[b3]!) ^
        (low[c0]! ^ low[c1]! ^ low[c2]! ^ low[c3]!) ^
        (low[d0]! ^ low[d1]! ^ low[d2]! ^ low[d3]!);
    }
    for (; at < bytes.length; at++) {
      const i = (l ^ bytes[at]!) & 255;
      l = low[i]! ^ ((l >>> 8) | (h << 24));
      h = high[i]! ^ (h >>> 8);
    }
    this.#high = h;
    this.#low = l;
  }
}

/** The machine's byte order has to be WebAssembly's, and code must be allowed to be made. */
function wasmStep(): WasmStep | null {
  if (wasm !== undefined) return wasm;
  try {
    const isLittle = new Uint8Array(new Int32Array([1]).buffer)[0] === 1;
    wasm = isLittle ? new WasmStep(low, high) : null;
  } catch {
    wasm = null;
  }
  return wasm;
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
