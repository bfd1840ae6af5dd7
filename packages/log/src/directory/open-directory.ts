import { dirname, join, resolve } from 'node:path';
import type { Disk } from '../disk/disk.ts';
import { readWhole } from '../disk/durable.ts';
import { LogError, orLogError } from '../errors.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { APPEND_DIRECTORY, MANIFEST_NAME, sequenceOf } from '../manifest/manifest.ts';
import { parseManifest } from '../manifest/parse.ts';
import { CURSOR_DIRECTORY, LOCK_NAME, pathIn } from './paths.ts';

/** Bytes of the SELECT that an increment begins with, at most: servers number databases up to 2^31 - 1. */
const LONGEST_PREAMBLE = 40;

/** Makes a data directory where there is none; `openDirectory` syncs its name. @throws {LogError} `IO` */
export async function makeDirectory(disk: Disk, directory: string): Promise<void> {
  await orLogError(directory, 'making the directory', async () => {
    if (await isThere(disk, directory)) return;
    await disk.makeDirectory(directory);
  });
}

/**
 * Makes the name of a data directory survive a power cut. It is done before the first manifest, whoever
 * made the directory: a process may have died between the two, and all that came later would go with it.
 */
export async function syncName(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.syncDirectory(dirname(resolve(directory)));
  } catch (error) {
    // Where we may not look, it is another's to have made.
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
}

/**
 * Reads the manifest of a directory; undefined in an empty one.
 *
 * @throws {LogError} `FOREIGN` if it holds files, and none of them is a manifest of ours
 */
export async function openDirectory(disk: Disk, directory: string): Promise<Manifest | undefined> {
  const inner = join(directory, APPEND_DIRECTORY);
  const manifest = await readManifest(disk, directory);
  if (manifest !== undefined) return manifest;
  await refuseForeign(disk, directory, [APPEND_DIRECTORY, LOCK_NAME, CURSOR_DIRECTORY]);
  await orLogError(inner, 'making the directory', async () => {
    await disk.makeDirectory(inner);
    await disk.syncDirectory(directory);
    await syncName(disk, directory);
  });
  await refuseForeign(disk, inner, []);
  await refuseStreams(disk, inner);
  return undefined;
}

/** The manifest of a directory; undefined where there is none. @throws {LogError} */
export async function readManifest(disk: Disk, directory: string): Promise<Manifest | undefined> {
  const path = pathIn(directory, MANIFEST_NAME);
  try {
    const bytes = await readWhole(disk, path);
    return parseManifest(Buffer.from(bytes).toString('utf8'), path);
  } catch (error) {
    if (error instanceof LogError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return orLogError(path, 'reading', () => Promise.reject(error));
  }
}

/** What a first attempt that was cut short leaves behind, and what file systems put there, is no one's. */
const PASSED_OVER =
  /^(temp-.*|appendonly\.aof\.\d+\.(base\.rdb|incr\.aof|index)|lost\+found|\..*)$/;

async function refuseForeign(
  disk: Disk,
  directory: string,
  ours: readonly string[],
): Promise<void> {
  const names = await orLogError(directory, 'reading', () => disk.list(directory));
  const foreign = names.filter((name) => !ours.includes(name) && !PASSED_OVER.test(name)).sort();
  if (foreign.length === 0) return;
  const some = foreign.slice(0, 3).join(', ') + (foreign.length > 3 ? ', …' : '');
  const message = `${directory} holds files that forebay did not write (${some}): give an empty directory`;
  throw new LogError('FOREIGN', directory, message);
}

/** Where the manifest is lost, a stream is not taken for the leavings of a first attempt. */
async function refuseStreams(disk: Disk, inner: string): Promise<void> {
  for (const name of await orLogError(inner, 'reading', () => disk.list(inner))) {
    const path = join(inner, name);
    if (!name.endsWith('.incr.aof')) continue;
    const { size } = await orLogError(path, 'reading', () => disk.stat(path));
    if (size <= LONGEST_PREAMBLE) continue;
    const message = `${inner} holds a stream (${name}) and no ${MANIFEST_NAME}: put that back, or give an empty directory`;
    throw new LogError('CORRUPT', path, message);
  }
}

/** A sequence number that no file there has, named by the manifest or not. @throws {LogError} `IO` */
export async function nextSequence(disk: Disk, directory: string): Promise<number> {
  const inner = join(directory, APPEND_DIRECTORY);
  const names = await orLogError(inner, 'reading', () => disk.list(inner));
  return Math.max(0, ...names.map((name) => sequenceOf(name) ?? 0)) + 1;
}

async function isThere(disk: Disk, path: string): Promise<boolean> {
  try {
    await disk.list(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
