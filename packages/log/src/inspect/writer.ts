import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCK_NAME } from '../directory/paths.ts';

/**
 * Whether a process has a directory open for writing, by the locks that the kernel lists: nothing is locked by
 * asking. Undefined where that list cannot be read (other systems than Linux).
 */
export async function hasWriter(directory: string): Promise<boolean | undefined> {
  try {
    const { ino } = await stat(join(directory, LOCK_NAME));
    const locks = await readFile('/proc/locks', 'latin1');
    // The device is left out: of some file systems `stat` and the kernel's list name different ones.
    return locks.split('\n').some((line) => / WRITE /.test(line) && line.includes(`:${ino} `));
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' && path !== '/proc/locks' ? false : undefined;
  }
}
