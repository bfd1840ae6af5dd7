import { startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Disk, LogCopy, LogProgress } from '../src/index.ts';
import { check, copyLog, isLogDirectory, Log, planRestore } from '../src/index.ts';
import { Changing, COPY, Copying } from './changing.ts';
import { A, B, collect } from './directories.ts';
import { DIRECTORY, Recording } from './restoring.ts';

const PING = encodeCommand(['PING']);
const set = (value: string) => encodeCommand(['SET', 'key', value]);

/** A log of 20 commands, the last of which have no record in the index yet. */
async function written(): Promise<Recording> {
  const recording = await Recording.begun();
  for (let i = 0; i < 20; i++) {
    recording.clock.advance(i < 17 ? 300 : 1);
    await recording.append(set(String(i)));
  }
  return recording;
}

const copyOf = ({ process }: Recording) => copyLog(process, DIRECTORY, COPY);
const openCopy = ({ process: disk, clock }: Recording) =>
  Log.open(COPY, { disk, clock, fsync: 'no' });
const pathsBelow = ({ disk }: Recording, directory: string) =>
  disk.paths().filter((path) => path.startsWith(`${directory}/`));

describe('a copy of a log that is written to', () => {
  it('holds the stream to its last byte, as a log that was closed cleanly', async () => {
    const recording = await written();
    const { position } = recording;
    const copied = await copyOf(recording);
    expect(copied).toMatchObject({ position, files: 4, notInCopy: undefined });
    const sizes = pathsBelow(recording, COPY).map((path) => recording.disk.peek(path).length);
    expect(copied.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(pathsBelow(recording, COPY)).toHaveLength(copied.files);
    const { findings } = await check(recording.process, COPY);
    expect(findings).toEqual([]);
    const log = await openCopy(recording);
    expect(log.found).toMatchObject({ offset: position.offset, dropped: 0 });
    expect(log.found?.copied).toBeUndefined();
    await log.close();
  });

  it('does not change when the log or the copy is appended to', async () => {
    const recording = await written();
    const { position } = recording;
    await copyOf(recording);
    await recording.append(PING);
    const log = await openCopy(recording);
    await log.append(set('of the copy'), {
      offset: log.written + set('of the copy').length,
      database: 0,
    });
    expect(recording.position.offset).toBe(position.offset + PING.length);
    await log.close();
    for (const directory of [DIRECTORY, COPY]) {
      expect((await check(recording.process, directory)).findings).toEqual([]);
    }
  });

  it('keeps cursors, and leaves out the pins of readers that run', async () => {
    const recording = await written();
    const cursor = await recording.log.cursor('reader', { id: A, offset: 0 });
    expect(cursor.position.offset).toBe(0);
    const path = (name: string) => `${DIRECTORY}/cursors/${name}.cursor`;
    recording.disk.poke(path('reader~'), recording.disk.peek(path('reader')));
    expect((await copyOf(recording)).files).toBe(5);
    const cursors = pathsBelow(recording, `${COPY}/cursors`);
    expect(cursors).toEqual([`${COPY}/cursors/reader.cursor`]);
  });

  it('has hard links to the bases, or copies of them where the file system has no hard links', async () => {
    const recording = await written();
    const size = recording.log.base!.size;
    expect(await copyOf(recording)).toMatchObject({ linked: size });
    const { process } = recording;
    recording.disk.failNext('link', 'EXDEV');
    expect(await copyLog(process, DIRECTORY, '/other')).toMatchObject({ linked: 0 });
    expect((await check(process, '/other')).findings).toEqual([]);
  });

  it('survives a power cut once the call has returned', async () => {
    const recording = await written();
    const { position } = await copyOf(recording);
    await recording.log.close();
    recording.disk.crash('power');
    expect((await check(recording.process, COPY)).findings).toEqual([]);
    const plan = await planRestore(recording.process, COPY);
    expect(plan.position).toEqual(position);
    await plan.close();
  });

  it('is the settled log where the log is itself a copy made file by file', async () => {
    const recording = await written();
    const copying = new Copying(recording);
    copying.takeAll(copying.names.filter((name) => !name.endsWith('.incr.aof')));
    await recording.append(PING);
    copying.takeAll(copying.names.filter((name) => name.endsWith('.incr.aof')));
    const copied = await copyLog(recording.process, COPY, '/second');
    expect(copied.notInCopy).toHaveLength(1);
    expect((await check(recording.process, '/second')).findings).toEqual([]);
    await recording.log.close();
  });
});

describe('a copy that fails leaves nothing that can be taken for a log', () => {
  const operations = ['open', 'write', 'sync', 'read', 'rename', 'makeDirectory', 'syncDirectory'];
  it.each(operations)('where %s is refused at any time', async (operation) => {
    let failures = 0;
    for (let nth = 0; ; nth++) {
      const recording = await written();
      const disk = failingAt(recording.process, operation, nth);
      const copied = await copyLog(disk, DIRECTORY, COPY).catch((error: Error) => error);
      if (!(copied instanceof Error)) break;
      failures++;
      expect(copied).toMatchObject({ code: 'IO', errno: 'EIO' });
      expect(pathsBelow(recording, COPY)).toEqual([]);
      await recording.log.close();
      expect(recording.disk.openFiles).toBe(0);
    }
    expect(failures).toBeGreaterThan(0);
  });

  it('where it is aborted', async () => {
    const recording = await written();
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error('stopped'));
    const copied = copyLog(recording.process, DIRECTORY, COPY, {
      onProgress,
      signal: abort.signal,
    });
    await expect(copied).rejects.toThrow('stopped');
    expect(pathsBelow(recording, COPY)).toEqual([]);
  });

  it('where the process or the machine stops at any time', async () => {
    const seed = runSeed();
    const random = randomFrom(seed);
    for (let run = 0; run < 60; run++) {
      const recording = await written();
      await recording.log.close();
      let calls = random.integer(0, 60);
      const stopping = everyCall(recording.process, () => {
        if (calls-- === 0) recording.disk.crash(random.pick(['process', 'power']));
      });
      await copyLog(stopping, DIRECTORY, COPY).catch(() => {});
      if (!(await isLogDirectory(recording.process, COPY))) continue;
      const { findings } = await check(recording.process, COPY);
      expect(findings, `FOREBAY_SEED=${seed}`).toEqual([]);
    }
  });
});

describe('a copy is refused', () => {
  it('where the directory of the copy is not empty, which stays as it is', async () => {
    const recording = await written();
    recording.disk.poke(`${COPY}/file`, PING);
    await expect(copyOf(recording)).rejects.toThrow(/\/copy is not empty/);
    expect(pathsBelow(recording, COPY)).toEqual([`${COPY}/file`]);
  });

  it('where there is no log', async () => {
    const recording = await written();
    const copied = copyLog(recording.process, '/nothing', COPY);
    await expect(copied).rejects.toThrow(expect.objectContaining({ code: 'FOREIGN' }));
    expect(pathsBelow(recording, COPY)).toEqual([]);
  });

  it('where the end of the log is damaged', async () => {
    const recording = await Recording.begun();
    await recording.append(set('x'.repeat(1000)));
    await recording.log.sync();
    await recording.log.close();
    const name = pathsBelow(recording, DIRECTORY).find((path) => path.endsWith('.incr.aof'))!;
    recording.disk.flipBit(name, 500, 3);
    await expect(copyOf(recording)).rejects.toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(pathsBelow(recording, COPY)).toEqual([]);
  });
});

const RUNS = 80;

it('a copy made during any change of the log holds what was synced before, byte for byte', async () => {
  const seed = runSeed();
  let changed = 0;
  for (let run = 0; run < RUNS; run++) {
    const random = randomFrom(seed + run);
    let progress: LogProgress = { written: 0, synced: 0 };
    const onProgress = (each: LogProgress) => {
      progress = each;
    };
    const recording = await Recording.open(seed + run, { rotateAt: 1500, onProgress });
    await recording.begin(A, 0);
    const changing = new Changing(new Copying(recording), random);
    for (let step = random.integer(0, 30); step > 0; step--) await changing.step();
    try {
      const { synced } = progress;
      const { id } = recording.position;
      let left = random.integer(0, 12);
      const often = random.float();
      const disk = beforeEach(recording.process, async () => {
        if (left === 0 || random.float() > often) return;
        left--;
        changed++;
        await changing.step();
      });
      const copied = await copyLog(disk, DIRECTORY, COPY);
      if (copied.position.id === id) expect(copied.position.offset).toBeGreaterThanOrEqual(synced);
      await expectCopy(recording, changing, copied);
    } catch (error) {
      (error as Error).message += `, FOREBAY_SEED=${seed + run}`;
      throw error;
    }
    await recording.log.close();
    expect(recording.disk.openFiles).toBe(0);
  }
  expect(changed).toBeGreaterThan(RUNS);
}, 120_000);

async function expectCopy(
  recording: Recording,
  changing: Changing,
  { position }: LogCopy,
): Promise<void> {
  const { process } = recording;
  expect((await check(process, COPY)).findings).toEqual([]);
  const plan = await planRestore(process, COPY);
  await plan.close();
  const log = await openCopy(recording);
  try {
    expect(log.found).toMatchObject({ offset: position.offset, dropped: 0 });
    expect(log.history?.id).toBe(position.id);
    const from = log.lowest!;
    const held = await collect(log.read({ id: position.id, offset: from }, { follow: false }));
    changing.expectTrue(position, from, held);
    await log.setHistory(startHistory(B));
    await log.append(PING, { offset: log.written + PING.length, database: 0 });
  } finally {
    await log.close();
  }
}

const CALLS = ['open', 'stat', 'list', 'link', 'rename', 'remove', 'removeTree', 'makeDirectory'];

/** A disk that runs something before each call by the copy. */
function beforeEach(disk: Disk, run: () => Promise<void>): Disk {
  return new Proxy(disk, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (CALLS.includes(String(name))) await run();
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}

/** The same for the calls on its files. */
function everyCall(disk: Disk, run: (name: string) => void): Disk {
  const wrap = <T extends object>(what: T): T =>
    new Proxy(what, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          run(String(name));
          const result = (await Reflect.apply(value, target, args)) as unknown;
          return name === 'open' ? wrap(result as object) : result;
        };
      },
    });
  return wrap(disk);
}

/** A disk on which an operation fails once. */
function failingAt(disk: Disk, operation: string, nth: number): Disk {
  let count = 0;
  return everyCall(disk, (name) => {
    if (name !== operation || count++ !== nth) return;
    throw Object.assign(new Error('EIO'), { code: 'EIO' });
  });
}
