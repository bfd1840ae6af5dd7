import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Boundary } from '@forebay/psync';
import { StreamTracker, startHistory } from '@forebay/psync';
import { bytesOf } from '@forebay/testkit';
import { onTestFinished } from 'vitest';
import type { Log, LogItem, NewBase } from '../src/index.ts';

export const A: string = 'a'.repeat(40);
export const B: string = 'b'.repeat(40);

/** The shortest file that is an RDB: version 6, nothing in it, no checksum. */
export const EMPTY_RDB: Uint8Array = bytesOf('REDIS0006\xff\0\0\0\0\0\0\0\0');

/** A directory of its own for one test. */
export async function freshDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'forebay-log-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A base that stands where the log awaits it. */
async function placedBase(log: Log): Promise<NewBase> {
  const target = log.awaitBase();
  await writeFile(target.path, EMPTY_RDB);
  return { target, size: EMPTY_RDB.length, crc: crc32(EMPTY_RDB) };
}

/** A full resync. */
export async function giveBase(log: Log, offset: number, database = 0, id = A): Promise<void> {
  const base = await placedBase(log);
  await log.beginHistory({
    ...base,
    history: startHistory(id),
    offset,
    database,
    reason: 'a test',
  });
  followed.set(log, new StreamTracker({ offset, database }));
}

/** A base of the history that is followed, at `offset`. */
export async function addBase(log: Log, offset: number): Promise<void> {
  const base = await placedBase(log);
  await log.addBase({ ...base, position: { id: log.history!.id, offset } });
}

/** The stream of each log, to know where it may be cut. */
const followed = new WeakMap<Log, StreamTracker>();

/** Appends what a primary has sent. */
export function append(log: Log, bytes: Uint8Array): Promise<void> {
  return log.append(bytes, boundaryAfter(log, bytes));
}

/** Goes back, and follows the stream from there. */
export async function stepBack(log: Log, offset: number): Promise<void> {
  followed.set(log, (await log.stepBack(offset)).stream);
}

function boundaryAfter(log: Log, bytes: Uint8Array): Boundary {
  const stream = followed.get(log) ?? log.found?.stream ?? new StreamTracker({ offset: 0 });
  followed.set(log, stream);
  stream.push(bytes);
  return stream.boundary;
}

/** The bytes of a reading, as text with a character a byte. */
export async function collect(items: AsyncIterable<LogItem>): Promise<string> {
  let text = '';
  for await (const item of items) {
    if (item.type === 'stream') text += Buffer.from(item.bytes).toString('latin1');
  }
  return text;
}
