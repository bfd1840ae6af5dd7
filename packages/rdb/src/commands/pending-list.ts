/** Entries that room is made for at first. */
const FIRST = 64;

/** What is known of a pending entry: when it was delivered (milliseconds since 1970), and how often. */
export interface Delivery {
  readonly deliveredAt: number;
  readonly deliveries: number;
}

/** Pending entries of a group in the order of their ids, in which servers keep and write them: 32 bytes each. */
export class PendingList {
  #ms = new BigUint64Array(FIRST);
  #sequences = new BigUint64Array(FIRST);
  #times = new Float64Array(FIRST);
  #counts = new Float64Array(FIRST);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
    if (this.#ms.length > FIRST) this.#resize(FIRST);
  }

  /** False, and it was not added, where its id does not come after the one before. */
  add(id: string, { deliveredAt, deliveries }: Delivery): boolean {
    const [ms, sequence] = partsOf(id);
    const at = this.#length;
    if (at > 0 && !this.#isBefore(at - 1, ms, sequence)) return false;
    if (at === this.#ms.length) this.#resize(2 * at);
    this.#ms[at] = ms;
    this.#sequences[at] = sequence;
    this.#times[at] = deliveredAt;
    this.#counts[at] = deliveries;
    this.#length++;
    return true;
  }

  find(id: string): Delivery | undefined {
    const [ms, sequence] = partsOf(id);
    let [from, to] = [0, this.#length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#isBefore(middle, ms, sequence)) from = middle + 1;
      else to = middle;
    }
    if (from === this.#length || this.#ms[from] !== ms || this.#sequences[from] !== sequence) {
      return undefined;
    }
    return { deliveredAt: this.#times[from]!, deliveries: this.#counts[from]! };
  }

  #isBefore(at: number, ms: bigint, sequence: bigint): boolean {
    return this.#ms[at]! < ms || (this.#ms[at] === ms && this.#sequences[at]! < sequence);
  }

  #resize(size: number): void {
    const kept = this.#length;
    const old = [this.#ms, this.#sequences, this.#times, this.#counts] as const;
    this.#ms = new BigUint64Array(size);
    this.#sequences = new BigUint64Array(size);
    this.#times = new Float64Array(size);
    this.#counts = new Float64Array(size);
    this.#ms.set(old[0].subarray(0, kept));
    this.#sequences.set(old[1].subarray(0, kept));
    this.#times.set(old[2].subarray(0, kept));
    this.#counts.set(old[3].subarray(0, kept));
  }
}

function partsOf(id: string): [ms: bigint, sequence: bigint] {
  const dash = id.indexOf('-');
  return [BigInt(id.slice(0, dash)), BigInt(id.slice(dash + 1))];
}
