import { join } from 'node:path';
import { APPEND_DIRECTORY } from '../manifest/manifest.ts';

/** The names at the top of a data directory that are ours. */
export const LOCK_NAME = 'forebay.lock';
export const CURSOR_DIRECTORY = 'cursors';

/** The path of a file of the log, by its name. */
export function pathIn(directory: string, name: string): string {
  return join(directory, APPEND_DIRECTORY, name);
}
