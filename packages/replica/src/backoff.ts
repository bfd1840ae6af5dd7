import { ReplicaError } from './errors.ts';

/** Milliseconds that a timer can wait. */
const MOST = 2 ** 31 - 1;

export interface BackoffOptions {
  /** Milliseconds of the first wait that is not none; 250 by default. */
  readonly initialDelay?: number;
  /** Milliseconds of the longest wait; 10,000 by default. */
  readonly maxDelay?: number;
}

/** A link that streamed for this long has earned an attempt at once when it is lost, in milliseconds. */
const STABLE = 10_000;

/**
 * How long to wait before the next attempt: not at all after a good link is lost, then twice as long
 * each time up to a cap, with jitter, so that a primary that closes each link meets no hot loop.
 */
export class Backoff {
  readonly #initialDelay: number;
  readonly #maxDelay: number;
  readonly #random: () => number;
  /** Whether an attempt at once is to be had. */
  #earned = true;
  #waits = 0;

  constructor(
    { initialDelay = 250, maxDelay = 10_000 }: BackoffOptions = {},
    random: () => number = Math.random,
  ) {
    if (!(initialDelay > 0 && initialDelay <= maxDelay && maxDelay <= MOST)) {
      const message = `a back-off from ${initialDelay} to ${maxDelay} ms cannot be kept`;
      throw new ReplicaError('INVALID_OPTION', message);
    }
    this.#initialDelay = initialDelay;
    this.#maxDelay = maxDelay;
    this.#random = random;
  }

  /**
   * @param streamed milliseconds that the lost link streamed; undefined if it never did
   * @param atLeast milliseconds that the primary is known to need
   */
  next(streamed: number | undefined, atLeast = 0): number {
    if (streamed !== undefined && streamed >= STABLE) {
      this.#earned = true;
      this.#waits = 0;
    }
    if (this.#earned && streamed !== undefined) {
      this.#earned = false;
      return atLeast;
    }
    const delay = Math.min(this.#maxDelay, this.#initialDelay * 2 ** this.#waits);
    this.#waits++;
    return Math.max(atLeast, Math.round(delay * (0.5 + this.#random() / 2)));
  }
}
