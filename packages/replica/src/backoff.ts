import { ReplicaError } from './errors.ts';

/** Milliseconds that a timer can wait. */
const MOST = 2 ** 31 - 1;

export interface BackoffOptions {
  /** Milliseconds of the first wait that is not none; 250 by default. */
  readonly initialDelay?: number;
  /** Milliseconds of the longest wait; 10,000 by default. */
  readonly maxDelay?: number;
  /** Milliseconds of the first wait after a snapshot was refused; 5,000 by default. It doubles up to an hour. */
  readonly refusedDelay?: number;
  /** What shortens each wait, 0 to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/** What the link that is lost came to. */
export interface LinkRecord {
  /** Milliseconds that it streamed; undefined if it never did. */
  readonly streamed: number | undefined;
  /** Whether a byte came after a partial resync. */
  readonly progressed: boolean;
}

/** A link that streamed for this long has earned an attempt at once when it is lost, in milliseconds. */
const STABLE = 10_000;
/** Milliseconds of the longest wait after a refused snapshot: each attempt costs the primary a fork. */
const LONGEST_AFTER_REFUSAL = 3_600_000;
/** Milliseconds of the longest wait after a link that progressed: it cost the primary no snapshot. */
const BRIEF = 50;

/**
 * How long to wait before the next attempt: not at all after a good link is lost, briefly after one
 * that went on and brought something, then twice as long each time up to a cap, with jitter, so that
 * a primary that closes each link meets no hot loop.
 */
export class Backoff {
  readonly #initialDelay: number;
  readonly #maxDelay: number;
  readonly #refusedDelay: number;
  readonly #random: () => number;
  /** Snapshots that were refused since a link streamed. */
  #refusals = 0;
  /** Whether an attempt at once is to be had. */
  #earned = true;
  #waits = 0;

  /** @throws {ReplicaError} `INVALID_OPTION` */
  constructor(options: BackoffOptions = {}) {
    const { initialDelay = 250, maxDelay = 10_000, refusedDelay = 5000 } = options;
    const isKept = initialDelay > 0 && initialDelay <= maxDelay && maxDelay <= MOST;
    if (!isKept || !(refusedDelay > 0 && refusedDelay <= LONGEST_AFTER_REFUSAL)) {
      const message = `a back-off from ${initialDelay} to ${maxDelay} ms cannot be kept`;
      throw new ReplicaError('INVALID_OPTION', message);
    }
    this.#initialDelay = initialDelay;
    this.#maxDelay = maxDelay;
    this.#refusedDelay = refusedDelay;
    this.#random = options.random ?? Math.random;
  }

  /** As if no attempt had been made. */
  reset(): void {
    this.#earned = true;
    this.#waits = 0;
    this.#refusals = 0;
  }

  /** How long to wait after a snapshot was refused: the next one is likely to be the same. */
  afterRefusal(): number {
    const delay = Math.min(LONGEST_AFTER_REFUSAL, this.#refusedDelay * 2 ** this.#refusals);
    this.#refusals++;
    return this.#jittered(delay);
  }

  /** @param atLeast milliseconds that the primary is known to need */
  next({ streamed, progressed }: LinkRecord, atLeast = 0): number {
    if (streamed !== undefined) this.#refusals = 0;
    if (streamed !== undefined && streamed >= STABLE) this.reset();
    if (this.#earned && streamed !== undefined) {
      this.#earned = false;
      return atLeast;
    }
    if (progressed) {
      this.#waits = 0;
      return Math.max(atLeast, this.#jittered(Math.min(BRIEF, this.#initialDelay)));
    }
    const delay = Math.min(this.#maxDelay, this.#initialDelay * 2 ** this.#waits);
    this.#waits++;
    return Math.max(atLeast, this.#jittered(delay));
  }

  #jittered(delay: number): number {
    return Math.round(delay * (0.5 + this.#random() / 2));
  }
}
