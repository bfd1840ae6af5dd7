import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeCommand } from '@forebay/resp';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Log } from '../src/index.ts';
import type { Base, Increment, Manifest } from '../src/manifest/manifest.ts';
import { prune } from '../src/retention/retain.ts';
import { A, addBase, append, B, collect, freshDirectory, giveBase } from './directories.ts';

const SET = encodeCommand(['SET', 'key', 'value']);
const HOUR = 3_600_000;

const at = (offset: number, id = A) => ({ id, offset });

async function opened(directory: string) {
  const clock = new SimulatedClock();
  const log = await Log.open(directory, { clock, fsync: 'no' });
  await giveBase(log, 0);
  return { log, clock };
}

/** An hour of stream, and a base at its end. */
async function hourWithBase(log: Log, clock: SimulatedClock): Promise<number> {
  await append(log, SET);
  clock.advance(HOUR);
  await addBase(log, log.written);
  return log.written;
}

const filesIn = async (directory: string) =>
  (await readdir(join(directory, 'appendonlydir'))).filter((name) => /aof\.\d/.test(name)).length;

describe('what is past', () => {
  it('goes when the base after it is older than is to be gone back to', async () => {
    const directory = await freshDirectory();
    const { log, clock } = await opened(directory);
    const first = await hourWithBase(log, clock);
    const second = await hourWithBase(log, clock);
    expect(await log.retain({ time: 3 * HOUR })).toMatchObject({ removed: 0 });
    expect(log.lowest).toBe(0);
    // The second base was taken in this moment, the first an hour ago.
    await log.retain({ time: HOUR });
    expect(log.lowest).toBe(first);
    await log.retain({ time: 0 });
    expect(log.lowest).toBe(second);
    // A base, a file and its index.
    expect(await filesIn(directory)).toBe(3);
    await log.close();
    await using again = await Log.open(directory);
    expect(again.found?.offset).toBe(second);
  });

  it('never is the newest base, nor what follows it', async () => {
    const { log, clock } = await opened(await freshDirectory());
    await append(log, SET);
    clock.advance(1000 * HOUR);
    expect(await log.retain({ time: 0, size: 0, hardLimit: 0 })).toMatchObject({ removed: 0 });
    const held = await collect(log.read(at(0), { follow: false }));
    expect(held).toBe(Buffer.from(SET).toString('latin1'));
    await log.close();
  });

  it('goes by size, oldest first, as far as needed', async () => {
    const { log, clock } = await opened(await freshDirectory());
    const first = await hourWithBase(log, clock);
    await hourWithBase(log, clock);
    const { held } = await log.retain({ size: 1e9 });
    await log.retain({ size: held - 1 });
    expect(log.lowest).toBe(first);
    await log.close();
  });

  it('of another history goes by when it ended', async () => {
    const { log, clock } = await opened(await freshDirectory());
    await append(log, SET);
    await giveBase(log, 500, 0, B);
    clock.advance(HOUR);
    await log.retain({ time: 2 * HOUR });
    expect(await collect(log.read(at(0), { follow: false }))).toHaveLength(SET.length);
    await log.retain({ time: HOUR });
    await expect(log.read(at(0)).next()).rejects.toThrow(/is not held/);
    await log.close();
  });
});

describe('what is still needed', () => {
  it('by a cursor stays, though the base before it goes', async () => {
    const { log, clock } = await opened(await freshDirectory());
    const first = await hourWithBase(log, clock);
    await hourWithBase(log, clock);
    await log.cursor('slow', at(first));
    const { cutOff } = await log.retain({ time: 0 });
    expect(cutOff).toEqual([]);
    expect(await collect(log.read(at(first), { follow: false }))).toHaveLength(SET.length);
    await expect(log.read(at(0)).next()).rejects.toThrow(/is not held/);
    await log.close();
  });

  it('by a cursor whose file is damaged is not known: all stays, up to the hard limit', async () => {
    const directory = await freshDirectory();
    const { log, clock } = await opened(directory);
    await hourWithBase(log, clock);
    await log.cursor('odd', at(log.written));
    await writeFile(join(directory, 'cursors', 'odd.cursor'), 'x');
    await log.retain({ time: 0 });
    expect(await collect(log.read(at(0), { follow: false }))).toHaveLength(SET.length);
    const { cutOff } = await log.retain({ time: 0, hardLimit: 1 });
    expect(cutOff).toContainEqual(expect.objectContaining({ name: 'odd' }));
    await log.close();
  });

  it('by one who reads stays until it has gone on', async () => {
    const { log, clock } = await opened(await freshDirectory());
    const items = log.read(at(0));
    const began = items.next();
    const first = await hourWithBase(log, clock);
    await began;
    await hourWithBase(log, clock);
    await log.retain({ time: 0 });
    await expect(log.read(at(0)).next()).rejects.toThrow(/is not held/);
    expect((await items.next()).value).toMatchObject({ offset: first + SET.length });
    await log.close();
  });

  it('by one who holds a place stays, wherever that is by now, and goes at the hard limit', async () => {
    const { log, clock } = await opened(await freshDirectory());
    const first = await hourWithBase(log, clock);
    const second = await hourWithBase(log, clock);
    let cut = 0;
    const place = { offset: 0, name: 'replica a:1', cutOff: () => cut++ };
    const letGo = log.hold(place);
    const isHeld = (offset: number) =>
      collect(log.read(at(offset), { follow: false })).then(
        () => true,
        () => false,
      );
    await log.retain({ time: 0 });
    expect(await isHeld(0)).toBe(true);
    place.offset = first;
    await log.retain({ time: 0 });
    expect([await isHeld(0), await isHeld(first)]).toEqual([false, true]);
    expect(cut).toBe(0);
    const { cutOff } = await log.retain({ time: 0, hardLimit: 1 });
    expect(cutOff).toEqual([expect.objectContaining({ name: 'replica a:1', offset: first })]);
    expect(cut).toBe(1);
    expect([await isHeld(first), await isHeld(second)]).toEqual([false, true]);
    letGo();
    await log.close();
  });

  it('goes all the same at the hard limit, which says whom it cut off', async () => {
    const { log, clock } = await opened(await freshDirectory());
    await hourWithBase(log, clock);
    await hourWithBase(log, clock);
    const cursor = await log.cursor('slow', at(0));
    const reader = log.read(at(0), { name: 'reader' });
    const started = log.read(at(log.written));
    void started.next();
    const { cutOff } = await log.retain({ time: 0, hardLimit: 1 });
    expect(cutOff).toEqual([expect.objectContaining({ name: 'slow', offset: 0 })]);
    await expect(reader.next()).rejects.toThrow(/is not held/);
    await expect(cursor.read().next()).rejects.toThrow(
      expect.objectContaining({ code: 'NOT_COVERED' }),
    );
    await log.close();
  });
});

it('retention that deletes nothing adds up the sizes of a large log a few times only', () => {
  const [first, ...others] = Array.from({ length: 400 }, (_, i): Increment => {
    const [name, index] = [`${i}.incr.aof`, `${i}.index`];
    return { name, index, sequence: i, startOffset: i * 100, database: 0 };
  });
  const bases = Array.from({ length: 24 }, (_, i): Base => {
    return { name: `${i}.rdb`, sequence: i, offset: i * 1600, size: 1, crc: 0, time: i };
  });
  const increments = [first!, ...others] as const;
  const live = { number: 1, ids: [{ id: A, from: 0 }], aliases: [], bases, increments } as const;
  const manifest: Manifest = { live, past: [] };
  let read = 0;
  const sizes = new Map<string, number>();
  sizes.get = () => {
    read++;
    return 1;
  };
  const files = 2 * increments.length + bases.length;
  const pruned = prune(manifest, [], sizes, HOUR, { time: 24 * HOUR, hardLimit: files });
  expect(pruned).toEqual({ manifest, cutOff: [] });
  expect(read).toBeLessThan(4 * files);
});
