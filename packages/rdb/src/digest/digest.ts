/**
 * Two random integers of 32 bits with which digests start, the same for all digests that are compared. Use new ones
 * in each run (`crypto.getRandomValues`): otherwise an attacker could make RDBs whose differences are not detected.
 */
export type DigestSeed = readonly [low: number, high: number];

/**
 * 64 bits that bytes are told apart by, mixed as MurmurHash3 does in two lanes. Each string counts with its
 * length, so that what is put side by side differs from what is put together.
 */
export class Digest {
  low = 0;
  high = 0;
  /** Bytes of a part that make no word yet. */
  readonly #carry4 = new Uint8Array(4);
  #carried = 0;
  readonly #seed: DigestSeed;

  constructor(seed: DigestSeed) {
    this.#seed = seed;
  }

  reset(): void {
    this.low = this.#seed[0] | 0;
    this.high = this.#seed[1] | 0;
  }

  bytes(bytes: Uint8Array): void {
    const end = bytes.length & ~3;
    this.#word(bytes.length);
    for (let i = 0; i < end; i += 4) {
      this.#word(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    }
    let rest = 0;
    for (let i = end; i < bytes.length; i++) rest = (rest << 8) | bytes[i]!;
    if (end < bytes.length) this.#word(rest);
  }

  /** Begin and end of a string that is given in parts: the same digest as `bytes` of the whole string. */
  begin(length: number): void {
    this.#word(length);
    this.#carried = 0;
  }

  part(bytes: Uint8Array): void {
    let i = 0;
    while (this.#carried > 0 && i < bytes.length) this.#carry(bytes[i++]!);
    const end = i + ((bytes.length - i) & ~3);
    for (; i < end; i += 4) {
      this.#word(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    }
    while (i < bytes.length) this.#carry(bytes[i++]!);
  }

  end(): void {
    let rest = 0;
    for (let i = 0; i < this.#carried; i++) rest = (rest << 8) | this.#carry4[i]!;
    if (this.#carried > 0) this.#word(rest);
  }

  text(text: string): void {
    this.#word(text.length);
    for (let i = 0; i < text.length; i++) this.#word(text.charCodeAt(i));
  }

  number(value: number): void {
    NUMBER[0] = value;
    this.#word(WORDS[0]!);
    this.#word(WORDS[1]!);
  }

  /** Spreads what was added last over all bits: to be called once, at the end. */
  finish(): void {
    const [low, high] = [spread(this.low), spread(this.high)];
    this.low = (low + high) | 0;
    this.high = (high + Math.imul(low, 3)) | 0;
  }

  #carry(byte: number): void {
    const four = this.#carry4;
    four[this.#carried++] = byte;
    if (this.#carried < 4) return;
    this.#word(four[0]! | (four[1]! << 8) | (four[2]! << 16) | (four[3]! << 24));
    this.#carried = 0;
  }

  #word(word: number): void {
    let k = Math.imul(word, 0x239b961b);
    k = Math.imul((k << 15) | (k >>> 17), 0xab0e9789 | 0);
    let low = this.low ^ k;
    low = (low << 19) | (low >>> 13);
    this.low = (Math.imul(low + this.high, 5) + 0x561ccd1b) | 0;
    k = Math.imul(word, 0x38b34ae5);
    k = Math.imul((k << 17) | (k >>> 15), 0xa1e38b93 | 0);
    let high = this.high ^ k;
    high = (high << 13) | (high >>> 19);
    this.high = (Math.imul(high + this.low, 5) + 0x0bcaa747) | 0;
  }
}

const NUMBER = new Float64Array(1);
const WORDS = new Int32Array(NUMBER.buffer);

function spread(bits: number): number {
  let h = bits ^ (bits >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
