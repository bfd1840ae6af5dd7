import type { Clock } from '@forebay/clock';
import type { TransferProgress } from '@forebay/replica';
import type { Entry } from '../logging/entry.ts';
import type { Reporter } from '../reporter.ts';
import { Speaker } from '../reporter.ts';

/** Something that was said. */
export interface RecentEvent {
  /** Counts on from 1. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly tone: 'step' | 'good' | 'trouble';
  readonly message: string;
}

/** How many are kept, and how much of one. */
const KEPT = 100;
const LONGEST = 500;

/** What was said last, for who comes later. */
export class RecentEvents {
  readonly #clock: Clock;
  #events: RecentEvent[] = [];
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Oldest first. */
  get all(): readonly RecentEvent[] {
    return this.#events;
  }

  add(tone: RecentEvent['tone'], message: string): void {
    this.#count++;
    const time = this.#clock.now();
    const event = { number: this.#count, time, tone, message: message.slice(0, LONGEST) };
    this.#events = [...this.#events.slice(1 - KEPT), event];
  }

  /** Says everything to `reporter`, and keeps it. */
  of(reporter: Reporter): Reporter {
    return new Recording(reporter, this);
  }
}

class Recording extends Speaker {
  readonly #reporter: Reporter;
  readonly #events: RecentEvents;

  constructor(reporter: Reporter, events: RecentEvents) {
    super();
    this.#reporter = reporter;
    this.#events = events;
  }

  override say(entry: Entry): void {
    const { tone, message } = entry;
    if (tone !== 'detail') this.#events.add(tone === 'fatal' ? 'trouble' : tone, message);
    this.#reporter.say(entry);
  }

  override transfer(progress: TransferProgress, since: number): void {
    this.#reporter.transfer(progress, since);
  }

  override clear(): void {
    this.#reporter.clear();
  }
}
