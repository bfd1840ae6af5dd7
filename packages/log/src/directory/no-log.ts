import { dirname, join, resolve } from 'node:path';
import type { Disk } from '../disk/disk.ts';
import { readWhole } from '../disk/durable.ts';
import { LogError, toLogError } from '../errors.ts';
import { HEADER } from '../manifest/format.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { APPEND_DIRECTORY, MANIFEST_NAME } from '../manifest/manifest.ts';
import { readManifest } from './open-directory.ts';
import { LOCK_NAME, pathIn } from './paths.ts';

/** Whether a directory is the one of a log: forebay has locked it, or has written its manifest. */
export async function isLogDirectory(disk: Disk, directory: string): Promise<boolean> {
  if ((await namesIn(disk, directory)).includes(LOCK_NAME)) return true;
  const manifest = await readWhole(disk, pathIn(directory, MANIFEST_NAME)).catch(() => undefined);
  return manifest !== undefined && Buffer.from(manifest).toString('latin1').startsWith(HEADER);
}

/** Whether a directory has files that only a log has, be its manifest there or not. */
export async function hasLogFiles(disk: Disk, directory: string): Promise<boolean> {
  const names = await namesIn(disk, join(directory, APPEND_DIRECTORY));
  return names.some((name) => name.endsWith('.index'));
}

/** @throws {LogError} `FOREIGN` where the directory has no log; `NEWER_VERSION`, `CORRUPT`, `IO` */
export async function manifestIn(disk: Disk, directory: string): Promise<Manifest> {
  const manifest = await readManifest(disk, directory);
  if (manifest !== undefined) return manifest;
  throw await noLogError(disk, directory);
}

/** The error for a directory without a log, with the kind of the directory. @throws {LogError} `IO` */
export async function noLogError(disk: Disk, directory: string): Promise<LogError> {
  const what = await whatIsIn(disk, directory);
  return new LogError('FOREIGN', directory, `${directory} holds no log: ${what}`);
}

async function whatIsIn(disk: Disk, directory: string): Promise<string> {
  let names: readonly string[];
  try {
    names = await disk.list(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'no such directory';
    if (code === 'ENOTDIR') return 'not a directory';
    throw toLogError(directory, 'reading', error);
  }
  if (names.length === 0) return 'the directory is empty';
  if (names.includes(MANIFEST_NAME))
    return `give its parent directory, ${dirname(resolve(directory))}`;
  const inner = await namesIn(disk, join(directory, APPEND_DIRECTORY));
  if (inner.includes(MANIFEST_NAME))
    return 'the files in it were written by a server or by forebay restore';
  if (names.includes(LOCK_NAME) && inner.length === 0) return 'no full resync has completed yet';
  return `not a forebay directory, or ${APPEND_DIRECTORY}/${MANIFEST_NAME} is missing`;
}

async function namesIn(disk: Disk, directory: string): Promise<readonly string[]> {
  return disk.list(directory).catch(() => []);
}
