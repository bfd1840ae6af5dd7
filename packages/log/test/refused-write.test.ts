import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeCommand } from '@forebay/resp';
import { SimulatedClock } from '@forebay/testkit';
import { expect, it } from 'vitest';
import type { Disk } from '../src/index.ts';
import { Log, nodeDisk } from '../src/index.ts';
import { A, addBase, append, B, collect, freshDirectory, giveBase } from './directories.ts';

const SET = encodeCommand(['SET', 'key', 'value']);
const HOUR = 3_600_000;

/** The real disk, on which increments are full while `refusing.stream` is set, indexes with `index`, and syncs fail with `sync`. */
function limitedDisk() {
  const refusing = { stream: false, index: false, sync: false };
  const full = () => Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const disk: Disk = Object.create(nodeDisk, {
    open: {
      value: async (path: string, mode: 'read' | 'write' | 'create') => {
        const file = await nodeDisk.open(path, mode);
        const isIndex = path.endsWith('.index');
        if (!path.endsWith('.incr.aof') && !isIndex) return file;
        return Object.create(file, {
          write: {
            value: (bytes: Uint8Array, place: number) => {
              if (isIndex ? refusing.index : refusing.stream) throw full();
              return file.write(bytes, place);
            },
          },
          sync: { value: () => (refusing.sync ? Promise.reject(full()) : file.sync()) },
          read: { value: (into: Uint8Array, place: number) => file.read(into, place) },
          size: { value: () => file.size() },
          truncate: { value: (size: number) => file.truncate(size) },
          close: { value: () => file.close() },
        });
      },
    },
  });
  return { disk, refusing };
}

it('a log can still be read after a failed write, by waiting and by new readers', async () => {
  const { disk, refusing } = limitedDisk();
  const log = await Log.open(await freshDirectory(), { disk, fsync: 'no' });
  await giveBase(log, 0);
  await append(log, SET);
  const waiting = log.read({ id: A, offset: 0 });
  await waiting.next();
  const more = waiting.next();
  refusing.stream = true;
  await expect(append(log, SET)).rejects.toMatchObject({ code: 'IO', errno: 'ENOSPC' });
  expect(log.readable).toBe(true);
  expect([log.history?.id, log.written]).toEqual([A, SET.length]);
  const held = await collect(log.read({ id: A, offset: 0 }, { follow: false }));
  expect(held).toHaveLength(SET.length);
  await (await log.openBase()).close();
  // Nobody told the waiting reader that there is an end.
  await expect(
    Promise.race([more, new Promise((done) => setTimeout(done, 50, 'waits'))]),
  ).resolves.toBe('waits');
  await log.close();
  expect((await more).done).toBe(true);
});

it('a log opened on a full disk can be read, accepts no writes, and reports no new sync', async () => {
  const directory = await freshDirectory();
  const first = await Log.open(directory);
  await giveBase(first, 0);
  await append(first, SET);
  await first.close();
  const { disk, refusing } = limitedDisk();
  refusing.index = true;
  const log = await Log.open(directory, { disk });
  expect(log.failure).toMatchObject({ code: 'IO', errno: 'ENOSPC' });
  expect([log.history?.id, log.written, log.readable]).toEqual([A, SET.length, true]);
  expect(await collect(log.read({ id: A, offset: 0 }, { follow: false }))).toHaveLength(SET.length);
  await expect(append(log, SET)).rejects.toMatchObject({ errno: 'ENOSPC' });
  await log.close();
  await using again = await Log.open(directory);
  expect([again.failure, again.written]).toEqual([undefined, SET.length]);
});

it('a log still applies retention after a failed write', async () => {
  const { disk, refusing } = limitedDisk();
  const clock = new SimulatedClock();
  const log = await Log.open(await freshDirectory(), { disk, clock, fsync: 'no' });
  await giveBase(log, 0);
  await append(log, SET);
  await addBase(log, log.written);
  clock.advance(HOUR);
  refusing.stream = true;
  await expect(append(log, SET)).rejects.toMatchObject({ errno: 'ENOSPC' });
  expect((await log.retain({ time: HOUR })).removed).toBeGreaterThan(0);
  await expect(append(log, SET)).rejects.toMatchObject({ errno: 'ENOSPC' });
  await log.close();
});

it('a log cannot be read after a failed sync: unsynced bytes are discarded', async () => {
  const { disk, refusing } = limitedDisk();
  const log = await Log.open(await freshDirectory(), { disk, fsync: 'always' });
  await giveBase(log, 0);
  await append(log, SET);
  refusing.sync = true;
  await expect(append(log, SET)).rejects.toMatchObject({ errno: 'ENOSPC' });
  expect(log.readable).toBe(false);
  await log.close();
});

it('the size of a log counts all files, and separately those that retention never removes', async () => {
  const directory = await freshDirectory();
  const onDisk = async () => {
    const inner = join(directory, 'appendonlydir');
    const sizes = (await readdir(inner)).map(async (name) => (await stat(join(inner, name))).size);
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  };
  const log = await Log.open(directory, { fsync: 'no' });
  expect(log.size).toEqual({ total: 0, required: 0 });
  await giveBase(log, 0);
  for (let i = 0; i < 100; i++) await append(log, SET);
  expect(log.size).toEqual({ total: await onDisk(), required: await onDisk() });
  const before = log.size.total;
  await addBase(log, log.written);
  await append(log, SET);
  expect(log.size.total).toBe(await onDisk());
  expect(log.size.required).toBeLessThan(before);
  // The former index is kept for a copy that may be being made.
  await append(log, SET);
  await addBase(log, log.written - SET.length);
  expect(log.size.total).toBe(await onDisk());
  await giveBase(log, 5, 0, B);
  expect(log.size.total).toBe(await onDisk());
  const { required } = log.size;
  await log.retain({ hardLimit: 0 });
  expect(log.size).toEqual({ total: await onDisk(), required: expect.any(Number) });
  // The manifest has become shorter with what it names.
  expect(log.size.required).toBe(log.size.total);
  expect(log.size.required).toBeLessThanOrEqual(required);
  await log.close();
  await using again = await Log.open(directory);
  expect(again.size.total).toBe(await onDisk());
});

it('former indexes that are kept have no more than 4 MiB, but for the newest', async () => {
  const directory = await freshDirectory();
  const clock = new SimulatedClock();
  const log = await Log.open(directory, { fsync: 'no', clock });
  await giveBase(log, 0);
  for (let base = 0; base < 3; base++) {
    // A slow stream has two records for each write.
    for (let i = 0; i < 17_000; i++) {
      clock.jump(300);
      await append(log, SET);
    }
    await addBase(log, log.written - SET.length);
  }
  const inner = join(directory, 'appendonlydir');
  const indexes = (await readdir(inner)).filter((name) => name.endsWith('.index'));
  // One for each of four increments, and the last former one.
  expect(indexes).toHaveLength(5);
  await log.close();
});
