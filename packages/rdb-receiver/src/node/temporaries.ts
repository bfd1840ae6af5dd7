import { type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ioError, systemCodeOf } from './io-error.ts';

/** A temporary file that was made and is open for writing. */
export interface Temporary {
  readonly path: string;
  readonly handle: FileHandle;
}

const TRIES = 5;
const PAUSE_MS = 1000;

/** What another try a second later does not mend. The servers retry these as well, for nothing. */
const LASTING = new Set([
  'EACCES',
  'EINVAL',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'EPERM',
  'EROFS',
]);

/**
 * Makes `temp-<unixtime>.<pid>.rdb`, as the servers name it and with as many tries
 * (`replication.c: syncWithMaster`).
 *
 * @param now milliseconds since 1970
 * @throws {RdbReceiverError} `IO`
 */
export async function createTemporary(
  directory: string,
  now: () => number,
  pause: (milliseconds: number) => Promise<unknown> = delay,
  mode?: number,
): Promise<Temporary> {
  for (let tries = 1; ; tries++) {
    const path = join(directory, `temp-${Math.floor(now() / 1000)}.${process.pid}.rdb`);
    try {
      const handle = await open(path, 'wx', mode === undefined ? 0o644 : mode & 0o600);
      // What the umask takes away was given to the file that is to be replaced.
      if (mode !== undefined) await handle.chmod(mode);
      return { path, handle };
    } catch (error) {
      if (tries === TRIES || LASTING.has(systemCodeOf(error) ?? '')) {
        throw ioError('create', path, error);
      }
    }
    await pause(PAUSE_MS);
  }
}

/**
 * Removes what a process that was killed has left in `directory`: every `temp-<unixtime>.<pid>.rdb`
 * whose process is gone, or has this one's id (in a container each process may be number 1). To be
 * called at start, before a file is made there, and where all that write there share the machine's
 * process ids.
 *
 * @returns the paths that were removed
 * @throws {RdbReceiverError} `IO`
 */
export async function removeStaleTemporaries(directory: string): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await namesIn(directory)) {
    const pid = /^temp-\d+\.(\d+)\.rdb$/.exec(name)?.[1];
    if (pid === undefined || isAnotherThatRuns(Number(pid))) continue;
    const path = join(directory, name);
    if (await removeFile(path)) removed.push(path);
  }
  return removed;
}

/**
 * @returns whether there was such a file
 * @throws {RdbReceiverError} `IO`
 */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw ioError('remove', path, error);
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw ioError('list', directory, error);
  }
}

function isAnotherThatRuns(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}
