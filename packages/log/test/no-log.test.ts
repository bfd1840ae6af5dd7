import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  check,
  inspect,
  isLogDirectory,
  Log,
  nodeDisk,
  planRestore,
  repair,
} from '../src/index.ts';

async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-no-log-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const READERS = [check, repair, inspect, planRestore] as const;

describe('a directory that holds no log', () => {
  const made: [what: string, make: (directory: string) => Promise<string>, says: RegExp][] = [
    ['that is not there', async (directory) => join(directory, 'x'), /no such directory$/],
    ['that is empty', async (directory) => directory, /the directory is empty$/],
    [
      'that is a file',
      async (directory) => {
        await writeFile(join(directory, 'dump.rdb'), 'REDIS0009');
        return join(directory, 'dump.rdb');
      },
      /not a directory$/,
    ],
    [
      'that has other files',
      async (directory) => {
        await writeFile(join(directory, 'dump.rdb'), 'REDIS0009');
        return directory;
      },
      /not a forebay directory, or appendonlydir.* is missing$/,
    ],
  ];

  it.each(made)('%s is refused with its kind by every reader of a log', async (_, make, says) => {
    const directory = await make(await freshDirectory());
    for (const read of READERS) {
      const message = expect.stringMatching(says);
      const refused = read(nodeDisk, directory);
      await expect(refused).rejects.toMatchObject({ code: 'FOREIGN', path: directory, message });
    }
    expect(await isLogDirectory(nodeDisk, directory)).toBe(false);
  });

  it('written by a server is refused by check, and not reported as damaged', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'appendonlydir'));
    const manifest = 'file appendonly.aof.1.base.rdb seq 1 type b\n';
    await writeFile(join(directory, 'appendonlydir', 'appendonly.aof.manifest'), manifest);
    const message = expect.stringMatching(/holds no log: the files in it were written by a server/);
    await expect(check(nodeDisk, directory)).rejects.toMatchObject({ code: 'FOREIGN', message });
    const inner = join(directory, 'appendonlydir');
    const above = expect.stringContaining(`give its parent directory, ${directory}`);
    await expect(check(nodeDisk, inner)).rejects.toMatchObject({ code: 'FOREIGN', message: above });
  });

  it('because no full resync has completed is reported as such', async () => {
    const directory = await freshDirectory();
    await (await Log.open(directory)).close();
    const message = expect.stringMatching(/holds no log: no full resync has completed yet$/);
    await expect(check(nodeDisk, directory)).rejects.toMatchObject({ code: 'FOREIGN', message });
    expect(await isLogDirectory(nodeDisk, directory)).toBe(true);
  });
});

it('a directory that the system cannot create is an error, without endless retries', async () => {
  for (const path of ['/proc/forebay/data', '/proc/1/forebay/data/deep']) {
    await expect(nodeDisk.makeDirectory(path)).rejects.toThrow(/ENOENT|EACCES|EPERM/);
  }
});
