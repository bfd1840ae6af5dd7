import { startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { bytesOf, concatBytes, randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { check, type Log, LogError, LogView, planRestore, repair } from '../src/index.ts';
import { Changing, COPY, Copying } from './changing.ts';
import { A, B, collect } from './directories.ts';
import { DIRECTORY, Recording } from './restoring.ts';

const INNER = 'appendonlydir';
const PING = encodeCommand(['PING']);
const SELECT = encodeCommand(['SELECT', '0']);
const set = (value: string) => encodeCommand(['SET', 'key', value]);

const MANIFEST = 'appendonly.aof.manifest';
const BASE = 'appendonly.aof.1.base.rdb';
const STREAM = 'appendonly.aof.2.incr.aof';
const INDEX = 'appendonly.aof.2.index';

/** A log of 20 commands in spans of their own, that is written to. */
async function written(): Promise<Copying> {
  const copying = new Copying(await Recording.begun());
  await copying.recording.append(set('first'));
  await more(copying, 20);
  return copying;
}

async function more({ recording }: Copying, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    recording.clock.advance(300);
    await recording.append(set(String(i)));
  }
}

/** What a copy comes to, for all who open it; they agree. */
async function expectOpens(copying: Copying): Promise<{ log: Log; offset: number }> {
  const { process: disk } = copying.recording;
  const { findings } = await check(disk, COPY);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const plan = await planRestore(disk, COPY);
  const { position } = plan;
  expect(plan.notInCopy).toBeDefined();
  await plan.close();
  const view = await LogView.open(COPY, { disk });
  const seen = await collect(view.read({ id: position.id, offset: 0 }, { follow: false }));
  expect(view.end.offset).toBeGreaterThanOrEqual(position.offset);
  await view.close();
  const log = await copying.open();
  expect(log.found?.copied).toBeDefined();
  expect(log.found?.stream.boundary.offset).toBe(position.offset);
  const held = await collect(log.read({ id: position.id, offset: 0 }, { follow: false }));
  expect(held).toBe(seen);
  expect(held).toHaveLength(log.written);
  return { log, offset: position.offset };
}

describe('a copy made while the log is written to opens at the last confirmed span', () => {
  it.each<[string, (copying: Copying) => Promise<void>]>([
    [
      'its index was copied before the stream',
      async (copying) => {
        copying.takeAll([MANIFEST, BASE, INDEX]);
        await more(copying, 3);
        copying.take(STREAM);
      },
    ],
    [
      'its index was copied after the stream',
      async (copying) => {
        copying.takeAll([MANIFEST, BASE, STREAM]);
        await more(copying, 3);
        copying.take(INDEX);
      },
    ],
    [
      'the stream was padded with zeros',
      async (copying) => {
        copying.takeAll([MANIFEST, BASE, INDEX]);
        copying.take(STREAM, 500);
      },
    ],
    [
      'the manifest says that it was closed, and it was opened again',
      async (copying) => {
        const { recording } = copying;
        await recording.log.close();
        copying.take(MANIFEST);
        await recording.reopen();
        await more(copying, 3);
        copying.takeAll([BASE, INDEX, STREAM]);
      },
    ],
    [
      'it was closed after the stream was copied',
      async (copying) => {
        copying.takeAll([STREAM, BASE]);
        await more(copying, 3);
        await copying.recording.log.close();
        copying.takeAll([MANIFEST, INDEX]);
        await copying.recording.reopen();
      },
    ],
    [
      'a new file was begun after the directory was listed',
      async (copying) => {
        const names = copying.names;
        await copying.recording.log.rotate();
        await more(copying, 3);
        copying.takeAll(names);
      },
    ],
    [
      'a new file was begun after the stream was copied',
      async (copying) => {
        const names = copying.names;
        copying.take(STREAM);
        await more(copying, 3);
        await copying.recording.log.rotate();
        await more(copying, 3);
        copying.takeAll(names.filter((name) => name !== STREAM));
      },
    ],
    [
      'a new file was begun after the manifest was copied',
      async (copying) => {
        copying.take(MANIFEST);
        await copying.recording.log.rotate();
        await more(copying, 3);
        copying.takeAll(copying.names.filter((name) => name !== MANIFEST));
      },
    ],
  ])('where %s', async (_, copy) => {
    const copying = await written();
    const { boundary } = copying.recording;
    await copy(copying);
    const { log, offset } = await expectOpens(copying);
    expect(offset).toBeGreaterThan(boundary.offset - 3 * set('00').length);
    // It is a log as any other from here on.
    await log.append(PING, { offset: log.written + PING.length, database: 0 });
    const end = log.written;
    await log.close();
    const again = await copying.open();
    expect(again.found).toMatchObject({ offset: end, dropped: 0 });
    expect(again.found?.copied).toBeUndefined();
    await again.close();
  });

  it('where a full resync replaced the base meanwhile: at the end of the history before it', async () => {
    const copying = await written();
    const names = copying.names;
    const { boundary } = copying.recording;
    await copying.recording.begin(B, 5000);
    copying.takeAll(names);
    const { log, offset } = await expectOpens(copying);
    expect(log.history?.id).toBe(A);
    expect(offset).toBeGreaterThan(boundary.offset - 3 * set('00').length);
    await log.close();
  });

  it('where a step back began meanwhile: never in the discarded bytes', async () => {
    const copying = await written();
    const names = copying.names;
    copying.take(STREAM);
    const { offset } = copying.recording.boundary;
    await copying.recording.stepBack(offset - 100, B);
    await more(copying, 3);
    copying.takeAll(names.filter((name) => name !== STREAM));
    const { log } = await expectOpens(copying);
    expect(log.written).toBeLessThanOrEqual(offset - 100);
    expect(log.written).toBeGreaterThan(offset - 200);
    await log.close();
  });

  it('where a power cut before it had taken a span: before that', async () => {
    const copying = await written();
    copying.takeAll();
    const path = `${COPY}/${INNER}/${STREAM}`;
    const { disk } = copying.recording;
    const stream = disk.peek(path);
    const from = SELECT.length + set('first').length + set('0').length;
    disk.poke(path, stream.fill(0, from, from + set('1').length));
    const { log } = await expectOpens(copying);
    expect(log.written).toBe(from - SELECT.length);
    await log.close();
  });

  it('and says what it left out', async () => {
    const copying = await written();
    copying.takeAll([MANIFEST, BASE, INDEX]);
    await more(copying, 3);
    copying.take(STREAM);
    const { findings } = await check(copying.recording.process, COPY);
    expect(findings).toEqual([
      expect.objectContaining({ severity: 'warning', what: expect.stringMatching(/in this copy/) }),
    ]);
    await using plan = await planRestore(copying.recording.process, COPY);
    expect(plan.notInCopy).toEqual([
      { file: STREAM, what: expect.stringMatching(/^no checksum confirms the \d+ bytes after/) },
    ]);
    const log = await copying.open();
    expect(log.found?.dropped).toBeGreaterThan(0);
    await log.close();
  });

  it('keeps aside the files that it cannot use', async () => {
    const copying = await written();
    await copying.recording.begin(B, 5000);
    copying.takeAll(copying.names.filter((name) => name !== INDEX));
    const log = await copying.open();
    expect(log.found?.copied).toHaveLength(1);
    expect(log.history?.id).toBe(B);
    await log.close();
    expect(copying.recording.disk.paths()).toContain(`${COPY}/damaged-1/${STREAM}`);
  });

  it('and can be repaired like any log', async () => {
    const copying = await written();
    copying.takeAll([MANIFEST, BASE, STREAM]);
    await more(copying, 3);
    copying.take(INDEX);
    const { disk } = copying.recording;
    disk.flipBit(`${COPY}/${INNER}/${STREAM}`, 100, 3);
    const report = await repair(copying.recording.process, COPY);
    expect(report.refused).toBeUndefined();
    const { findings } = await check(copying.recording.process, COPY);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    await (await copying.open()).close();
  });
});

describe('a copy is refused', () => {
  it('where no base is in it', async () => {
    const copying = await written();
    copying.takeAll(copying.names.filter((name) => name !== BASE));
    const { process: disk } = copying.recording;
    for (const open of [() => copying.open(), () => planRestore(disk, COPY)]) {
      await expect(open()).rejects.toThrow(
        expect.objectContaining({
          code: 'CORRUPT',
          message: expect.stringContaining('Copy the directory again'),
        }),
      );
    }
    const { findings } = await check(disk, COPY);
    expect(findings.some(({ severity }) => severity === 'error')).toBe(true);
  });

  it.each([
    ['a SELECT', '', /a server has been started/],
    ['a time', '#TS:1700000000\r\n', /no sequence of commands/],
  ])(
    'where a server that begins with %s was started in it after a clean close',
    async (_, head, found) => {
      const copying = await written();
      await copying.recording.log.close();
      copying.takeAll();
      const path = `${COPY}/${INNER}/${STREAM}`;
      const { disk } = copying.recording;
      disk.poke(path, concatBytes([disk.peek(path), bytesOf(head), SELECT, set('foreign')]));
      for (const open of [() => copying.open(), () => planRestore(disk.process, COPY)]) {
        await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'FOREIGN' }));
      }
      const { findings } = await check(disk.process, COPY);
      expect(findings[0]?.what).toMatch(found);
    },
  );
});

it('a file that is missing from a directory that is no copy is damage', async () => {
  const { recording } = await written();
  await recording.log.rotate();
  await recording.log.close();
  await recording.process.remove(`${DIRECTORY}/${INNER}/${STREAM}`);
  await expect(recording.reopen()).rejects.toThrow(expect.objectContaining({ code: 'CORRUPT' }));
});

const RUNS = 150;
const STEPS = 30;

it('files copied in any order during any change give a prefix of the log', async () => {
  const seed = runSeed();
  let opened = 0;
  for (let run = 0; run < RUNS; run++) {
    const random = randomFrom(seed + run);
    const recording = await Recording.open(seed + run, { rotateAt: 1500 });
    await recording.begin(A, 0);
    const copying = new Copying(recording);
    const changing = new Changing(copying, random);
    for (let step = random.integer(0, STEPS); step > 0; step--) await changing.step();
    const names = copying.names.map((name) => ({ name, key: random.float() }));
    names.sort((a, b) => a.key - b.key);
    try {
      for (const { name } of names) {
        for (let step = random.integer(0, 2); step > 0; step--) await changing.step();
        copying.take(name, random.integer(0, 9) === 0 && name === STREAM ? 40 : 0);
      }
      await expectCopy(copying, changing);
      opened++;
    } catch (error) {
      // No base, or no increment, of the manifest was there when the directory was listed.
      if (!(error instanceof LogError && /no base|ENOENT/.test(error.message))) {
        (error as Error).message += `, FOREBAY_SEED=${seed + run}`;
        throw error;
      }
    }
    await recording.log.close();
    expect(recording.disk.openFiles).toBe(0);
  }
  expect(opened).toBeGreaterThan(RUNS * 0.8);
}, 120_000);

async function expectCopy(copying: Copying, changing: Changing): Promise<void> {
  const { recording } = copying;
  const plan = await planRestore(recording.process, COPY);
  const { position, base } = plan;
  await plan.close();
  const { findings } = await check(recording.process, COPY);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const log = await copying.open();
  try {
    const id = log.history!.id;
    const from = log.lowest!;
    const held = await collect(log.read({ id, offset: from }, { follow: false }));
    changing.expectTrue({ id, offset: log.written }, from, held);
    expect(base.offset).toBeGreaterThanOrEqual(from);
    expect(position).toEqual({ id, offset: log.found!.stream.boundary.offset });
    await log.setHistory(startHistory(B));
    await log.append(PING, { offset: log.written + PING.length, database: 0 });
  } finally {
    await log.close();
  }
  const again = await copying.open();
  expect(again.found?.copied).toBeUndefined();
  await again.close();
}
