import type { Status } from '../status/status.ts';
import type { SyncTimesStatus } from '../status/sync-times.ts';
import type { Metric, Reading } from './metrics.ts';
import { METRICS } from './metrics.ts';

/** The text format of Prometheus. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** All metrics of a status, in the text format of Prometheus. */
export function expositionOf(status: Status): string {
  return `${METRICS.map((metric) => familyOf(metric, status)).join('\n\n')}\n`;
}

/** A metric whose value is unknown has HELP and TYPE lines, and no sample. */
function familyOf(metric: Metric, status: Status): string {
  const { name, help, type } = metric;
  const samples =
    metric.type === 'histogram'
      ? histogramSamples(name, metric.read(status))
      : readingsOf(metric.read(status)).flatMap(({ labels, value }) =>
          value === undefined ? [] : [sample(name, value, labels)],
        );
  return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...samples].join('\n');
}

function histogramSamples(name: string, { buckets, count, sum }: SyncTimesStatus): string[] {
  return [
    ...buckets.map(({ bound, count: upTo }) =>
      sample(`${name}_bucket`, upTo, { le: textOf(bound) }),
    ),
    sample(`${name}_bucket`, count, { le: '+Inf' }),
    sample(`${name}_sum`, sum),
    sample(`${name}_count`, count),
  ];
}

function readingsOf(read: number | undefined | readonly Reading[]): readonly Reading[] {
  return typeof read === 'object' ? read : [{ value: read }];
}

function sample(name: string, value: number, labels: Reading['labels'] = {}): string {
  const pairs = Object.entries(labels).map(([key, text]) => {
    return `${key}="${escaped(text).replaceAll('"', '\\"')}"`;
  });
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${textOf(value)}`;
}

function textOf(value: number): string {
  return String(value).replace('Infinity', 'Inf').replace(/^Inf/, '+Inf');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
