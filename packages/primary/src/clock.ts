/** The time that the server lives by. Milliseconds. */
export interface Clock {
  /** Its zero means nothing. */
  now(): number;
  /** Calls once, after so long; what is returned takes that back. */
  after(milliseconds: number, call: () => void): () => void;
}

/** The longest that a timer of the system takes: above that it would call at once. */
const LONGEST = 2 ** 31 - 1;

/** The time of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, call) => {
    let timer = setTimeout(next, Math.min(milliseconds, LONGEST), milliseconds - LONGEST);
    function next(left: number): void {
      if (left > 0) timer = setTimeout(next, Math.min(left, LONGEST), left - LONGEST);
      else call();
    }
    return () => clearTimeout(timer);
  },
};
