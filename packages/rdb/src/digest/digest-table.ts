/** Slots at first, and the share of them that may be taken. */
const FIRST = 1 << 12;
const LOAD = 0.7;

/** What the table keeps of a key: digests of 64 bits, in halves, of its database and name and of its value. */
export interface KeyDigest {
  readonly keyLow: number;
  readonly keyHigh: number;
  readonly valueLow: number;
  readonly valueHigh: number;
  /** Its type: which of `DATA_TYPES`. */
  readonly type: number;
  /** When it expires, in milliseconds since 1970; NaN: never. */
  readonly expiresAt: number;
}

/** How two keys with the same name differ. */
export type KeyDifference = 'type' | 'value' | 'ttl';

export function differencesOf(first: KeyDigest, second: KeyDigest): KeyDifference[] {
  const differences: KeyDifference[] = [];
  if (first.type !== second.type) differences.push('type');
  const isValue = first.valueLow === second.valueLow && first.valueHigh === second.valueHigh;
  if (!isValue) differences.push('value');
  if (!Object.is(first.expiresAt, second.expiresAt)) differences.push('ttl');
  return differences;
}

/** Digests of keys and of their values: about 50 bytes a key, however long either is. */
export class DigestTable {
  #slots = FIRST;
  #count = 0;
  #words = new Int32Array(FIRST * 4);
  #times = new Float64Array(FIRST);
  /** 0 where the slot is free, the number of the type and one more, and 128 where it was found. */
  #marks = new Uint8Array(FIRST);
  #found = 0;

  /** How many there are, and how many of them were found. */
  get count(): number {
    return this.#count;
  }

  get found(): number {
    return this.#found;
  }

  add(key: KeyDigest): void {
    if (this.#count >= this.#slots * LOAD) this.#grow();
    this.#put(this.#slotOf(key.keyLow, key.keyHigh), key);
    this.#count++;
  }

  /** What is kept of a key, marked as found; undefined where there is none. */
  find(low: number, high: number): KeyDigest | undefined {
    const slot = this.#slotOf(low, high);
    if (this.#marks[slot] === 0) return undefined;
    if ((this.#marks[slot]! & 128) === 0) this.#found++;
    this.#marks[slot]! |= 128;
    return this.#get(slot);
  }

  /** Whether a key is there that was not found. */
  isLeft(low: number, high: number): boolean {
    const mark = this.#marks[this.#slotOf(low, high)]!;
    return mark !== 0 && mark < 128;
  }

  /** Where a key is, or would be. */
  #slotOf(low: number, high: number): number {
    const words = this.#words;
    const mask = this.#slots - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      if (this.#marks[slot] === 0) return slot;
      if (words[slot * 4] === low && words[slot * 4 + 1] === high) return slot;
    }
  }

  #get(slot: number): KeyDigest {
    const words = this.#words.subarray(slot * 4, slot * 4 + 4);
    const type = (this.#marks[slot]! & 127) - 1;
    const [keyLow = 0, keyHigh = 0, valueLow = 0, valueHigh = 0] = words;
    return { keyLow, keyHigh, valueLow, valueHigh, type, expiresAt: this.#times[slot]! };
  }

  #put(slot: number, { keyLow, keyHigh, valueLow, valueHigh, type, expiresAt }: KeyDigest): void {
    this.#words.set([keyLow, keyHigh, valueLow, valueHigh], slot * 4);
    this.#times[slot] = expiresAt;
    this.#marks[slot] = type + 1;
  }

  #grow(): void {
    const [slots, words, times, marks] = [this.#slots, this.#words, this.#times, this.#marks];
    this.#slots = slots * 2;
    this.#words = new Int32Array(this.#slots * 4);
    this.#times = new Float64Array(this.#slots);
    this.#marks = new Uint8Array(this.#slots);
    for (let old = 0; old < slots; old++) {
      if (marks[old] === 0) continue;
      const slot = this.#slotOf(words[old * 4]!, words[old * 4 + 1]!);
      for (let i = 0; i < 4; i++) this.#words[slot * 4 + i] = words[old * 4 + i]!;
      this.#times[slot] = times[old]!;
      this.#marks[slot] = marks[old]!;
    }
  }
}
