import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Status } from '../status/status.ts';
import type { SyncTimesStatus } from '../status/sync-times.ts';
import type { Metric, Reading } from './metrics.ts';
import { METRICS } from './metrics.ts';

/** The metrics as Prometheus reads them, of a status whenever it is asked for. */
export class Exposition {
  readonly #registry = new Registry();
  readonly #status: () => Status;
  /** Of the scrape that is answered: one is of one moment, whichever metric is read first. */
  #current: Status;

  constructor(status: () => Status) {
    this.#status = status;
    this.#current = status();
    for (const metric of METRICS) this.#add(metric, () => this.#current);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    this.#current = this.#status();
    return this.#registry.metrics();
  }

  #add(metric: Metric, status: () => Status): void {
    const { name, help, labels: labelNames = [] } = metric;
    const options = { name, help, labelNames: [...labelNames], registers: [this.#registry] };
    switch (metric.type) {
      case 'histogram':
        new ReadHistogram(options, () => metric.read(status()));
        return;
      case 'gauge':
        new Gauge({
          ...options,
          collect() {
            this.reset();
            if (labelNames.length === 0) this.remove();
            for (const { labels = {}, value } of readingsOf(metric.read(status()))) {
              if (value !== undefined) this.set(labels, value);
            }
          },
        });
        return;
      case 'counter':
        new Counter({
          ...options,
          collect() {
            this.reset();
            for (const { labels = {}, value } of readingsOf(metric.read(status()))) {
              if (value !== undefined) this.inc(labels, value);
            }
          },
        });
    }
  }
}

/** A histogram that somebody else keeps. */
class ReadHistogram extends Histogram {
  readonly #read: () => SyncTimesStatus;
  readonly #described: { readonly name: string; readonly help: string };

  constructor(
    options: { readonly name: string; readonly help: string; readonly registers: Registry[] },
    read: () => SyncTimesStatus,
  ) {
    super(options);
    this.#read = read;
    this.#described = options;
  }

  /** What the registry asks a histogram for, though its types do not say so. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get();
  }

  override async get(): ReturnType<Histogram['get']> {
    const { name, help } = this.#described;
    const { buckets, count, sum } = this.#read();
    const bucket = (le: number | '+Inf', value: number) => ({
      metricName: `${name}_bucket`,
      labels: { le },
      value,
    });
    return {
      ...{ name, help, type: 'histogram', aggregator: 'sum' },
      values: [
        ...buckets.map(({ bound, count: upTo }) => bucket(bound, upTo)),
        bucket('+Inf', count),
        { metricName: `${name}_sum`, labels: {}, value: sum },
        { metricName: `${name}_count`, labels: {}, value: count },
      ],
    } as never;
  }
}

function readingsOf(read: number | undefined | readonly Reading[]): readonly Reading[] {
  return typeof read === 'object' ? read : [{ value: read }];
}
