import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHistory } from '@forebay/psync';
import { bytesOf } from '@forebay/testkit';
import { onTestFinished } from 'vitest';
import type { Log } from '../src/index.ts';

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

export async function giveBase(log: Log, offset: number, database = 0, id = A): Promise<void> {
  await writeFile(log.baseTarget.path, EMPTY_RDB);
  await log.adoptBase({ history: startHistory(id), offset, database });
}

export async function collect(chunks: AsyncIterable<{ bytes: Uint8Array }>): Promise<string> {
  let text = '';
  for await (const { bytes } of chunks) text += Buffer.from(bytes).toString('latin1');
  return text;
}
