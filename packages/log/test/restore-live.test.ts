import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeCommand } from '@forebay/resp';
import { concatBytes, randomFrom, runSeed, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Disk } from '../src/index.ts';
import { Log, nodeDisk, planRestore, restore } from '../src/index.ts';
import { A, addBase, append, B, freshDirectory, giveBase } from './directories.ts';
import { DIRECTORY, OUT, Recording, readOut } from './restoring.ts';

const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'value']);
const at = (offset: number, id = A) => ({ position: { id, offset } });

/** A disk whose files can be read, and nothing else, but for those below `OUT`. */
function readOnly(disk: Disk): Disk {
  const check = (path: string) => {
    if (!path.startsWith(OUT)) throw new Error(`${path} was to be changed`);
  };
  return {
    ...{ bootId: disk.bootId },
    open: (path, mode) => {
      if (mode !== 'read') check(path);
      return disk.open(path, mode);
    },
    stat: (path) => disk.stat(path),
    list: (path) => disk.list(path),
    space: (path) => disk.space(path),
    makeDirectory: async (path) => {
      check(path);
      await disk.makeDirectory(path);
    },
    rename: async (from, to) => {
      check(from);
      await disk.rename(from, to);
    },
    link: async (from, to) => {
      check(to);
      await disk.link(from, to);
    },
    clone: async (from, to) => {
      check(to);
      await disk.clone(from, to);
    },
    remove: async (path) => {
      check(path);
      await disk.remove(path);
    },
    removeTree: async (path) => {
      check(path);
      await disk.removeTree(path);
    },
    // The parent of OUT, where its name is.
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: async () => {
      throw new Error('nothing is locked');
    },
  };
}

describe('a log that is written to', () => {
  it('while files are added, split and dropped: what is restored is its stream', async () => {
    const random = randomFrom(runSeed());
    const directory = await freshDirectory();
    const data = join(directory, 'data');
    await using log = await Log.open(data, { rotateAt: 20_000 });
    await giveBase(log, 0);
    let held = '';
    let going = true;
    const write = async () => {
      while (going) {
        const length = random.pick([10, 200, 3000]);
        const command = encodeCommand(['SET', 'key', 'x'.repeat(length), String(held.length)]);
        const split = random.integer(0, command.length);
        for (const bytes of [command.subarray(0, split), command.subarray(split)]) {
          held += textOf(bytes);
          await append(log, bytes);
        }
        if (random.integer(0, 59) === 0) {
          await log.rotate();
          await addBase(log, log.written).catch(() => {});
        }
        if (random.integer(0, 59) === 0) await log.retain({ size: 60_000 });
      }
    };
    const writing = write();
    try {
      for (let i = 0; i < 25; i++) {
        const out = join(directory, `out-${i}`);
        await using plan = await planRestore(nodeDisk, data);
        const { position } = await restore(plan, out);
        const streams = (await readdir(join(out, 'appendonlydir')))
          .filter((name) => name.endsWith('.incr.aof'))
          .sort((a, b) => Number(a.split('.')[2]) - Number(b.split('.')[2]))
          .map((name) => readFile(join(out, 'appendonlydir', name), 'latin1'));
        const preamble = textOf(encodeCommand(['SELECT', '0']));
        const stream = (await Promise.all(streams))
          .map((each) => each.slice(preamble.length))
          .join('');
        const { offset } = position;
        const written = stream === held.slice(offset - stream.length, offset);
        expect(written, `${stream.length} bytes to ${offset}`).toBe(true);
      }
    } finally {
      going = false;
      await writing;
    }
  });

  it('may drop the files of a plan: they stay readable until it is closed', async () => {
    const recording = await Recording.begun();
    const { disk, clock } = recording;
    await recording.append(SET, SET);
    await using plan = await planRestore(recording.process, DIRECTORY, at(SET.length));
    clock.advance(1000);
    await recording.addBase(2 * SET.length);
    await recording.log.retain({ size: 0 });
    expect(recording.log.lowest).toBe(2 * SET.length);
    await restore(plan, OUT);
    expect(readOut(disk).stream).toBe(textOf(SET));
  });

  it('may take back what a plan is to read: it is read from where it was moved to', async () => {
    const recording = await Recording.begun();
    await recording.append(SET, PING, SET);
    await using plan = await planRestore(recording.process, DIRECTORY);
    await recording.stepBack(SET.length, B);
    await recording.append(PING, PING);
    await restore(plan, OUT);
    expect(readOut(recording.disk).stream).toBe(textOf(concatBytes([SET, PING, SET])));
  });

  it('may split the file that a plan is to read', async () => {
    const recording = await Recording.begun();
    await recording.append(SET, PING, SET);
    await using plan = await planRestore(recording.process, DIRECTORY);
    await recording.addBase(SET.length);
    await recording.append(PING);
    await restore(plan, OUT);
    expect(readOut(recording.disk).stream).toBe(textOf(concatBytes([PING, SET])));
  });

  it('may change between any two reads of the planning', async () => {
    for (let operations = 1, finished = false; !finished; operations++) {
      const recording = await Recording.begun();
      const { disk } = recording;
      await recording.append(SET, PING);
      const process = recording.process;
      let countdown = operations;
      let changing: Promise<void> | undefined;
      disk.onOperation = () => {
        if (--countdown !== 0) return;
        disk.onOperation = undefined;
        changing = (async () => {
          await recording.stepBack(SET.length, B);
          await recording.append(SET);
        })();
      };
      await using plan = await planRestore(process, DIRECTORY);
      finished = changing === undefined;
      disk.onOperation = undefined;
      await restore(plan, OUT);
      await changing;
      const { stream } = readOut(disk);
      const possible = [[SET, PING], [SET], [SET, SET]].map((each) => textOf(concatBytes(each)));
      expect(possible, `after ${operations} operations`).toContain(stream);
    }
  });

  it('may give way to another with files of the same names', async () => {
    const [recording, other] = [await Recording.begun(), await Recording.open()];
    await recording.append(SET);
    await other.begin(B, 0);
    await other.append(PING, PING);
    const { disk } = recording;
    disk.onOperation = (operation, path) => {
      if (operation !== 'open' || !path.endsWith('.incr.aof')) return;
      disk.onOperation = undefined;
      for (const each of other.disk.paths()) disk.poke(each, other.disk.peek(each));
    };
    const { reached, stream } = await recording.restored();
    expect(reached).toEqual(other.position);
    expect(stream).toBe(textOf(concatBytes([PING, PING])));
  });

  it('is neither locked nor written to', async () => {
    const recording = await Recording.begun();
    await recording.append(SET, PING, SET.subarray(0, 5));
    const before = recording.disk.paths();
    const disk = readOnly(recording.process);
    for (const target of [undefined, at(SET.length), { time: recording.clock.now() }]) {
      await using plan = await planRestore(disk, DIRECTORY, target);
      await disk.removeTree(OUT);
      await restore(plan, OUT);
    }
    await recording.process.removeTree(OUT);
    expect(recording.disk.paths()).toEqual(before);
  });
});
