import type { IntervalHistogram } from 'node:perf_hooks';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '@forebay/clock';
import type { Disk } from '@forebay/log';
import { inspect } from '@forebay/log';
import { History } from './history.ts';
import type { HeldStatus, LoopDelay, Status } from './status.ts';

/** Milliseconds between two samples. */
const TICK = 1000;
/** Ticks between two inspections of the directory and of the upstream server while no page is open. */
const SELDOM = 5;
/** Ticks after which the delay of the event loop is measured anew; what is told reaches back twice as far. */
const LOOP_WINDOW = 15;
/** Milliseconds between two measurements of it. */
const LOOP_RESOLUTION = 20;

/** What an observer measures, and what it reports to. */
export interface Observation {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly directory: string;
  status(): Status;
  /** Whether somebody watches, by the second. */
  isWatched(): boolean;
  /** Asks the server that is followed how far it has come; false: it does not grant that. It never rejects. */
  measureLag(): Promise<boolean>;
  onTick(status: Status): void;
}

/** What is looked at from time to time, and not whenever a status is asked for. */
export interface Observed {
  readonly held: HeldStatus | undefined;
  readonly loopDelay: LoopDelay;
  readonly history: History;
}

/**
 * Looks once a second at what a status has no part of at once: what is on the disk, how far the server
 * above has come, how late the event loop is; and keeps the last ten minutes. It runs where HTTP is served.
 */
export class Observer implements Observed {
  readonly history = new History();
  readonly #observation: Observation;
  readonly #loop: IntervalHistogram;
  #loopBefore: LoopDelay = { mean: 0, max: 0 };
  #held: HeldStatus | undefined;
  #cancel: () => void;
  #ticks = 0;
  #looking: Promise<void> | undefined;
  #asking: Promise<void> | undefined;
  /** The link, by when it came to stand, whose server was asked last. */
  #askedSince: number | undefined;
  /** The link over which the server has refused to tell its offset. */
  #refusedSince: number | undefined;

  constructor(observation: Observation) {
    this.#observation = observation;
    this.#loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION });
    this.#loop.enable();
    this.#cancel = observation.clock.after(0, () => this.#tick());
  }

  get held(): HeldStatus | undefined {
    return this.#held;
  }

  get loopDelay(): LoopDelay {
    const now = loopDelayOf(this.#loop);
    const { mean, max } = this.#loopBefore;
    return { mean: Math.max(now.mean, mean), max: Math.max(now.max, max) };
  }

  /** Ends it, and waits for what it has begun. */
  async stop(): Promise<void> {
    this.#cancel();
    this.#loop.disable();
    await Promise.all([this.#looking, this.#asking]);
  }

  #tick(): void {
    this.#cancel = this.#observation.clock.after(TICK, () => this.#tick());
    const status = this.#observation.status();
    const isSeldom = this.#ticks % SELDOM === 0;
    const isDue = isSeldom || this.#observation.isWatched();
    if (isDue || this.#held === undefined) this.#look(status);
    const isNew = status.link.since !== this.#askedSince;
    if (isDue || isNew) this.#ask(status);
    // What it took to begin is not worth telling.
    if (this.#ticks === 0) this.#loop.reset();
    if (this.#ticks % LOOP_WINDOW === LOOP_WINDOW - 1) {
      this.#loopBefore = loopDelayOf(this.#loop);
      this.#loop.reset();
    }
    this.#ticks++;
    this.history.take(status);
    this.#observation.onTick(status);
  }

  #look({ log }: Status): void {
    if (log?.history === undefined) return;
    const { disk, directory, clock } = this.#observation;
    this.#looking ??= inspect(disk, directory)
      .then((inventory) => {
        this.#held = { ...inventory, seen: clock.now() };
      })
      // What keeps the log from being read will keep it from being written, and is told there.
      .catch(() => {})
      .finally(() => {
        this.#looking = undefined;
      });
  }

  #ask({ link }: Status): void {
    if (link.state !== 'stream' || this.#refusedSince === link.since) return;
    this.#askedSince = link.since;
    this.#asking ??= this.#observation.measureLag().then((granted) => {
      if (!granted) this.#refusedSince = link.since;
      this.#asking = undefined;
    });
  }
}

/** In seconds, and without the time between two measurements. */
function loopDelayOf({ count, mean, max }: IntervalHistogram): LoopDelay {
  if (count === 0) return { mean: 0, max: 0 };
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOP_RESOLUTION / 1000);
  return { mean: late(mean), max: late(max) };
}
