import type { Clock } from '@forebay/clock';

/** Those who wait for a log to come to an offset. */
export class Arrivals {
  readonly #clock: Clock;
  readonly #timeout: () => number;
  readonly #waiting = new Set<{
    readonly offset: number;
    readonly resolve: () => void;
    readonly giveUp: () => void;
  }>();

  /** `timeout`: milliseconds that anybody waits, as of now. */
  constructor(clock: Clock, timeout: () => number) {
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** The log has come so far. */
  reached(written: number): void {
    for (const { offset, resolve } of this.#waiting) if (offset <= written) resolve();
  }

  /** The log has another history, or ends earlier: offsets that were awaited may never be reached. Ends all waits. */
  abandon(): void {
    for (const { giveUp } of this.#waiting) giveUp();
  }

  /** Resolves when it has come to `offset`; rejects where it does not in time, is ending, or is abandoned. */
  async at(offset: number, written: number, ending: AbortSignal): Promise<void> {
    if (written >= offset) return;
    let settle = (_?: Error): void => {};
    const promise = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    const giveUp = (): void => settle(new Error(`the stream did not come to ${offset}`));
    const waiting = { offset, resolve: () => settle(), giveUp };
    const cancel = this.#clock.after(this.#timeout(), giveUp);
    ending.addEventListener('abort', giveUp, { once: true });
    this.#waiting.add(waiting);
    try {
      if (ending.aborted) giveUp();
      await promise;
    } finally {
      cancel();
      ending.removeEventListener('abort', giveUp);
      this.#waiting.delete(waiting);
    }
  }
}
