import type { Clock } from '@forebay/clock';
import type { Status } from '../status/status.ts';

/** What a server counts since its start (`server.h: stat_*`): bytes, or how often. */
function totalsOf({ clients, link: { received }, traffic }: Status) {
  return {
    connections: clients.connections,
    refused: clients.refused,
    // A replica carries out those of its primary too.
    commands: clients.commands + received.commands,
    fullResyncs: clients.fullResyncs,
    partialResyncs: clients.partialResyncs,
    input: traffic.input,
    output: traffic.output,
    primaryInput: received.stream + received.snapshots,
    replicaOutput: traffic.replicaOutput,
  };
}

export type Counts = Readonly<ReturnType<typeof totalsOf>>;

/** What `INFO` tells of them. */
export interface Told {
  /** Since the start, or the last reset. */
  readonly counts: Counts;
  /** A second, of late (`server.c: getInstantaneousMetric`). */
  readonly rates: Counts;
  /** Errors that were answered since the start, or the last reset, by their code. */
  readonly errors: ReadonlyMap<string, number>;
  /** Bytes: the most that were in use at a sample or an INFO since the start. */
  readonly memoryPeak: number;
}

/** Undefined counts: none were taken yet, and nothing had come. */
interface Sample {
  /** By `Clock.elapsed`. */
  readonly time: number;
  readonly counts: Counts | undefined;
}

/** Milliseconds between two samples; a rate is that of the time from the last but one of them to now. */
const TICK = 1000;

/** What `INFO` counts, since the start or the last `CONFIG RESETSTAT`, and how fast it grows. */
export class Stats {
  readonly #clock: Clock;
  readonly #status: () => Status;
  /** The last two, the older one first. */
  #samples: readonly [Sample] | readonly [Sample, Sample];
  #before: Counts | undefined;
  #errorsBefore: ReadonlyMap<string, number> = new Map();
  #memoryPeak = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, status: () => Status) {
    this.#clock = clock;
    this.#status = status;
    this.#samples = [{ time: clock.elapsed(), counts: undefined }];
  }

  /** Takes samples from now on, until `stop`. */
  start(): void {
    this.#cancel = this.#clock.after(TICK, () => {
      const status = this.#status();
      this.#lookAtMemory(status);
      const sample = { time: this.#clock.elapsed(), counts: totalsOf(status) };
      const [first, last = first] = this.#samples;
      this.#samples = [last, sample];
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  /** As of one status, whose traffic is added up once. */
  of(status: Status): Told {
    const totals = totalsOf(status);
    this.#lookAtMemory(status);
    const [{ time, counts }] = this.#samples;
    const seconds = Math.max(1, this.#clock.elapsed() - time) / 1000;
    return {
      counts: growth(totals, this.#before),
      rates: growth(totals, counts, seconds),
      errors: this.#errorsSince(status),
      memoryPeak: this.#memoryPeak,
    };
  }

  /** What was counted so far counts no longer. */
  reset(): void {
    const status = this.#status();
    this.#before = totalsOf(status);
    this.#errorsBefore = status.clients.errors;
  }

  #errorsSince({ clients: { errors } }: Status): ReadonlyMap<string, number> {
    const since = [...errors].map(([code, count]) => {
      return [code, count - (this.#errorsBefore.get(code) ?? 0)] as const;
    });
    return new Map(since.filter(([, count]) => count > 0));
  }

  #lookAtMemory({ memory }: Status): void {
    this.#memoryPeak = Math.max(this.#memoryPeak, usedMemory(memory));
  }
}

/** Bytes of the heap and of buffers: as a server's allocator counts them. */
export function usedMemory({ heapUsed, external }: Status['memory']): number {
  return heapUsed + external;
}

/** By how much each has grown, in each of so many seconds. */
function growth(totals: Counts, before: Counts | undefined, seconds = 1): Counts {
  const names = Object.keys(totals) as (keyof Counts)[];
  const grown = names.map((name) => [name, (totals[name] - (before?.[name] ?? 0)) / seconds]);
  return Object.fromEntries(grown) as Counts;
}
