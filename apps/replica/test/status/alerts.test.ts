import { describe, expect, it } from 'vitest';
import { alertsOf } from '../../src/status/alerts.ts';
import { roomOf } from '../../src/status/room.ts';
import type { Status } from '../../src/status/status.ts';

const NOW = 1_700_000_000_000;

function statusWith(parts: object): Status {
  return {
    now: NOW,
    upstream: { host: '::1', port: 6379 },
    link: { state: 'stream', downSince: undefined },
    lag: { seconds: 0 },
    log: { baseFailed: false, bytes: 400 },
    held: { cursors: [], free: 10_000 },
    limits: { maxDisk: 1000 },
    recent: [],
    ...parts,
  } as unknown as Status;
}

function severities(parts: object): string[] {
  return alertsOf(statusWith(parts)).map(({ severity }) => severity);
}

describe('an alert', () => {
  it('is not given while the daemon is healthy', () => {
    expect(severities({})).toEqual([]);
  });

  it('is critical where the link has been down for longer than a reconnect takes', () => {
    const downFor = (ms: number) => ({ link: { state: 'waiting', downSince: NOW - ms } });
    expect(severities(downFor(1000))).toEqual([]);
    expect(severities(downFor(6000))).toEqual(['critical']);
    const [alert] = alertsOf(statusWith(downFor(6000)));
    expect(alert?.message).toBe('no link to [::1]:6379 for 6.0 s: see the events for the cause');
  });

  it('is not given for a link that an operator ended, or that receives a full resync', () => {
    for (const state of ['detached', 'transfer']) {
      expect(severities({ link: { state, downSince: NOW - 60_000 } })).toEqual([]);
    }
  });

  it('is critical for a pause, and the link that is down during the pause adds no alert', () => {
    const paused = { cause: 'disk-full', reason: 'ENOSPC', needed: 0, since: NOW };
    const link = { state: 'waiting', downSince: NOW - 60_000 };
    expect(severities({ paused, link })).toEqual(['critical']);
  });

  it('is a warning for a failed fetch of a base, a long lag, and each lost cursor', () => {
    const cursors = [
      { name: 'a', state: 'lost' },
      { name: 'b', state: 'damaged' },
      { name: 'c', state: 'readable' },
    ];
    expect(severities({ log: { baseFailed: true } })).toEqual(['warning']);
    expect(severities({ lag: { seconds: 61 } })).toEqual(['warning']);
    expect(severities({ held: { cursors } })).toEqual(['warning', 'warning']);
  });
});

describe('the room that is left', () => {
  const sample = (ago: number, written: number) => ({ time: NOW - ago * 1000, written });

  it('ends at the limit or at the free space, whichever comes first', () => {
    expect(roomOf(statusWith({}))).toEqual({ bytes: 600, seconds: undefined });
    expect(roomOf(statusWith({ held: { cursors: [], free: 100 } }))?.bytes).toBe(100);
    expect(roomOf(statusWith({ log: { bytes: 2000 } }))?.bytes).toBe(0);
  });

  it('lasts by the rate of the samples', () => {
    const recent = [sample(20, 0), sample(10, 100), sample(0, 200)];
    expect(roomOf(statusWith({ recent }))?.seconds).toBe(60);
  });

  it('lasts by the rate since the last full resync', () => {
    const recent = [sample(30, 9000), sample(20, 9100), sample(10, 5), sample(0, 65)];
    expect(roomOf(statusWith({ recent }))?.seconds).toBe(100);
  });
});
