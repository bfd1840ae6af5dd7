import { join } from 'node:path';
import type { Position } from '@forebay/psync';
import { formatPosition, parsePosition } from '@forebay/psync';
import { CURSOR_DIRECTORY } from '../directory/paths.ts';
import type { Disk } from '../disk/disk.ts';
import { readWhole, replaceFile } from '../disk/durable.ts';
import { LogError, orLogError } from '../errors.ts';

/** A place that is kept over restarts, under a name. */
export interface CursorPlace {
  readonly name: string;
  readonly position: Position;
  /** The number of the segment that the position is in. */
  readonly segment: number;
}

const SUFFIX = '.cursor';
const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;

/** @throws {LogError} `MISUSE` unless the name can be that of a file */
export function checkCursorName(directory: string, name: string): void {
  if (NAME.test(name)) return;
  const what = JSON.stringify(name);
  const message = `${what} cannot name a cursor: letters, digits, "_", "-" and ".", 100 at most`;
  throw new LogError('MISUSE', directory, message);
}

/** The names of a directory's cursors, sorted. @throws {LogError} `IO` */
export async function cursorNames(disk: Disk, directory: string): Promise<string[]> {
  const files = await listOrNone(disk, join(directory, CURSOR_DIRECTORY));
  const ours = files.filter((each) => each.endsWith(SUFFIX));
  return ours.map((each) => each.slice(0, -SUFFIX.length)).sort();
}

/** The name of the file of a cursor. */
export function cursorFile(name: string): string {
  return name + SUFFIX;
}

/** One cursor; undefined where there is none of that name. @throws {LogError} `CORRUPT`, `IO` */
export async function readCursor(
  disk: Disk,
  directory: string,
  name: string,
): Promise<CursorPlace | undefined> {
  const path = pathOf(directory, name);
  const text = await orLogError(path, 'reading', () => textOrNone(disk, path));
  if (text === undefined) return undefined;
  const found = /^# forebay-cursor 1\nposition (\S+)\nsegment (\d+)\n$/.exec(text);
  if (found === null) throw damaged(path);
  try {
    return { name, position: parsePosition(found[1] ?? ''), segment: Number(found[2]) };
  } catch (error) {
    throw damaged(path, error);
  }
}

/** Keeps a place: durable when it returns. @throws {LogError} `IO` */
export async function writeCursor(
  disk: Disk,
  directory: string,
  { name, position, segment }: CursorPlace,
): Promise<void> {
  const path = pathOf(directory, name);
  const text = `# forebay-cursor 1\nposition ${formatPosition(position)}\nsegment ${segment}\n`;
  await orLogError(path, 'replacing', async () => {
    await disk.makeDirectory(join(directory, CURSOR_DIRECTORY));
    await disk.syncDirectory(directory);
    await replaceFile(disk, path, Buffer.from(text));
  });
}

/** Where there is none of the name it is as good as removed. @throws {LogError} `IO` */
export async function removeCursor(disk: Disk, directory: string, name: string): Promise<void> {
  const path = pathOf(directory, name);
  await orLogError(path, 'removing', () => disk.remove(path));
}

/** The name of what is kept for a reader that has no place of its own yet: no cursor can be called so. */
export function pinName(name: string): string {
  return `${name}~`;
}

/** Whether a name was made by `pinName`. */
export function isPin(name: string): boolean {
  return name.endsWith(pinName(''));
}

function pathOf(directory: string, name: string): string {
  return join(directory, CURSOR_DIRECTORY, cursorFile(name));
}

async function listOrNone(disk: Disk, folder: string): Promise<string[]> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    return orLogError(folder, 'reading', () => Promise.reject(error));
  }
}

async function textOrNone(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return Buffer.from(await readWhole(disk, path)).toString('utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function damaged(path: string, cause?: unknown): LogError {
  const message = `${path} is no cursor: remove it, and the reader begins anew`;
  return new LogError('CORRUPT', path, message, cause);
}
