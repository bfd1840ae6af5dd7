import { encodeCommand } from '@forebay/resp';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { LogError, planRestore, restore } from '../src/index.ts';
import { A } from './directories.ts';
import { DIRECTORY, OUT, Recording, rdbOf } from './restoring.ts';

const SET = encodeCommand(['SET', 'key', 'a value']);
const EXPIRE = encodeCommand(['EXPIRE', 'key', '100']);

/** How a log is left. */
type Left = 'closed' | 'killed' | 'moved to another machine';

/** Two files of two spans each, and a record of everything. */
async function twoFiles(left: Left = 'closed', rdb = rdbOf('7.0.15')): Promise<Recording> {
  const recording = await Recording.begun(100, 0, rdb);
  for (let i = 0; i < 4; i++) {
    recording.clock.advance(1000);
    await recording.append(SET, EXPIRE);
    if (i === 1) await recording.log.rotate();
  }
  if (left === 'killed') await recording.log.sync();
  else await recording.log.close();
  if (left !== 'closed') recording.disk.crash(left === 'killed' ? 'process' : 'power');
  return recording;
}

async function attempt({ process }: Recording, single: boolean): Promise<void> {
  await using plan = await planRestore(process, DIRECTORY);
  await restore(plan, OUT, { single });
}

function left({ disk }: Recording): string[] {
  return disk.paths().filter((path) => path.startsWith(OUT));
}

describe.each([
  ['that was closed', 'closed', rdbOf('7.0.15')],
  ['that was closed, on another machine', 'moved to another machine', rdbOf('7.0.15')],
  ['as a kill left it', 'killed', rdbOf('7.0.15')],
  ['with relative times', 'closed', rdbOf('6.0.16', 9)],
] as const)('one flipped bit in a log %s', (_, state, rdb) => {
  it.each([/base\.rdb$/, /incr\.aof$/, /index$/, /manifest$/])(
    'in %s is refused, wherever it is, and nothing is left of what was written',
    async (kind) => {
      const recording = await twoFiles(state, rdb);
      const { disk } = recording;
      const random = randomFrom(runSeed());
      for (const path of disk.paths().filter((each) => kind.test(each))) {
        for (let byte = 0; byte < disk.peek(path).length; byte++) {
          const bit = random.integer(0, 7);
          disk.flipBit(path, byte, bit);
          const where = `bit ${bit} of byte ${byte} of ${path}, FOREBAY_SEED=${random.seed}`;
          const error = await attempt(recording, byte % 2 === 0).catch((thrown: unknown) => thrown);
          expect(error, where).toBeInstanceOf(LogError);
          expect((error as LogError).code, where).toMatch(/^(CORRUPT|FOREIGN|NEWER_VERSION)$/);
          expect((error as LogError).message, where).toContain(
            '/data/appendonlydir/appendonly.aof',
          );
          expect(left(recording), where).toEqual([]);
          disk.flipBit(path, byte, bit);
        }
      }
      await attempt(recording, true);
      expect(left(recording)).toEqual([`${OUT}/appendonly.aof`]);
      expect(disk.openFiles).toBe(0);
    },
  );
});

describe('damage', () => {
  it('is told with its place', async () => {
    const recording = await twoFiles();
    const span = SET.length + EXPIRE.length;
    recording.disk.flipBit(`${DIRECTORY}/appendonlydir/appendonly.aof.2.incr.aof`, 23 + span, 0);
    const [from, to] = [100 + span + 1, 100 + 2 * span];
    await expect(attempt(recording, false)).rejects.toThrow(
      `appendonly.aof.2.incr.aof does not hold what was written: offsets ${from} to ${to}, ` +
        `from byte ${23 + span} of the file on`,
    );
  });

  it('is no hindrance to who goes back to before it', async () => {
    const recording = await twoFiles();
    const { disk } = recording;
    const span = SET.length + EXPIRE.length;
    for (const path of disk.paths().filter((each) => /3\.(incr|index)/.test(each))) {
      for (let byte = 30; byte < disk.peek(path).length; byte += 10) disk.flipBit(path, byte, 3);
    }
    const offset = 100 + 2 * span;
    const { stream } = await recording.restored({ position: { id: A, offset } });
    expect(stream).toHaveLength(2 * span);
  });

  it('of an index that has lost its end is seen, where the log was closed', async () => {
    const recording = await twoFiles();
    const path = `${DIRECTORY}/appendonlydir/appendonly.aof.3.index`;
    recording.disk.poke(path, recording.disk.peek(path).slice(0, -64));
    await expect(attempt(recording, false)).rejects.toThrow(/3\.index is damaged/);
    recording.disk.poke(path, recording.disk.peek(path).slice(0, 0));
    await expect(attempt(recording, false)).rejects.toThrow(/3\.index is damaged/);
  });
});

describe('a time whose record is damaged', () => {
  it('is not taken for the one before', async () => {
    const recording = await twoFiles();
    const index = `${DIRECTORY}/appendonlydir/appendonly.aof.2.index`;
    // Of the second span, the one at its beginning and the one at its end.
    for (const number of [3, 4]) recording.disk.flipBit(index, number * 64, 0);
    const time = recording.clock.now();
    await expect(recording.restored({ time: time - 3000 })).rejects.toThrow(
      '2.index is damaged: its record 4 is not what was written',
    );
    const { stream } = await recording.restored({ time: time - 3001 });
    expect(stream).toBe('');
  });
});

describe('a disk that fails while it is written to', () => {
  it.each([
    ['write', 'ENOSPC'],
    ['sync', 'EIO'],
    ['rename', 'EIO'],
    ['makeDirectory', 'ENOSPC'],
    ['syncDirectory', 'EIO'],
    ['read', 'EIO'],
  ] as const)('by a %s: nothing is left, and it can be tried again', async (operation, code) => {
    const recording = await twoFiles();
    await using plan = await planRestore(recording.process, DIRECTORY);
    recording.disk.failNext(operation, code);
    await expect(restore(plan, OUT)).rejects.toThrow(
      expect.objectContaining({ code: 'IO', errno: code }),
    );
    expect(left(recording)).toEqual([]);
    await restore(plan, OUT);
    expect(left(recording)).toHaveLength(4);
  });

  it('does not lose what was told to be done', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const recording = await Recording.open(seed);
      await recording.begin(A, 0);
      await recording.append(SET);
      await attempt(recording, seed % 2 === 0);
      const written = left(recording).map((path) => [path, recording.disk.peek(path)]);
      expect(written.length).toBeGreaterThan(0);
      recording.disk.crash('power');
      expect(left(recording).map((path) => [path, recording.disk.peek(path)])).toEqual(written);
    }
  });

  it('in any operation, or ends the process: OUT is whole or not there', async () => {
    const seed = runSeed();
    for (let operations = 1, finished = false; !finished; operations++) {
      const recording = await twoFiles();
      let countdown = operations;
      recording.disk.onOperation = () => {
        if (--countdown === 0) recording.disk.crash('power');
      };
      await attempt(recording, false).catch(() => {});
      recording.disk.onOperation = undefined;
      finished = countdown > 0;
      const whole = left(recording).filter((path) => path.startsWith(`${OUT}/`));
      expect([0, 4], `after ${operations} operations, FOREBAY_SEED=${seed}`).toContain(
        whole.length,
      );
      if (whole.length === 0) continue;
      const { stream } = await recording.restored();
      expect(stream).toHaveLength(4 * (SET.length + EXPIRE.length));
    }
  });
});
