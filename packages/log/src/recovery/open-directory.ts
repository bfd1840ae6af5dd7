import { dirname, join, resolve } from 'node:path';
import { truncate } from '../changes/split.ts';
import type { Disk } from '../disk/disk.ts';
import { readWhole } from '../disk/durable.ts';
import { LogError, orLogError } from '../errors.ts';
import { endOffsetOf, preambleOf } from '../increment/preamble.ts';
import { endOf } from '../manifest/lineage.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import {
  APPEND_DIRECTORY,
  filesNamedBy,
  MANIFEST_NAME,
  sequenceOf,
  startOf,
} from '../manifest/manifest.ts';
import { parseManifest } from '../manifest/parse.ts';
import type { IncrementReader } from '../reading/spans.ts';
import { checkBase, statNamed } from './base.ts';

/** Bytes of the SELECT that an increment begins with, at most: servers number databases up to 2^31 - 1. */
const LONGEST_PREAMBLE = 40;

/** The names at the top of a data directory that are ours. */
export const LOCK_NAME = 'forebay.lock';
export const CURSOR_DIRECTORY = 'cursors';

/** The path of a file of the log, by its name. */
export function pathIn(directory: string, name: string): string {
  return join(directory, APPEND_DIRECTORY, name);
}

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

/**
 * Checks that all the manifest names is there, begins as it should and is long enough. A file that is
 * not the last may be too long, where a crash came between a commit and what follows it.
 *
 * @throws {LogError} `CORRUPT`, `IO`
 */
export async function checkFiles(
  disk: Disk,
  directory: string,
  { live, past }: Manifest,
): Promise<void> {
  for (const segment of [...past, live]) {
    for (const base of segment.bases) await checkBase(disk, pathIn(directory, base.name), base);
    for (const [i, increment] of segment.increments.entries()) {
      const next = segment.increments[i + 1]?.startOffset;
      const end = next ?? endOf(segment, increment.startOffset);
      if (end < increment.startOffset) {
        throw corrupt(directory, `${increment.name} ends before it starts`);
      }
      await checkLength(disk, pathIn(directory, increment.name), increment, end);
      const index = pathIn(directory, increment.index);
      await statNamed(disk, index);
    }
    const starts = segment.increments.map(({ startOffset }) => startOffset);
    const homeless = segment.bases.find(({ offset }) => !starts.includes(offset));
    if (homeless === undefined || homeless.offset < startOf(segment)) continue;
    throw corrupt(directory, `no increment starts where ${homeless.name} stands`);
  }
}

/** What the file begins with is the SELECT that the manifest says. @throws {LogError} `CORRUPT`, `IO` */
export async function checkPreamble(reader: IncrementReader): Promise<void> {
  const expected = preambleOf(reader.increment);
  const found = await reader.head(expected.length);
  if (Buffer.compare(expected, found) === 0) return;
  const message = `${reader.path} does not begin with the SELECT that the manifest says`;
  throw new LogError('CORRUPT', reader.path, message);
}

/** Bytes that follow where a file's successor begins, and would make a server refuse to boot. */
export async function cutExcess(disk: Disk, directory: string, { live }: Manifest): Promise<void> {
  for (const [i, increment] of live.increments.entries()) {
    const next = live.increments[i + 1];
    if (next === undefined) return;
    const path = pathIn(directory, increment.name);
    const { size } = await statNamed(disk, path);
    const excess = endOffsetOf(increment, size) - next.startOffset;
    if (excess > 0) await truncate(disk, path, size - excess);
  }
}

/**
 * Files that a committed manifest dropped, and a crash kept from being removed. What is younger than
 * the manifest is let be: the manifest may be an old copy that was put back.
 */
export async function sweep(disk: Disk, directory: string, manifest: Manifest): Promise<void> {
  const inner = join(directory, APPEND_DIRECTORY);
  const named = new Set(filesNamedBy(manifest));
  const newest = newestSequence(manifest);
  for (const name of await orLogError(inner, 'reading', () => disk.list(inner))) {
    const sequence = sequenceOf(name);
    if (sequence === undefined || sequence >= newest || named.has(name)) continue;
    const path = join(inner, name);
    await orLogError(path, 'removing', () => disk.remove(path));
  }
}

/** A sequence number that no file there has, named by the manifest or not. @throws {LogError} `IO` */
export async function nextSequence(disk: Disk, directory: string): Promise<number> {
  const inner = join(directory, APPEND_DIRECTORY);
  const names = await orLogError(inner, 'reading', () => disk.list(inner));
  return Math.max(0, ...names.map((name) => sequenceOf(name) ?? 0)) + 1;
}

/** The highest sequence number of the files that a manifest names. */
export function newestSequence(manifest: Manifest): number {
  return Math.max(0, ...filesNamedBy(manifest).map((name) => sequenceOf(name) ?? 0));
}

/** Checks that a file holds the stream up to `end`. @throws {LogError} `CORRUPT`, `IO` */
export async function checkLength(
  disk: Disk,
  path: string,
  increment: Increment,
  end: number,
): Promise<void> {
  const { size } = await statNamed(disk, path);
  const held = endOffsetOf(increment, size);
  if (held >= end) return;
  const message = `${path} ends at offset ${held}, and should hold the stream up to ${end}`;
  throw new LogError('CORRUPT', path, message);
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

function corrupt(directory: string, what: string): LogError {
  const path = pathIn(directory, MANIFEST_NAME);
  return new LogError('CORRUPT', path, `${path} contradicts itself: ${what}`);
}
