import { describe, expect, it } from 'vitest';
import type { DiskState } from '../../src/follow/disk/disk-policy.ts';
import { fetchableAt, isFetchUrgent, verdictOn } from '../../src/follow/disk/disk-policy.ts';

const NOW = 1_700_000_000_000;

function waitAfter(failures: number, refused: boolean): number {
  const state = { now: NOW, fetchedAt: NOW, failures, refused } as DiskState;
  return (fetchableAt(state) - NOW) / 1000;
}

describe('the next fetch of a base', () => {
  it('waits twice as long after each failure, five minutes at most', () => {
    expect([0, 1, 2, 3].map((failures) => waitAfter(failures, false))).toEqual([10, 20, 40, 80]);
    expect(waitAfter(20, false)).toBe(300);
  });

  it('waits up to an hour where the snapshot was refused, since each costs the primary a fork', () => {
    expect(waitAfter(1, true)).toBe(20);
    expect(waitAfter(20, true)).toBe(3600);
  });

  it('does not wait if no base was fetched', () => {
    const state = { now: NOW, failures: 3, refused: true } as DiskState;
    expect(fetchableAt({ ...state, fetchedAt: undefined })).toBe(NOW);
  });
});

describe('at half of the room for the stream', () => {
  const MIB = 1024 * 1024;
  const half: DiskState = {
    now: NOW,
    limit: 100 * MIB,
    total: 50 * MIB,
    required: 50 * MIB,
    base: 4 * MIB,
    baseAge: 0,
    expected: 5 * MIB,
    received: 0,
    fetch: 'none',
    ahead: 0,
    fetchedAt: undefined,
    failures: 0,
    refused: false,
    rate: 0,
  };

  it('a base is fetched early', () => {
    expect(isFetchUrgent(half)).toBe(true);
  });

  it('no base is fetched while the stream up to the offset of the primary does not fit: the fork would be wasted', () => {
    expect(isFetchUrgent({ ...half, ahead: 40 * MIB })).toBe(true);
    const behind = { ...half, ahead: 50 * MIB };
    expect(isFetchUrgent(behind)).toBe(false);
    // The stream grows until the limit is reached; no base is fetched at the limit either.
    const full = { ...behind, total: 90 * MIB, required: 90 * MIB, ahead: 10 * MIB };
    expect(verdictOn(half, MIB)).toEqual({ type: 'write' });
    expect(verdictOn(full, MIB)).toMatchObject({ type: 'pause' });
  });
});
