import type { Clock } from '@forebay/log';
import type { Status } from '../status/status.ts';

/** What a server counts (`server.h: stat_*`): bytes, or how often. */
const COUNTERS = {
  connections: ({ clients }: Status) => clients.connections,
  refused: ({ clients }: Status) => clients.refused,
  // A replica carries out those of its primary too.
  commands: ({ clients, link }: Status) => clients.commands + link.received.commands,
  fullResyncs: ({ clients }: Status) => clients.fullResyncs,
  partialResyncs: ({ clients }: Status) => clients.partialResyncs,
  input: ({ traffic }: Status) => traffic.input,
  output: ({ traffic }: Status) => traffic.output,
  primaryInput: ({ link: { received } }: Status) => received.stream + received.snapshots,
  replicaOutput: ({ traffic }: Status) => traffic.replicaOutput,
} as const satisfies Record<string, (status: Status) => number>;

export type Counts = Readonly<Record<keyof typeof COUNTERS, number>>;

interface Sample {
  readonly time: number;
  readonly counts: Counts;
}

/** Milliseconds between two samples; a rate is that of the time from the last but one of them to now. */
const TICK = 1000;

const NOTHING = counted(() => 0);

/** What `INFO` counts, since the start or the last `CONFIG RESETSTAT`, and how fast it grows. */
export class Stats {
  readonly #clock: Clock;
  readonly #status: () => Status;
  /** When the last two samples were taken, the older one first, and what was counted then. */
  #samples: readonly [Sample] | readonly [Sample, Sample];
  #before: Counts = NOTHING;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, status: () => Status) {
    this.#clock = clock;
    this.#status = status;
    this.#samples = [{ time: clock.now(), counts: NOTHING }];
  }

  /** Takes samples from now on, until `stop`. */
  start(): void {
    this.#cancel = this.#clock.after(TICK, () => {
      const sample = { time: this.#clock.now(), counts: this.#total() };
      const [first, last = first] = this.#samples;
      this.#samples = [last, sample];
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  /** Since the start, or the last reset. */
  get counts(): Counts {
    const total = this.#total();
    return counted((name) => total[name] - this.#before[name]);
  }

  /** A second, of late (`server.c: getInstantaneousMetric`). */
  get rates(): Counts {
    const [{ time, counts }] = this.#samples;
    const total = this.#total();
    const seconds = Math.max(1, this.#clock.now() - time) / 1000;
    return counted((name) => (total[name] - counts[name]) / seconds);
  }

  /** What was counted so far counts no longer. */
  reset(): void {
    this.#before = this.#total();
  }

  #total(): Counts {
    const status = this.#status();
    return counted((name) => COUNTERS[name](status));
  }
}

function counted(of: (name: keyof Counts) => number): Counts {
  const names = Object.keys(COUNTERS) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Counts;
}
