import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeCommand } from '@forebay/resp';
import { concatBytes, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Log, nodeDisk, planRestore, restore } from '../src/index.ts';
import { A, append, B, freshDirectory, giveBase } from './directories.ts';
import { DIRECTORY, OUT, RDB, Recording } from './restoring.ts';

const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'a value']);
const [MULTI, EXEC] = [encodeCommand(['MULTI']), encodeCommand(['EXEC'])];
const select = (database: number) => encodeCommand(['SELECT', String(database)]);

const at = (offset: number, id = A) => ({ position: { id, offset } });
const START = 1000;

/** Commands, and transactions: each may be followed by a cut. */
const WHOLES: readonly Uint8Array[] = [
  SET,
  PING,
  select(3),
  concatBytes([MULTI, SET, select(11), SET, EXEC]),
  SET,
  select(0),
  concatBytes([MULTI, EXEC]),
  PING,
];
const DATABASES = [2, 2, 2, 3, 11, 11, 0, 0, 0];
const STREAM = concatBytes([...WHOLES]);

/** Where the wholes end, from the base on. */
const CUTS: readonly number[] = [0, ...WHOLES.keys()].map(
  (_, i) => START + concatBytes(WHOLES.slice(0, i)).length,
);

/** A log of three files and two bases: the second stands after the transaction. */
async function manyFiles(): Promise<Recording> {
  const recording = await Recording.begun(START, DATABASES[0]);
  for (const [i, whole] of WHOLES.entries()) {
    await recording.append(whole);
    if (i === 1) await recording.log.rotate();
    if (i === 3) await recording.addBase(CUTS[4]!);
  }
  return recording;
}

describe('a position', () => {
  it('each of the stream is gone back to at the last whole command or transaction', async () => {
    const recording = await manyFiles();
    for (let offset = START; offset <= START + STREAM.length; offset++) {
      await using plan = await planRestore(recording.process, DIRECTORY, at(offset));
      const i = CUTS.findLastIndex((cut) => cut <= offset);
      expect(plan.position).toEqual({ id: A, offset: CUTS[i] });
      expect(plan.database).toBe(DATABASES[i]);
      expect(plan.base.offset).toBe(i < 4 ? START : CUTS[4]);
    }
  });

  it('is written as base and stream, byte for byte, each file with its database', async () => {
    const recording = await manyFiles();
    for (const [i, cut] of CUTS.entries()) {
      const { base, parts, stream, bytes } = await recording.restored(at(cut));
      const from = i < 4 ? START : CUTS[4]!;
      expect(base).toBe(textOf(RDB));
      expect(stream).toBe(textOf(STREAM.subarray(from - START, cut - START)));
      const starts = [START, CUTS[2]!, CUTS[4]!].filter(
        (start) => start >= from && (start === from || start < cut),
      );
      const databases = starts.map((start) => DATABASES[CUTS.indexOf(start)]);
      expect(parts.map(({ database }) => database)).toEqual(databases);
      const sizes = recording.disk.paths().filter((path) => /^\/out.*\.(rdb|aof)$/.test(path));
      expect(bytes).toBe(sizes.reduce((sum, path) => sum + recording.disk.peek(path).length, 0));
    }
  });

  it('of one file is the base, and the stream with the databases between', async () => {
    const recording = await manyFiles();
    const { files, base, stream } = await recording.restored(at(CUTS[3]!), true);
    expect(files).toEqual(['appendonly.aof']);
    expect(base).toBe(textOf(RDB));
    // The SELECT of the second file stays: the database is the same with it and without.
    const expected = [...WHOLES.slice(0, 2), select(2), WHOLES[2]!];
    expect(stream).toBe(textOf(concatBytes(expected)));
  });

  it('by an id that the history had before, and written in capitals', async () => {
    const recording = await Recording.begun(START);
    await recording.append(SET);
    await recording.log.setHistory({ id: B, secondId: A, secondIdLimit: START });
    await recording.append(PING);
    const { reached, stream } = await recording.restored(at(START + SET.length, A.toUpperCase()));
    expect(reached).toEqual({ id: B, offset: START + SET.length });
    expect(stream).toBe(textOf(SET));
    // Under the old id there is nothing after the shift.
    const beyond = planRestore(recording.process, DIRECTORY, at(START + SET.length + 1));
    await expect(beyond).rejects.toThrow(expect.objectContaining({ code: 'NOT_COVERED' }));
  });

  it.each([
    ['before the oldest base', START - 1, A],
    ['after the end', START + STREAM.length + 1, A],
    ['of another history', START, B],
  ])('%s is refused, and what is covered is said', async (_, offset, id) => {
    const recording = await manyFiles();
    const open = recording.disk.openFiles;
    await expect(planRestore(recording.process, DIRECTORY, at(offset, id))).rejects.toThrow(
      expect.objectContaining({
        code: 'NOT_COVERED',
        message: expect.stringMatching(
          `^${id}:${offset} cannot be restored from /data, which covers ${A}:${START} \\(20`,
        ),
      }),
    );
    expect(recording.disk.openFiles).toBe(open);
  });
});

describe('the end', () => {
  it('is the last whole command: of a log that is written to, and of one that was closed', async () => {
    const recording = await Recording.begun();
    await recording.append(SET, SET.subarray(0, 9));
    const open = await recording.restored();
    expect([open.reached.offset, open.stream]).toEqual([SET.length, textOf(SET)]);
    await recording.append(SET.subarray(9), MULTI, SET);
    await recording.log.close();
    expect((await recording.restored()).stream).toBe(textOf(concatBytes([SET, SET])));
  });

  it('after a kill is that of the file, and after a power cut what was synced at the least', async () => {
    const recording = await Recording.begun();
    await recording.append(SET);
    await recording.log.sync();
    await recording.append(PING);
    recording.disk.crash('process');
    expect((await recording.restored()).stream).toBe(textOf(concatBytes([SET, PING])));
    recording.disk.crash('power');
    expect((await recording.restored()).stream).toBe(textOf(SET));
  });

  it('of a log without any stream is its base', async () => {
    const recording = await Recording.begun(START, 7);
    const { stream, parts, reached } = await recording.restored();
    expect(stream).toBe('');
    expect(parts).toEqual([{ database: 7, stream: '' }]);
    expect(reached.offset).toBe(START);
  });
});

describe('what is written', () => {
  async function onDisk() {
    const directory = await freshDirectory();
    await using log = await Log.open(join(directory, 'data'));
    await giveBase(log, START);
    await append(log, SET);
    const plan = await planRestore(nodeDisk, join(directory, 'data'));
    return { directory, plan, out: join(directory, 'out') };
  }

  it('is for its owner only, under names and a manifest as servers have them', async () => {
    const { plan, out } = await onDisk();
    await restore(plan, out);
    await plan.close();
    expect((await stat(out)).mode & 0o777).toBe(0o700);
    const inner = join(out, 'appendonlydir');
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
    expect((await readdir(inner)).sort()).toEqual([
      'appendonly.aof.1.base.rdb',
      'appendonly.aof.2.incr.aof',
      'appendonly.aof.manifest',
    ]);
    expect(await readFile(join(inner, 'appendonly.aof.manifest'), 'utf8')).toBe(
      'file appendonly.aof.1.base.rdb seq 1 type b\n' +
        'file appendonly.aof.2.incr.aof seq 2 type i\n',
    );
    await expect(Log.open(out)).rejects.toThrow(expect.objectContaining({ code: 'FOREIGN' }));
  });

  it('goes into a directory that is empty, or not there, and leaves nothing beside it', async () => {
    const { directory, plan, out } = await onDisk();
    await mkdir(out);
    await restore(plan, out);
    await restore(plan, join(directory, 'deep', 'er', '/'));
    await plan.close();
    expect((await readdir(directory)).sort()).toEqual(['data', 'deep', 'out']);
    expect(await readdir(join(directory, 'deep'))).toEqual(['er']);
    expect((await stat(out)).mode & 0o777).toBe(0o700);
  });

  it('never goes into a directory that holds something, which stays', async () => {
    const { directory, plan, out } = await onDisk();
    await mkdir(out);
    await writeFile(join(out, 'dump.rdb'), 'theirs');
    await expect(restore(plan, out)).rejects.toThrow(
      expect.objectContaining({ code: 'FOREIGN', message: expect.stringMatching(/not empty/) }),
    );
    await plan.close();
    expect(await readdir(out)).toEqual(['dump.rdb']);
    expect((await readdir(directory)).sort()).toEqual(['data', 'out']);
  });

  it('is told as it goes, up to all of it', async () => {
    const recording = await manyFiles();
    await using plan = await planRestore(recording.process, DIRECTORY);
    const told: number[] = [];
    const { bytes } = await restore(plan, OUT, {
      onProgress({ read, total }) {
        expect(total).toBe(plan.bytes);
        told.push(read);
      },
    });
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect([told.at(-1), bytes]).toEqual([plan.bytes, plan.bytes]);
  });

  it('goes when it is stopped', async () => {
    const recording = await manyFiles();
    await using plan = await planRestore(recording.process, DIRECTORY);
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    const stopped = restore(plan, OUT, { onProgress, signal: stop.signal });
    await expect(stopped).rejects.toThrow(/aborted/);
    expect(recording.disk.paths().filter((path) => path.startsWith(OUT))).toEqual([]);
  });
});

describe('a directory that holds no log', () => {
  it('is refused by name, and stays as it is', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'dump.rdb'), 'theirs');
    for (const each of [directory, join(directory, 'not-there')]) {
      await expect(planRestore(nodeDisk, each)).rejects.toThrow(
        expect.objectContaining({ code: 'FOREIGN', message: expect.stringContaining(each) }),
      );
    }
    expect(await readdir(directory)).toEqual(['dump.rdb']);
  });
});
