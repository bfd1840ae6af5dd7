import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';

/** What is at `path` by the manifest. @throws {LogError} `CORRUPT` where it is not there; `IO` */
export async function statNamed(disk: Disk, path: string): Promise<{ readonly size: number }> {
  try {
    return await disk.stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      const message = `${path} is not there, and the manifest names it: put it back`;
      throw new LogError('CORRUPT', path, message);
    }
    return orLogError(path, 'reading', () => Promise.reject(error));
  }
}
