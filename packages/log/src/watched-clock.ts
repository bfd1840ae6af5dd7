import type { Clock, StopTimer } from '@forebay/clock';

/** A step back of the clock: its last value and its present value, in milliseconds since 1970. */
export interface ClockStep {
  readonly from: number;
  readonly to: number;
}

/** In milliseconds: small corrections of a clock (NTP) step back by less. */
const LEAST_STEP = 1000;

/** A clock that reports each step back of a second or more once. */
export class WatchedClock implements Clock {
  readonly #clock: Clock;
  readonly #onStep: (step: ClockStep) => void;
  #last = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, onStep: (step: ClockStep) => void) {
    this.#clock = clock;
    this.#onStep = onStep;
  }

  now(): number {
    const now = this.#clock.now();
    const from = this.#last;
    this.#last = now;
    if (from - now >= LEAST_STEP) this.#onStep({ from, to: now });
    return now;
  }

  elapsed(): number {
    return this.#clock.elapsed();
  }

  after(milliseconds: number, run: () => void): StopTimer {
    return this.#clock.after(milliseconds, run);
  }

  every(milliseconds: number, run: () => void): StopTimer {
    return this.#clock.every(milliseconds, run);
  }

  /** Compares the clock with the last value that an earlier process recorded. */
  compare(seen: number): void {
    this.#last = Math.max(this.#last, seen);
    this.now();
  }
}
