import { join } from 'node:path';
import type { Disk, DiskLock } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { LOCK_NAME } from './paths.ts';

/**
 * Keeps other processes from writing to a directory.
 *
 * @throws {LogError} `LOCKED`, `IO`
 */
export async function lockDirectory(disk: Disk, directory: string): Promise<DiskLock> {
  const path = join(directory, LOCK_NAME);
  const lock = await orLogError(path, 'locking', () => disk.lock(path));
  if (lock !== undefined) return lock;
  const message = `${directory} is in use by another forebay: stop that, or give another directory`;
  throw new LogError('LOCKED', path, message);
}
