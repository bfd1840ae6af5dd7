import type { Entry } from './entry.ts';
import { entryOf } from './entry.ts';
import type { EventName } from './events.ts';
import { EVENTS } from './events.ts';

/** Lines of one event that are written in a period. */
const MOST = 20;

/** Milliseconds that a period has. */
const PERIOD = 10_000;

/**
 * Keeps whoever connects from filling the log: of an event that he can cause, so many lines are let through in
 * a period, and of the rest it is said how many there were.
 */
export class Bound {
  readonly #pass: (entry: Entry) => void;
  readonly #counts = new Map<EventName, number>();

  constructor(pass: (entry: Entry) => void) {
    this.#pass = pass;
  }

  take(entry: Entry): void {
    const event = entry.fields?.event;
    if (event === undefined || !('bounded' in EVENTS[event])) {
      this.#pass(entry);
      return;
    }
    if (this.#counts.size === 0) setTimeout(() => this.flush(), PERIOD).unref();
    const count = (this.#counts.get(event) ?? 0) + 1;
    this.#counts.set(event, count);
    if (count <= MOST) this.#pass(entry);
  }

  /** Says how many were not let through, and begins anew. */
  flush(): void {
    for (const [event, count] of this.#counts) {
      if (count <= MOST) continue;
      const message = `${count - MOST} more lines of the kind ${event} in ${PERIOD / 1000} s`;
      this.#pass(
        entryOf('trouble', message, { event: 'more', reason: event, count: count - MOST }),
      );
    }
    this.#counts.clear();
  }
}
