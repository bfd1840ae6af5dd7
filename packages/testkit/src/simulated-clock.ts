import { setImmediate } from 'node:timers/promises';

interface Timer {
  readonly due: number;
  readonly run: () => void;
}

/**
 * A `Clock` of `@forebay/clock` whose time moves only when a test moves it. Timers follow the monotonic
 * time, which no jump of the wall clock changes. All values are milliseconds.
 */
export class SimulatedClock {
  #elapsed = 0;
  /** What the wall clock is ahead of the monotonic one. */
  #ahead: number;
  readonly #timers = new Set<Timer>();

  /** `start` is what the wall clock shows first: milliseconds since 1970. */
  constructor(start = 1_700_000_000_000) {
    this.#ahead = start;
  }

  /** Milliseconds since 1970, by the wall clock. */
  now(): number {
    return this.#ahead + this.#elapsed;
  }

  /** Milliseconds of monotonic time since the clock was created. */
  elapsed(): number {
    return this.#elapsed;
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Runs `run` once after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, run: () => void): () => void {
    // As the platform has it; a timer due at once that sets itself again would never end.
    const timer = { due: this.#elapsed + Math.max(1, milliseconds), run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Runs `run` every `milliseconds`, until the returned function is called. */
  every(milliseconds: number, run: () => void): () => void {
    const again = (): void => {
      stop = this.after(milliseconds, again);
      run();
    };
    let stop = this.after(milliseconds, again);
    return () => stop();
  }

  /** Lets time pass: runs what falls due, in order of time, also what is set on the way. */
  advance(milliseconds: number): void {
    const end = this.#elapsed + milliseconds;
    while (this.#runNext(end));
    this.#elapsed = end;
  }

  /** As `advance`, but what promises a timer has led to settle before the next one runs. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    await setImmediate();
    while (this.#runNext(end)) await setImmediate();
    this.#elapsed = end;
  }

  /** Moves the wall clock alone, forward or back. */
  jump(milliseconds: number): void {
    this.#ahead += milliseconds;
  }

  /** Forgets all timers, as the end of a process does. */
  clear(): void {
    this.#timers.clear();
  }

  #runNext(end: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#elapsed = next.due;
    next.run();
    return true;
  }
}
