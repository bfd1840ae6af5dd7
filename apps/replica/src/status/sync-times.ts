/** Seconds up to which each bucket counts, from that of an idle disk to that of one that stalls. */
const BOUNDS = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** How long syncs took, in seconds. */
export interface SyncTimesStatus {
  /** How many took no longer than `bound`, by bound; each counts those before it too. */
  readonly buckets: readonly { readonly bound: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
  readonly last: number | undefined;
}

/** How long each sync of the log took, of all logs that were open. */
export class SyncTimes {
  readonly #counts = new Float64Array(BOUNDS.length);
  #count = 0;
  #sum = 0;
  #last: number | undefined;

  took(milliseconds: number): void {
    const seconds = milliseconds / 1000;
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket !== -1) this.#counts[bucket]!++;
    this.#count++;
    this.#sum += seconds;
    this.#last = seconds;
  }

  get status(): SyncTimesStatus {
    let count = 0;
    const buckets = BOUNDS.map((bound, i) => {
      count += this.#counts[i]!;
      return { bound, count };
    });
    return { buckets, count: this.#count, sum: this.#sum, last: this.#last };
  }
}
