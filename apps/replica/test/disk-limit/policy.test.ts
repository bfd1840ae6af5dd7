import { describe, expect, it } from 'vitest';
import type { DiskState } from '../../src/follow/disk/disk-policy.ts';
import { fetchableAt } from '../../src/follow/disk/disk-policy.ts';

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

  it('waits for nothing where none was fetched, or the clock was set back since', () => {
    const state = { now: NOW, failures: 3, refused: true } as DiskState;
    expect(fetchableAt({ ...state, fetchedAt: undefined })).toBe(NOW);
    expect(fetchableAt({ ...state, fetchedAt: NOW + 1 })).toBe(NOW);
  });
});
