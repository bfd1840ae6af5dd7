import { join } from 'node:path';
import { checkBase } from '../base/base-file.ts';
import { pathIn } from '../directory/paths.ts';
import { statNamed } from '../directory/stat-named.ts';
import type { Disk } from '../disk/disk.ts';
import { truncate } from '../disk/durable.ts';
import { LogError, orLogError } from '../errors.ts';
import type { IncrementReader } from '../increment/increment-reader.ts';
import { endOffsetOf, preambleOf } from '../increment/preamble.ts';
import { endOf } from '../manifest/lineage.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import {
  APPEND_DIRECTORY,
  filesNamedBy,
  MANIFEST_NAME,
  newestSequence,
  sequenceOf,
  startOf,
} from '../manifest/manifest.ts';

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

function corrupt(directory: string, what: string): LogError {
  const path = pathIn(directory, MANIFEST_NAME);
  return new LogError('CORRUPT', path, `${path} contradicts itself: ${what}`);
}
