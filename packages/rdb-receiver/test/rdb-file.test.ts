import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { bytesOf, concatBytes, randomFrom, runSeed } from '@forebay/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RdbFile, removeStaleTemporaries } from '../src/node/index.ts';

const MIB = 1024 * 1024;
const withCode = (code: string, fields: object = {}) =>
  expect.objectContaining({ name: 'RdbReceiverError', code, ...fields });

let directory: string;
let target: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forebay-rdb-file-'));
  target = join(directory, 'dump.rdb');
  await writeFile(target, 'what was there');
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});

/** The target is as it was, and nothing else is in the directory. */
async function expectUntouched(): Promise<void> {
  expect(await readFile(target, 'utf8')).toBe('what was there');
  expect(await readdir(directory)).toEqual(['dump.rdb']);
}

describe('a file', () => {
  it('has the name that servers give it, and their mode', async () => {
    const file = await RdbFile.create(directory, { now: () => 1_700_000_000_999 });
    expect(file.temporaryPath).toBe(join(directory, `temp-1700000000.${process.pid}.rdb`));
    expect((await stat(file.temporaryPath)).mode & 0o777).toBe(0o644 & ~process.umask());
    await file.abort();
  });

  it('appears under its name when it is committed, and not before', async () => {
    const file = await RdbFile.create(directory);
    await file.write(bytesOf('REDIS'));
    await file.write(bytesOf('0012'));
    expect([file.length, file.crc]).toEqual([9, crc32('REDIS0012')]);
    expect(await readFile(target, 'utf8')).toBe('what was there');
    await file.commit(target);
    expect(await readFile(target, 'utf8')).toBe('REDIS0012');
    expect(await readdir(directory)).toEqual(['dump.rdb']);
  });

  it('holds every byte in order, whatever the sizes of the pieces', async () => {
    const random = randomFrom(runSeed());
    const file = await RdbFile.create(directory);
    const source = random.bytes(MIB);
    const written: Uint8Array[] = [];
    for (let length = 0; length < 20 * MIB; length = file.length) {
      const longest = random.pick([10, 5000, 65_536, 300_000, MIB]);
      const from = random.integer(0, MIB - 1);
      const piece = new Uint8Array(source.subarray(from, from + random.integer(0, longest)));
      written.push(new Uint8Array(piece));
      const waiting = file.write(piece);
      if (waiting !== undefined) await waiting;
      piece.fill(0); // What was taken may be overwritten.
    }
    await file.commit(target);
    const found = await readFile(target);
    expect(found.equals(concatBytes(written)), `seed ${random.seed}`).toBe(true);
  });

  it('takes small pieces without a promise, and gathers them into few writes', async () => {
    const file = await RdbFile.create(directory);
    const writes = vi.spyOn(await handlePrototype(), 'write');
    const piece = new Uint8Array(1000);
    let promises = 0;
    for (let i = 0; i < 4000; i++) {
      const waiting = file.write(piece);
      if (waiting !== undefined) {
        promises++;
        await waiting;
      }
    }
    await file.commit(target);
    expect(promises).toBeLessThan(10);
    expect(writes.mock.calls.length).toBeLessThan(10);
    expect((await stat(target)).size).toBe(4_000_000);
  });

  it('is synced every 8 MiB, and once more at its end', async () => {
    const file = await RdbFile.create(directory);
    const prototype = await handlePrototype();
    const datasync = vi.spyOn(prototype, 'datasync');
    const sync = vi.spyOn(prototype, 'sync');
    for (let i = 0; i < 5; i++) await file.write(new Uint8Array(4 * MIB));
    expect(datasync).toHaveBeenCalledTimes(2);
    expect(sync).not.toHaveBeenCalled();
    await file.commit(target);
    expect(sync).toHaveBeenCalledTimes(2); // The file, and the directory.
  });
});

describe('an aborted file', () => {
  it('leaves nothing, however often it is aborted', async () => {
    const file = await RdbFile.create(directory);
    await file.write(new Uint8Array(2 * MIB));
    file.write(bytesOf('more'));
    await Promise.all([file.abort(), file.abort()]);
    await file.abort();
    await expectUntouched();
    expect(() => file.write(bytesOf('x'))).toThrow(withCode('CLOSED'));
    await expect(file.commit(target)).rejects.toThrow(withCode('CLOSED'));
  });

  it('lets a write that waits for the disk end with an error', async () => {
    const file = await RdbFile.create(directory);
    const waiting = file.write(new Uint8Array(4 * MIB));
    expect(() => file.write(bytesOf('x'))).toThrow(withCode('BUSY'));
    await expect(file.commit(target)).rejects.toThrow(withCode('BUSY'));
    const refused = expect(waiting).rejects.toThrow(withCode('CLOSED'));
    await file.abort();
    await refused;
    await expectUntouched();
  });

  it('stays what it is if it was committed', async () => {
    const file = await RdbFile.create(directory);
    file.write(bytesOf('REDIS'));
    const committed = file.commit(target);
    await file.abort();
    await committed;
    expect(await readFile(target, 'utf8')).toBe('REDIS');
    await expect(file.commit(target)).rejects.toThrow(withCode('CLOSED'));
  });

  it('does not remove the file of another that has come to its name', async () => {
    const now = () => 1_700_000_000_000;
    const file = await RdbFile.create(directory, { now });
    await file.abort();
    const other = await RdbFile.create(directory, { now });
    await file.abort();
    expect(existsSync(other.temporaryPath)).toBe(true);
    await other.abort();
  });
});

describe('creating', () => {
  it('goes on to the next second where the name is taken, and gives up after five', async () => {
    const taken = join(directory, `temp-1700000000.${process.pid}.rdb`);
    await writeFile(taken, 'of another receive');
    const pauses: number[] = [];
    let time = 1_700_000_000_000;
    const pause = async (milliseconds: number) => {
      pauses.push(milliseconds);
      time += milliseconds;
    };
    const file = await RdbFile.create(directory, { now: () => time, pause });
    expect(file.temporaryPath).toContain('temp-1700000001.');
    expect(pauses).toEqual([1000]);
    await file.abort();

    const stopped = RdbFile.create(directory, { now: () => 1_700_000_000_000, pause });
    await expect(stopped).rejects.toThrow(withCode('IO', { systemCode: 'EEXIST', path: taken }));
    expect(pauses).toHaveLength(1 + 4);
    expect(await readFile(taken, 'utf8')).toBe('of another receive');
  });

  it.each([
    ['a directory that is not there', 'absent', 'ENOENT'],
    ['a path through a file', 'dump.rdb', 'ENOTDIR'],
    ['a name that is too long', 'x'.repeat(300), 'ENAMETOOLONG'],
  ])('fails at once for %s', async (_, name, systemCode) => {
    const pause = vi.fn();
    const failed = RdbFile.create(join(directory, name), { pause });
    await expect(failed).rejects.toThrow(withCode('IO', { systemCode }));
    expect(pause).not.toHaveBeenCalled();
    await expectUntouched();
  });
});

describe('a failure', () => {
  it.runIf(process.platform === 'linux')(
    'of a write, at a limit on the size of files, removes the temporary file',
    async () => {
      const file = await RdbFile.create(directory);
      const tooLarge = withCode('IO', { systemCode: 'EFBIG', path: file.temporaryPath });
      await withFileSizeLimit(MIB, async () => {
        await expect(file.write(new Uint8Array(2 * MIB))).rejects.toThrow(tooLarge);
      });
      await expectUntouched();
      expect(() => file.write(bytesOf('x'))).toThrow(tooLarge);
      await expect(file.commit(target)).rejects.toThrow(tooLarge);
      await file.abort();
      await expectUntouched();
    },
  );

  it.runIf(process.platform === 'linux')(
    'of a write behind the caller’s back is told at the next call',
    async () => {
      const file = await RdbFile.create(directory);
      const small = new Uint8Array(100_000);
      const tooLarge = withCode('IO', { systemCode: 'EFBIG' });
      await withFileSizeLimit(MIB, async () => {
        const writing = (async () => {
          for (let i = 0; i < 100; i++) await file.write(small);
        })();
        await expect(writing).rejects.toThrow(tooLarge);
      });
      await expectUntouched();
      await expect(file.commit(target)).rejects.toThrow(tooLarge);
    },
  );

  it.runIf(process.platform === 'linux')('of the last write leaves the target alone', async () => {
    const file = await RdbFile.create(directory);
    file.write(new Uint8Array(100_000));
    await withFileSizeLimit(50_000, async () => {
      await expect(file.commit(target)).rejects.toThrow(withCode('IO', { systemCode: 'EFBIG' }));
    });
    await expectUntouched();
  });

  it('of the rename leaves the target alone', async () => {
    const occupied = join(directory, 'occupied');
    await mkdir(join(occupied, 'inner'), { recursive: true });
    const file = await RdbFile.create(directory);
    file.write(bytesOf('REDIS'));
    await expect(file.commit(occupied)).rejects.toThrow(withCode('IO', { systemCode: 'EISDIR' }));
    expect((await readdir(directory)).sort()).toEqual(['dump.rdb', 'occupied']);
    await file.abort();
  });

  it('of the rename, because the directory is gone, is no worse', async () => {
    const inner = join(directory, 'inner');
    await mkdir(inner);
    const file = await RdbFile.create(inner);
    await file.write(new Uint8Array(MIB));
    await rm(inner, { recursive: true });
    await expect(file.commit(target)).rejects.toThrow(withCode('IO', { systemCode: 'ENOENT' }));
    await expectUntouched();
  });

  it.each(['sync', 'datasync'] as const)('of %s is final: it is not called again', async (call) => {
    // No disk here fails on demand: the call of the real handle is made to.
    const failing = vi
      .spyOn(await handlePrototype(), call)
      .mockRejectedValue(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
    const file = await RdbFile.create(directory);
    const receive = async () => {
      await file.write(new Uint8Array(9 * MIB));
      await file.commit(target);
    };
    await expect(receive()).rejects.toThrow(withCode('IO', { systemCode: 'EIO' }));
    await expect(file.commit(target)).rejects.toThrow(withCode('IO', { systemCode: 'EIO' }));
    await file.abort();
    expect(failing).toHaveBeenCalledTimes(1);
    await expectUntouched();
  });
});

describe('what a killed process left', () => {
  it('is removed; the files of processes that run, and others, stay', async () => {
    const dead = spawnSync(process.execPath, ['--version']).pid;
    const kept = [
      `temp-1700000000.${process.ppid}.rdb`,
      `temp-${dead}.rdb`,
      `temp-1700000000.${dead}.rdb.bak`,
    ];
    const stale = [`temp-1700000000.${dead}.rdb`, `temp-1700000000.${process.pid}.rdb`];
    for (const name of [...kept, ...stale]) await writeFile(join(directory, name), '');
    const removed = await removeStaleTemporaries(directory);
    expect(removed.sort()).toEqual(stale.map((name) => join(directory, name)).sort());
    expect((await readdir(directory)).sort()).toEqual(['dump.rdb', ...kept].sort());
  });

  it('cannot be looked for where there is no directory', async () => {
    const failed = removeStaleTemporaries(join(directory, 'absent'));
    await expect(failed).rejects.toThrow(withCode('IO', { systemCode: 'ENOENT' }));
  });
});

async function handlePrototype(): Promise<FileHandle> {
  const handle = await open(target, 'r');
  await handle.close();
  return Object.getPrototypeOf(handle);
}

/** With the soft limit RLIMIT_FSIZE of this process lowered: a write beyond it is a real EFBIG. */
async function withFileSizeLimit(bytes: number, work: () => Promise<void>): Promise<void> {
  const limit = (soft: number | 'unlimited') =>
    execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${soft}:unlimited`]);
  limit(bytes);
  try {
    await work();
  } finally {
    limit('unlimited');
  }
}
