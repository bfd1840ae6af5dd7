/** Ends what a clock was told to call; harmless afterwards. */
export type StopTimer = () => void;

/** The time that a replica lives by: nothing in this package looks at another. Milliseconds. */
export interface Clock {
  /** Monotonic; its zero means nothing. */
  now(): number;
  /** Calls once, after so long. */
  after(milliseconds: number, call: () => void): StopTimer;
  /** Calls again and again, so far apart. */
  every(milliseconds: number, call: () => void): StopTimer;
}

/** The time of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds);
    return () => clearInterval(timer);
  },
};
