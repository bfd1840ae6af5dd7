import { randomFrom, runSeed, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { ItemQueue } from '../src/item-queue.ts';
import type { ReplicaItem } from '../src/items.ts';

type StreamItem = Extract<ReplicaItem, { type: 'stream' }>;

const ABORTED = new Error('aborted');

function queueOf(pauseAt = 100, resumeAt = 25) {
  const calls: string[] = [];
  let empty = 0;
  const queue = new ItemQueue(
    { pauseAt, resumeAt },
    {
      onFull: () => calls.push('full'),
      onDrained: () => calls.push('drained'),
      onEmpty: () => empty++,
    },
  );
  return { queue, calls, emptied: () => empty };
}

function streamItem(bytes: Uint8Array, offset: number): StreamItem {
  return { type: 'stream', bytes, offset, boundary: { offset: offset - 1, database: offset % 16 } };
}

function snapshotItem(bytes: Uint8Array): ReplicaItem {
  return { type: 'snapshot', bytes };
}

function fullResync(length: number): ReplicaItem {
  return { type: 'full-resync', length, position: undefined, cause: 'refused', reason: '' };
}

describe('items', () => {
  it('are done with when the next is asked for and none waits', async () => {
    const { queue, emptied } = queueOf();
    queue.push(fullResync(1));
    queue.push(snapshotItem(Uint8Array.of(1)));
    await queue.take();
    await queue.take();
    expect(emptied()).toBe(0);
    const waiting = queue.take();
    expect(emptied()).toBe(1);
    queue.push(fullResync(2));
    await waiting;
    expect(emptied()).toBe(1);
  });

  it('are taken in order, those that come later too', async () => {
    const { queue } = queueOf();
    queue.push(fullResync(1));
    queue.push(snapshotItem(Uint8Array.of(1)));
    const taken = [await queue.take(), await queue.take()];
    const waiting = queue.take();
    queue.push(fullResync(2));
    expect([...taken, await waiting]).toEqual([
      fullResync(1),
      snapshotItem(Uint8Array.of(1)),
      fullResync(2),
    ]);
  });

  it('whose bytes lie side by side become one, with the end of the last', async () => {
    const arena = Uint8Array.from({ length: 10 }, (_, i) => i);
    const { queue } = queueOf();
    queue.push(streamItem(arena.subarray(2, 4), 102));
    queue.push(streamItem(arena.subarray(4, 5), 103));
    queue.push(streamItem(arena.subarray(5, 9), 107));
    queue.end();
    expect(await queue.take()).toEqual(streamItem(arena.subarray(2, 9), 107));
    expect(await queue.take()).toBeUndefined();
  });

  const arena = new Uint8Array(8);
  it.each<[string, ReplicaItem, ReplicaItem]>([
    ['of other memory', streamItem(new Uint8Array(4), 4), streamItem(new Uint8Array(4), 8)],
    ['with a gap', streamItem(arena.subarray(0, 3), 3), streamItem(arena.subarray(4), 7)],
    ['the wrong way round', streamItem(arena.subarray(4), 4), streamItem(arena.subarray(0, 4), 8)],
    ['of two kinds', snapshotItem(arena.subarray(0, 4)), streamItem(arena.subarray(4), 4)],
    ['without bytes', fullResync(1), fullResync(1)],
  ])('%s stay two', async (_, first, second) => {
    const { queue } = queueOf();
    queue.push(first);
    queue.push(second);
    queue.end();
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual([
      first,
      second,
      undefined,
    ]);
  });

  it('already taken are not touched by what comes next to them', async () => {
    const { queue } = queueOf();
    queue.push(snapshotItem(arena.subarray(0, 4)));
    const taken = await queue.take();
    queue.push(snapshotItem(arena.subarray(4)));
    expect(taken).toEqual(snapshotItem(arena.subarray(0, 4)));
    expect(await queue.take()).toEqual(snapshotItem(arena.subarray(4)));
  });

  it('lose no byte and no place, however they are pushed and taken', async () => {
    const random = randomFrom(runSeed());
    const bytes = random.bytes(20_000);
    const { queue } = queueOf(2000, 500);
    let pushed = 0;
    let said = '';
    while (said.length < bytes.length) {
      for (let n = random.integer(0, 8); n > 0 && pushed < bytes.length; n--) {
        const end = Math.min(bytes.length, pushed + random.integer(1, 400));
        const view = bytes.subarray(pushed, end);
        queue.push(streamItem(random.float() < 0.2 ? new Uint8Array(view) : view, end));
        pushed = end;
      }
      if (said.length === pushed) continue;
      const item = (await queue.take()) as StreamItem;
      said += textOf(item.bytes);
      expect(item.offset, `seed ${random.seed}`).toBe(said.length);
    }
    expect(said, `seed ${random.seed}`).toBe(textOf(bytes));
  });
});

describe('what waits', () => {
  it('pauses once at the upper limit and resumes once at the lower', async () => {
    const { queue, calls } = queueOf(100, 25);
    const push = (length: number) => queue.push(snapshotItem(new Uint8Array(length)));
    push(60);
    push(39);
    expect([queue.full, calls]).toEqual([false, []]);
    push(1);
    push(500);
    expect([queue.full, calls]).toEqual([true, ['full']]);
    await queue.take();
    await queue.take();
    await queue.take();
    expect(queue.full).toBe(true);
    await queue.take();
    expect([queue.full, calls]).toEqual([false, ['full', 'drained']]);
    push(24);
    push(76);
    expect(calls).toEqual(['full', 'drained', 'full']);
    await queue.take();
    expect(queue.full).toBe(true);
    await queue.take();
    expect(calls).toEqual(['full', 'drained', 'full', 'drained']);
  });

  it('counts bytes that were joined', async () => {
    const { queue, calls } = queueOf(8, 2);
    const memory = new Uint8Array(8);
    for (let i = 0; i < 8; i++) queue.push(snapshotItem(memory.subarray(i, i + 1)));
    expect(calls).toEqual(['full']);
    await queue.take();
    expect(calls).toEqual(['full', 'drained']);
  });
});

describe('a queue is drained', () => {
  /** Whether it is so far. */
  async function isDrained(queue: ItemQueue): Promise<boolean> {
    return Promise.race([queue.drained().then(() => true), settled().then(() => false)]);
  }

  async function settled(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  it('when the next item is asked for and none waits, and not before', async () => {
    const { queue } = queueOf();
    expect(await isDrained(queue)).toBe(false);
    queue.push(fullResync(1));
    queue.push(snapshotItem(Uint8Array.of(1)));
    await queue.take();
    expect(await isDrained(queue)).toBe(false);
    const draining = queue.drained();
    await queue.take();
    expect(await isDrained(queue)).toBe(false);
    const waiting = queue.take();
    await draining;
    expect(await isDrained(queue)).toBe(true);
    queue.push(fullResync(2));
    expect(await isDrained(queue)).toBe(false);
    await waiting;
    expect(await isDrained(queue)).toBe(false);
  });
});

describe('the end', () => {
  it('comes after what is queued, and nothing comes after it', async () => {
    const { queue } = queueOf();
    queue.push(fullResync(1));
    queue.end();
    queue.push(fullResync(2));
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual([
      fullResync(1),
      undefined,
      undefined,
    ]);
  });

  it('wakes who waits', async () => {
    const { queue } = queueOf();
    const waiting = queue.take();
    queue.end();
    expect(await waiting).toBeUndefined();
  });

  it('by failure drops what is queued', async () => {
    const { queue } = queueOf();
    queue.push(fullResync(1));
    queue.fail(ABORTED);
    await expect(queue.take()).rejects.toBe(ABORTED);
    await expect(queue.take()).rejects.toBe(ABORTED);
  });

  it('by failure wakes who waits, and goes before an end', async () => {
    const { queue } = queueOf();
    const waiting = queue.take();
    queue.fail(ABORTED);
    queue.end();
    await expect(waiting).rejects.toBe(ABORTED);
    await expect(queue.take()).rejects.toBe(ABORTED);
  });
});
