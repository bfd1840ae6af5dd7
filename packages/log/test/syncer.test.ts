import { systemClock } from '@forebay/clock';
import { describe, expect, it, vi } from 'vitest';
import { Syncer } from '../src/increment/syncer.ts';

/** A disk whose syncs end when the test says so. */
function slowDisk(policy: 'always' | 'everysec' | 'no') {
  const running: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const failures: unknown[] = [];
  let begun = 0;
  const syncer = new Syncer({
    policy,
    clock: systemClock,
    offset: 0,
    sync: () => {
      begun++;
      return new Promise<void>((resolve, reject) => running.push({ resolve, reject }));
    },
    onSynced: () => {},
    onFailure: (error) => failures.push(error),
  });
  return { syncer, running, failures, begun: () => begun };
}

describe('under everysec', () => {
  it('a second passes between two syncs, however much is written', async () => {
    vi.useFakeTimers();
    try {
      const { syncer, running, begun } = slowDisk('everysec');
      for (let ms = 0; ms < 5000; ms += 10) {
        syncer.wrote(ms + 1);
        await vi.advanceTimersByTimeAsync(10);
        running.shift()?.resolve();
      }
      expect(begun()).toBeGreaterThanOrEqual(4);
      expect(begun()).toBeLessThanOrEqual(5);
      await syncer.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a flush', () => {
  it('ends when what was written before it is synced, though more is written', async () => {
    const { syncer, running } = slowDisk('no');
    syncer.wrote(100);
    const flushed = syncer.flush();
    syncer.wrote(200);
    running.shift()?.resolve();
    await flushed;
    expect(syncer.synced).toBe(100);
  });

  it('does not take a sync that began earlier for its own', async () => {
    const { syncer, running } = slowDisk('no');
    syncer.wrote(100);
    const first = syncer.flush();
    syncer.wrote(200);
    const second = syncer.flush();
    running.shift()?.resolve();
    await first;
    expect(syncer.synced).toBe(100);
    await vi.waitFor(() => expect(running).toHaveLength(1));
    running.shift()?.resolve();
    await second;
    expect(syncer.synced).toBe(200);
  });

  it('that failed is not tried again', async () => {
    const { syncer, running, begun } = slowDisk('no');
    syncer.wrote(100);
    const flushed = expect(syncer.flush()).rejects.toThrow('EIO');
    running.shift()?.reject(new Error('EIO'));
    await flushed;
    await expect(syncer.flush()).rejects.toThrow('EIO');
    expect([begun(), syncer.synced]).toEqual([1, 0]);
  });
});

describe('stopping', () => {
  it('waits for the sync that runs and begins no other', async () => {
    const { syncer, running, begun } = slowDisk('no');
    syncer.wrote(100);
    const flushed = syncer.flush();
    syncer.wrote(200);
    let stopped = false;
    const stopping = syncer.stop().then(() => {
      stopped = true;
    });
    await Promise.resolve();
    expect(stopped).toBe(false);
    running.shift()?.resolve();
    await Promise.all([flushed, stopping]);
    await syncer.flush();
    expect(begun()).toBe(1);
  });
});
