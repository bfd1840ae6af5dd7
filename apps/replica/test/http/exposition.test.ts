import { describe, expect, it } from 'vitest';
import { expositionOf } from '../../src/http/exposition.ts';
import { METRICS } from '../../src/http/metrics.ts';
import type { Status } from '../../src/status/status.ts';
import { SyncTimes } from '../../src/status/sync-times.ts';
import { Scrape } from './http.ts';

const NOW = 1_700_000_000_000;

/** A daemon that has received nothing yet. */
function status(parts: object = {}): Status {
  return {
    version: '1.2.3',
    now: NOW,
    uptime: 1500,
    limits: { retain: { size: 1024 } },
    link: {
      state: 'connect',
      downSince: NOW,
      received: { stream: 0, commands: 0, snapshots: 0 },
      syncs: { full: new Map(), partial: new Map() },
      reconnects: new Map(),
    },
    lag: { seconds: 1.5 },
    recent: [],
    replicas: [],
    syncTimes: new SyncTimes().status,
    baseCounts: { done: 0, failed: 0 },
    clients: {
      clients: 0,
      connections: 0,
      refused: 0,
      fullResyncs: 0,
      partialResyncs: 0,
      failedResyncs: 0,
    },
    memory: process.memoryUsage(),
    cpu: process.cpuUsage(),
    ...parts,
  } as unknown as Status;
}

/** The lines of one metric, without its help. */
function linesOf(name: string, parts: object = {}): string[] {
  const families = expositionOf(status(parts)).split('\n\n');
  const family = families.find((lines) => lines.startsWith(`# HELP ${name} `)) ?? '';
  return family.trimEnd().split('\n').slice(1);
}

describe('the text format of Prometheus', () => {
  it('has every metric with its help and type, in the order of the table', () => {
    const { helps, types } = new Scrape(expositionOf(status()));
    expect([...helps.keys()]).toEqual(METRICS.map(({ name }) => name));
    expect([...types]).toEqual(METRICS.map(({ name, type }) => [name, type]));
  });

  it('has labels in braces, with quotes, backslashes and line ends escaped', () => {
    expect(linesOf('forebay_build_info')).toEqual([
      '# TYPE forebay_build_info gauge',
      'forebay_build_info{version="1.2.3"} 1',
    ]);
    expect(linesOf('forebay_build_info', { version: '"a\\b"\nc' })).toContain(
      'forebay_build_info{version="\\"a\\\\b\\"\\nc"} 1',
    );
    const link = { ...status().link, reconnects: new Map([['TLS', 3]]) };
    expect(linesOf('forebay_reconnects_total', { link })).toContain(
      'forebay_reconnects_total{code="TLS"} 3',
    );
  });

  it('has no sample of an unknown value', () => {
    expect(linesOf('forebay_retain_seconds')).toEqual(['# TYPE forebay_retain_seconds gauge']);
    expect(linesOf('forebay_retain_bytes')).toEqual([
      '# TYPE forebay_retain_bytes gauge',
      'forebay_retain_bytes 1024',
    ]);
  });

  it('has large, infinite and fractional numbers as Prometheus reads them', () => {
    const delays = (mean: number, max: number) => [
      linesOf('nodejs_eventloop_lag_mean_seconds', { loopDelay: { mean, max } })[1],
      linesOf('nodejs_eventloop_lag_max_seconds', { loopDelay: { mean, max } })[1],
    ];
    expect(delays(0.25, 1e21)).toEqual([
      'nodejs_eventloop_lag_mean_seconds 0.25',
      'nodejs_eventloop_lag_max_seconds 1e+21',
    ]);
    expect(delays(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).toEqual([
      'nodejs_eventloop_lag_mean_seconds +Inf',
      'nodejs_eventloop_lag_max_seconds -Inf',
    ]);
    expect(delays(Number.NaN, 0)[0]).toBe('nodejs_eventloop_lag_mean_seconds NaN');
  });

  it('has a histogram as cumulative buckets up to +Inf, its sum and its count', () => {
    const times = new SyncTimes();
    for (const milliseconds of [0.5, 1, 20_000]) times.took(milliseconds);
    const lines = linesOf('forebay_fsync_seconds', { syncTimes: times.status });
    expect(lines.slice(0, 4)).toEqual([
      '# TYPE forebay_fsync_seconds histogram',
      'forebay_fsync_seconds_bucket{le="0.00025"} 0',
      'forebay_fsync_seconds_bucket{le="0.0005"} 1',
      'forebay_fsync_seconds_bucket{le="0.001"} 2',
    ]);
    expect(lines.slice(-4)).toEqual([
      'forebay_fsync_seconds_bucket{le="10"} 2',
      'forebay_fsync_seconds_bucket{le="+Inf"} 3',
      'forebay_fsync_seconds_sum 20.0015',
      'forebay_fsync_seconds_count 3',
    ]);
  });
});
