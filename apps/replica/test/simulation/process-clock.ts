import type { Clock, StopTimer } from '@forebay/clock';
import type { SimulatedClock } from '@forebay/testkit';

/** The clock of one process: its timers end with the process. */
export class ProcessClock implements Clock {
  readonly #clock: SimulatedClock;
  readonly #timers = new Set<StopTimer>();
  #ended = false;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  /** The wall clock: milliseconds since 1970. It may jump. */
  now(): number {
    return this.#clock.now();
  }

  /** Milliseconds by the monotonic clock. */
  elapsed(): number {
    return this.#clock.elapsed();
  }

  after(milliseconds: number, run: () => void): StopTimer {
    if (this.#ended) return () => {};
    const cancel = (): void => {
      stop();
      this.#timers.delete(cancel);
    };
    const stop = this.#clock.after(milliseconds, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
    return cancel;
  }

  every(milliseconds: number, run: () => void): StopTimer {
    let stop = (): void => {};
    const again = (): void => {
      stop = this.after(milliseconds, () => {
        again();
        run();
      });
    };
    again();
    return () => stop();
  }

  /** Whether the process has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
  }
}
