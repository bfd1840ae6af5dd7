/** The wall clock, and a timer. `systemClock` is the real one. */
export interface Clock {
  /** Milliseconds since 1970. It may jump, in both directions. */
  now(): number;
  /** Runs `run` once after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
