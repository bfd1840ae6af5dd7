import { LogError, orLogError } from '../errors.ts';
import type { Disk } from './disk.ts';

/**
 * Refuses to write to a directory that is not empty. @returns whether it is there
 *
 * @throws {LogError} `FOREIGN` where it is not empty; `IO`
 */
export async function refuseFilled(disk: Disk, out: string): Promise<boolean> {
  try {
    if ((await disk.list(out)).length === 0) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    await orLogError(out, 'reading', () => Promise.reject(error));
  }
  const message = `${out} is not empty: give a directory that is empty, or not there`;
  throw new LogError('FOREIGN', out, message);
}
