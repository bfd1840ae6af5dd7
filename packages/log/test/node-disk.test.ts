import { appendFile, copyFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeDisk } from '../src/disk/node-disk.ts';
import { freshDirectory } from './directories.ts';

it('a file keeps its identity when it is written to and renamed, and a copy of it has another', async () => {
  const directory = await freshDirectory();
  const [path, renamed, copy] = ['a', 'b', 'c'].map((name) => join(directory, name));
  await writeFile(path!, 'a');
  const { identity } = await nodeDisk.stat(path!);
  // The clock of a file system moves by some milliseconds.
  await new Promise((resolve) => setTimeout(resolve, 20));
  await appendFile(path!, 'b');
  await rename(path!, renamed!);
  await copyFile(renamed!, copy!);
  expect((await nodeDisk.stat(renamed!)).identity).toBe(identity);
  expect((await nodeDisk.stat(copy!)).identity).not.toBe(identity);
});
