/** Cancels a timer; has no effect after the last run. */
export type StopTimer = () => void;

/** Time and timers. A program that uses no other time can run in simulated time. All values are milliseconds. */
export interface Clock {
  /** Wall time: milliseconds since 1970. It may jump, in both directions. */
  now(): number;
  /** Monotonic time, for durations; only differences have a meaning. */
  elapsed(): number;
  /** Runs `run` once, after `milliseconds` of monotonic time; never if `milliseconds` is `Infinity`. */
  after(milliseconds: number, run: () => void): StopTimer;
  /** Runs `run` every `milliseconds` of monotonic time. */
  every(milliseconds: number, run: () => void): StopTimer;
}

/** The longest delay of `setTimeout`; a longer one runs at once. */
const MAX_DELAY = 2 ** 31 - 1;

/** The time of the machine. Timers keep the process alive, and any delay is allowed. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after,
  every(milliseconds, run) {
    let stop = after(milliseconds, again);
    function again(): void {
      stop = after(milliseconds, again);
      run();
    }
    return () => stop();
  },
};

function after(milliseconds: number, run: () => void): StopTimer {
  let timer = wait(milliseconds);
  function wait(left: number): ReturnType<typeof setTimeout> {
    if (left <= MAX_DELAY) return setTimeout(run, left);
    return setTimeout(() => {
      timer = wait(left - MAX_DELAY);
    }, MAX_DELAY);
  }
  return () => clearTimeout(timer);
}
