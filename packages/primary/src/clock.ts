/** The time that the server lives by. Milliseconds. */
export interface Clock {
  /** Its zero means nothing. */
  now(): number;
  /** Calls once, after so long; what is returned takes that back. */
  after(milliseconds: number, call: () => void): () => void;
}

/** The time of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
};
