import type { Boundary } from '@forebay/psync';
import { LogError } from '../errors.ts';
import type { IncrementReader } from '../increment/increment-reader.ts';
import type { Increment } from '../manifest/manifest.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import type { Held } from './held.ts';
import type { Place, Way } from './ways.ts';

/**
 * The last position that had certainly arrived by `time` (milliseconds since 1970); undefined if the data of
 * that time is not held any more.
 *
 * The clock may have stepped back, and it is unknown whether it was wrong before or after. So the order
 * decides: no position after a record with a later time is returned. A record with an earlier time than a
 * record before it arrived at an uncertain time, until the times exceed the highest one before.
 *
 * @throws {LogError} `NOT_COVERED` where it is after the last arrival; `CORRUPT`, `IO`
 */
export async function placeOfTime(held: Held, time: number): Promise<Place | undefined> {
  const search = new TimeSearch(held, time);
  for (const way of held.ways.toReversed()) await search.follow(way);
  const { place, over, latest } = search;
  if (!over && latest < time) throw beyondEnd(held.directory, time, latest);
  return place;
}

/**
 * Follows what a log has held, in the order in which it came, to the first that came after a time; and then
 * only to see whether the clock went back.
 */
class TimeSearch {
  readonly #held: Held;
  readonly #time: number;
  #place: Omit<Place, 'leavesOut'> | undefined;
  #latest = Number.NEGATIVE_INFINITY;
  /** Unreadable parts since the last position: they may contain a later one. */
  #doubt: LogError | undefined;
  #over = false;
  /** Whether something after the place has a time up to the one asked for. */
  #leavesOut = false;

  constructor(held: Held, time: number) {
    this.#held = held;
    this.#time = time;
  }

  /** Whether something came after the time. */
  get over(): boolean {
    return this.#over;
  }

  /** The latest time seen, milliseconds since 1970. */
  get latest(): number {
    return this.#latest;
  }

  /** The last certain position. @throws {LogError} if it may be in a part that cannot be read */
  get place(): Place | undefined {
    if (this.#doubt !== undefined) throw this.#doubt;
    return this.#place && { ...this.#place, leavesOut: this.#leavesOut };
  }

  /** Ways are to be followed in the order in which they were gone. @throws {LogError} */
  async follow(way: Way): Promise<void> {
    for (const increment of way.increments) {
      if (increment.startOffset < way.since) continue;
      try {
        await this.#held.withReader(increment, (reader) => this.#read(way, reader));
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        // Later records may show that it is not needed.
        if (!this.#over) this.#doubt ??= error;
      }
      if (this.#over && this.#leavesOut) return;
    }
    if (this.#over) return;
    if (way.end === undefined) await this.#readTail(way);
    else this.#leave(way);
  }

  async #read(way: Way, { increment, index }: IncrementReader): Promise<void> {
    let number = 0;
    for await (const record of index.from(0)) {
      if (record !== undefined) {
        if (number === 0) this.#begin(way, increment, record.time);
        this.#see(way, record.boundary, record.time);
      } else if (!this.#over) this.#doubt ??= index.damaged(number);
      if (this.#over && this.#leavesOut) return;
      number++;
    }
  }

  /** A history begins with its base, a moment before the first record. */
  #begin(way: Way, { startOffset, database }: Increment, recorded: number): void {
    if (startOffset !== way.increments[0].startOffset || startOffset <= way.since) return;
    const base = way.bases.find(({ offset }) => offset === startOffset);
    if (base === undefined) return;
    this.#see(way, { offset: startOffset, database }, Math.min(base.time, recorded));
  }

  /** What no record covers yet. */
  async #readTail(way: Way): Promise<void> {
    const { increments, since } = way;
    if (lastIncrement({ increments }).startOffset < since) return;
    const { stream, index } = await this.#held.liveEnd();
    this.#see(way, stream.boundary, index.time);
  }

  /** The log before that time is not the log after it. */
  #leave({ ended = Number.POSITIVE_INFINITY }: Way): void {
    if (ended > this.#time) this.#over = true;
    else if (ended >= this.#latest) {
      this.#latest = ended;
      this.#place = undefined;
      this.#doubt = undefined;
    }
  }

  #see(way: Way, boundary: Boundary, time: number): void {
    if (time > this.#time) this.#over = true;
    else if (this.#over || time < this.#latest) this.#leavesOut = true;
    else {
      this.#latest = time;
      this.#place = { way, boundary };
      this.#doubt = undefined;
      this.#leavesOut = false;
    }
  }
}

function beyondEnd(directory: string, time: number, latest: number): LogError {
  const [asked, last] = [new Date(time), new Date(latest)].map((date) => date.toISOString());
  const message =
    `${asked} cannot be restored from ${directory}: the last byte arrived at ${last}. ` +
    'Give that time or an earlier one, or omit --at to restore the end';
  return new LogError('NOT_COVERED', directory, message);
}
