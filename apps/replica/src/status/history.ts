import type { Status } from './status.ts';

/** What a moment is remembered by: counts are since the start, lags as they were. */
export const SERIES = {
  time: (status: Status) => status.now,
  stream: ({ link }: Status) => link.received.stream,
  commands: ({ link }: Status) => link.received.commands,
  snapshots: ({ link }: Status) => link.received.snapshots,
  written: ({ log }: Status) => log?.written ?? null,
  lagBytes: ({ lag }: Status) => lag.bytes ?? null,
  lagSeconds: ({ lag }: Status) => lag.seconds,
} as const satisfies Record<string, (status: Status) => number | null>;

type Series = keyof typeof SERIES;
export type Sample = Readonly<Record<Series, number | null>>;

/** Ten minutes, a second each. */
const KEPT = 600;

/** The last ten minutes, for a page that is opened later. */
export class History {
  readonly #samples: Sample[] = [];

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  take(status: Status): Sample {
    const read = Object.entries(SERIES).map(([name, of]) => [name, of(status)]);
    const sample = Object.fromEntries(read) as Sample;
    // Times ascend also after the wall clock was set back.
    while ((this.#samples.at(-1)?.time ?? 0) > status.now) this.#samples.pop();
    this.#samples.push(sample);
    if (this.#samples.length > KEPT) this.#samples.shift();
    return sample;
  }
}
