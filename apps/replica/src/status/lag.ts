import type { Clock } from '@forebay/clock';
import type { History } from '@forebay/psync';
import type { LinkRecord } from './link-record.ts';
import { Timestamp } from './timestamp.ts';

/** How far a server had come when it was asked. */
interface Sighting {
  readonly id: string | undefined;
  readonly offset: number;
  readonly time: Timestamp;
}

/** How far we are behind the server that is followed; undefined where it is not known. */
export interface LagStatus {
  /** Offset of its last byte, when it was asked last. */
  readonly offset: number | undefined;
  /** When that was: milliseconds since 1970. */
  readonly asked: number | undefined;
  /** Bytes from what is written here to that. */
  readonly bytes: number | undefined;
  /**
   * Since when it has been ahead of what is written here, in seconds; 0: what it had when it was asked is
   * here. While the link is down no less than since then.
   */
  readonly seconds: number;
}

/** Places that are kept; what is seen beyond that takes the place of the newest. */
const MOST = 256;

/** What the server that is followed says of its offset, against what is written here. */
export class Lag {
  readonly #clock: Clock;
  /** Those that were not reached when it was looked last, oldest first, and the newest in any case. */
  #sightings: Sighting[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It told its offset, under this id. */
  saw(offset: number, id: string | undefined): void {
    if (this.#sightings.at(-1)?.id !== id) this.#sightings = [];
    if (this.#sightings.length === MOST) this.#sightings.pop();
    this.#sightings.push({ id, offset, time: new Timestamp(this.#clock) });
  }

  status(
    history: History | undefined,
    written: number,
    link: Pick<LinkRecord, 'downtime'>,
  ): LagStatus {
    const newest = this.#sightings.at(-1);
    // Under another id an offset says nothing of ours.
    const isOurs = newest !== undefined && history !== undefined && newest.id === history.id;
    const ahead = isOurs ? this.#sightings.filter(({ offset }) => offset > written) : [];
    if (isOurs) this.#sightings = ahead.length === 0 ? [newest] : ahead;
    return {
      offset: newest?.offset,
      asked: newest?.time.date,
      bytes: isOurs ? Math.max(0, newest.offset - written) : undefined,
      seconds: Math.round(Math.max(ahead[0]?.time.age ?? 0, link.downtime)) / 1000,
    };
  }
}
