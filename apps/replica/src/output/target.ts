import type { FileHandle } from 'node:fs/promises';
import { open, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import { RdbFile } from '@forebay/rdb-receiver/node';
import { BrokenPipe, EXIT, ExitError } from '../exit.ts';
import { STANDARD_OUTPUT, writeAll } from './descriptor.ts';
import { refuseInsideLog } from './outside-logs.ts';

/** Where data goes. */
export interface Target {
  write(bytes: Uint8Array): undefined | Promise<void>;
  /** All of it was written. */
  finish(): Promise<void>;
  /** The rest will not come. */
  abort(): Promise<void>;
}

/** What it is called in messages. */
export const STDOUT = 'standard output';

export function stdoutTarget(): Target {
  return { write: writeToStdout, finish: async () => {}, abort: async () => {} };
}

/**
 * The file that a path leads to, which is replaced when the new one is whole; what is no regular file (a
 * FIFO, a device) stays what it is, and is written to.
 *
 * @throws {ExitError} usage where it is a directory, or inside the one of a log; disk
 * @throws {RdbReceiverError} `IO`
 */
export async function targetAt(path: string): Promise<Target> {
  try {
    const found = await stat(path).catch(unlessMissing);
    if (found?.isDirectory() || path.endsWith('/')) {
      throw new ExitError(EXIT.usage, `${path} is a directory: name a file`);
    }
    if (found?.isFile() === false) return specialTarget(path, await open(path, 'w'));
    const place = await placeOf(path);
    await refuseInsideLog(place);
    return await fileTarget(place, found?.mode);
  } catch (error) {
    // What the file is called until it is whole is nothing that anybody has named.
    const told = error instanceof RdbReceiverError ? error.cause : error;
    throw isSystemError(told) ? unwritable(path, told) : error;
  }
}

/** The same target for what is of use only whole: that its reader goes is told of as any other fault. */
export function toItsEnd(target: Target, name: string): Target {
  const write = async (bytes: Uint8Array) => {
    try {
      await target.write(bytes);
    } catch (error) {
      if (!(error instanceof BrokenPipe)) throw error;
      throw new ExitError(EXIT.disk, `${name} was closed by its reader before the end`, error);
    }
  };
  return { write, finish: () => target.finish(), abort: () => target.abort() };
}

/** Whether it is what the system said, and nobody has made it his own. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/** What the system said of a write, as this program's error. @returns BrokenPipe where nobody reads */
export function unwritable(name: string, error: NodeJS.ErrnoException): ExitError {
  if (error.code === 'EPIPE') return new BrokenPipe();
  return new ExitError(
    EXIT.disk,
    `${name} cannot be written to: ${error.code ?? error.message}`,
    error,
  );
}

/** A file that is replaced keeps its permissions: nobody else is to read the new one. */
async function fileTarget(path: string, mode: number | undefined): Promise<Target> {
  const options = mode === undefined ? {} : { mode: mode & 0o777 };
  const file = await RdbFile.create(dirname(path), options);
  return {
    write: (bytes) => file.write(bytes),
    finish: () => file.commit(path),
    abort: () => file.abort(),
  };
}

function specialTarget(path: string, handle: FileHandle): Target {
  const write = async (bytes: Uint8Array) => {
    try {
      await handle.writeFile(bytes);
    } catch (error) {
      throw unwritable(path, error as NodeJS.ErrnoException);
    }
  };
  const close = () => handle.close();
  return { write, finish: close, abort: close };
}

/** Where a path ends after all symbolic links, whether anything is there or not. */
async function placeOf(path: string): Promise<string> {
  const found = await realpath(path).catch(unlessMissing);
  if (found !== undefined) return found;
  const link = await readlink(path).catch(() => undefined);
  if (link === undefined) return path;
  return placeOf(resolve(await realpath(dirname(path)), link));
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function writeToStdout(bytes: Uint8Array): Promise<void> {
  try {
    await writeAll(STANDARD_OUTPUT, bytes);
  } catch (error) {
    throw unwritable(STDOUT, error as NodeJS.ErrnoException);
  }
}
