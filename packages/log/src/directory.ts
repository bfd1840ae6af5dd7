import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StreamTracker } from '@forebay/psync';
import { RdbError, RdbPreambleReader } from '@forebay/rdb';
import { makePrivateDirectory } from './durable.ts';
import { LogError, orLogError } from './errors.ts';
import { endOffsetOf, preambleOf } from './increment-file.ts';
import type { Increment, Manifest } from './manifest.ts';
import {
  APPEND_DIRECTORY,
  bootedError,
  lastIncrement,
  MANIFEST_NAME,
  parseManifest,
} from './manifest.ts';
import { readIncrement } from './read-increment.ts';

/** Enough of a base to see whether it is one: magic, version, and the first aux fields. */
const BASE_HEAD = 4096;

/** Bytes of the SELECT that an increment begins with, at most: servers number databases up to 2^31 - 1. */
const LONGEST_PREAMBLE = 40;

/**
 * Makes the directory where there is none, and reads the manifest where there is one.
 *
 * @throws {LogError} `FOREIGN` if it holds files, and none of them is a manifest of ours
 */
export async function openDirectory(directory: string): Promise<Manifest | undefined> {
  const inner = join(directory, APPEND_DIRECTORY);
  const path = join(inner, MANIFEST_NAME);
  await orLogError(directory, 'making the directory', () => makePrivateDirectory(directory));
  const manifest = await readManifest(path);
  if (manifest !== undefined) return manifest;
  await refuseForeign(directory, [APPEND_DIRECTORY]);
  await orLogError(inner, 'making the directory', () => makePrivateDirectory(inner));
  await refuseForeign(inner, []);
  await refuseStreams(inner);
  return undefined;
}

async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    return parseManifest(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof LogError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return orLogError(path, 'reading', () => Promise.reject(error));
  }
}

/** What a first attempt that was cut short leaves behind, and what file systems put there, is no one's. */
const PASSED_OVER = /^(temp-.*|appendonly\.aof\.\d+\.(base\.rdb|incr\.aof)|lost\+found|\..*)$/;

async function refuseForeign(directory: string, ours: readonly string[]): Promise<void> {
  const names = await orLogError(directory, 'reading', () => readdir(directory));
  const foreign = names.filter((name) => !ours.includes(name) && !PASSED_OVER.test(name));
  if (foreign.length === 0) return;
  const some = foreign.slice(0, 3).join(', ') + (foreign.length > 3 ? ', …' : '');
  const message = `${directory} holds files that forebay did not write (${some}): give an empty directory`;
  throw new LogError('FOREIGN', directory, message);
}

/** Where the manifest is lost, a stream is not taken for the leavings of a first attempt. */
async function refuseStreams(inner: string): Promise<void> {
  for (const name of await orLogError(inner, 'reading', () => readdir(inner))) {
    const path = join(inner, name);
    const { size } = await orLogError(path, 'reading', () => stat(path));
    if (!name.endsWith('.incr.aof') || size <= LONGEST_PREAMBLE) continue;
    const message = `${inner} holds a stream (${name}) and no ${MANIFEST_NAME}: put that back, or give an empty directory`;
    throw new LogError('CORRUPT', path, message);
  }
}

/**
 * Checks that what the manifest names is there and begins as it should, and follows the last file to
 * its end.
 *
 * @throws {LogError} `CORRUPT`, `IO`
 */
export async function recoverEnd(directory: string, manifest: Manifest): Promise<StreamTracker> {
  const inner = join(directory, APPEND_DIRECTORY);
  await checkBase(join(inner, manifest.base.name));
  let end = manifest.increments[0].startOffset;
  for (const increment of manifest.increments) {
    const path = join(inner, increment.name);
    if (increment.startOffset !== end) {
      const message = `${path} starts at offset ${increment.startOffset}, the file before it ends at ${end}`;
      throw new LogError('CORRUPT', path, message);
    }
    end = await checkIncrement(path, increment);
  }
  const last = lastIncrement(manifest);
  const path = join(inner, last.name);
  const { closedSize } = manifest;
  if (closedSize !== undefined && endOffsetOf(last, closedSize) !== end) {
    throw bootedError(path, `had ${closedSize} bytes when it was closed, and has changed since`);
  }
  return followToEnd(path, last, end);
}

/** Removes files that no manifest names any more. That one is gone already is no failure. */
export async function removeFiles(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(directory, APPEND_DIRECTORY, name);
    await orLogError(path, 'removing', () => rm(path, { force: true }));
  }
}

async function checkBase(path: string): Promise<void> {
  const reader = new RdbPreambleReader();
  try {
    reader.push(await headOf(path, BASE_HEAD));
    if (reader.next()?.type === 'header') return;
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
  }
  throw new LogError('CORRUPT', path, `${path} is not an RDB file`);
}

/** @returns the offset of the last byte of stream in the file */
async function checkIncrement(path: string, increment: Increment): Promise<number> {
  const expected = preambleOf(increment);
  const found = await headOf(path, expected.length);
  if (Buffer.compare(expected, found) !== 0) {
    const message = `${path} does not begin with the SELECT that the manifest says`;
    throw new LogError('CORRUPT', path, message);
  }
  const { size } = await orLogError(path, 'reading', () => stat(path));
  return endOffsetOf(increment, size);
}

async function headOf(path: string, length: number): Promise<Uint8Array> {
  return orLogError(path, 'reading', async () => {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  });
}

async function followToEnd(
  path: string,
  increment: Increment,
  end: number,
): Promise<StreamTracker> {
  const { startOffset, database } = increment;
  const tracker = new StreamTracker({ offset: startOffset, database });
  try {
    for await (const { bytes } of readIncrement(path, increment, startOffset + 1, end)) {
      tracker.push(bytes);
    }
  } catch (error) {
    if (error instanceof LogError) throw error;
    throw new LogError('CORRUPT', path, `${path} is damaged: ${(error as Error).message}`, error);
  }
  return tracker;
}
