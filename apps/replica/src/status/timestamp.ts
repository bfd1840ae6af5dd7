import type { Clock } from '@forebay/clock';

/** Milliseconds that a date may be off before it is corrected: readings of the two clocks differ by less. */
const TOLERANCE = 100;

/** The moment of its creation: its age is monotonic time, which no jump of the wall clock changes; its date is wall time. */
export class Timestamp {
  readonly #clock: Clock;
  readonly #elapsed: number;
  #date: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#elapsed = clock.elapsed();
    this.#date = clock.now();
  }

  /** Milliseconds since then. */
  get age(): number {
    return this.#clock.elapsed() - this.#elapsed;
  }

  /**
   * Milliseconds since 1970. The date changes only when the wall clock jumps, and follows it: the difference from
   * the present wall time is the age, also for a reader that has no other clock.
   */
  get date(): number {
    const date = Math.round(this.#clock.now() - this.age);
    if (Math.abs(date - this.#date) > TOLERANCE) this.#date = date;
    return this.#date;
  }
}
