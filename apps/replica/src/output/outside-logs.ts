import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isLogDirectory, nodeDisk } from '@forebay/log';
import { EXIT, ExitError } from '../exit.ts';

/**
 * Refuses to write into the directory of a log, this one or another, whatever symbolic links lead there: a file
 * there is taken for a part of the log, or deleted with it.
 *
 * @throws {ExitError} usage
 */
export async function refuseInsideLog(path: string): Promise<void> {
  for (let place = await placeOf(resolve(path)); ; place = dirname(place)) {
    if (await isLogDirectory(nodeDisk, place)) {
      const message = `${path} is inside ${place}, which is the directory of a log: give a path outside of it`;
      throw new ExitError(EXIT.usage, message);
    }
    if (place === dirname(place)) return;
  }
}

/** Where a path leads without symbolic links, as far as anything is there. */
async function placeOf(path: string): Promise<string> {
  const found = await realpath(path).catch(() => undefined);
  if (found !== undefined) return found;
  const above = dirname(path);
  return above === path ? path : join(await placeOf(above), basename(path));
}
