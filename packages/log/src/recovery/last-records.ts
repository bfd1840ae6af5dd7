import { crc32 } from 'node:zlib';
import { StreamTracker } from '@forebay/psync';
import { LogError } from '../errors.ts';
import type { IncrementReader } from '../increment/increment-reader.ts';
import type { IndexRecord } from '../index-file/record.ts';

/** A record of the index, by its number. */
export interface Numbered {
  readonly number: number;
  readonly record: IndexRecord;
}

/**
 * The last whole record: less than a record at the end is a write that was cut.
 *
 * @throws {LogError} `CORRUPT` where there is none; `IO`
 */
export async function lastRecord({ index }: IncrementReader): Promise<Numbered> {
  for (let number = (await index.count()) - 1; number >= 0; number--) {
    const record = await index.at(number);
    if (record !== undefined) return { number, record };
  }
  throw index.damaged(0);
}

/** Whether a record matches the bytes after `start`. @throws {LogError} `IO` */
export async function confirms(
  reader: IncrementReader,
  start: number,
  record: IndexRecord,
): Promise<boolean> {
  if (record.end < start) return false;
  try {
    await reader.checked(start, record);
    return true;
  } catch (error) {
    if (error instanceof LogError && error.code === 'CORRUPT') return false;
    throw error;
  }
}

/**
 * The last record, `last` or one before it, up to which a CRC confirms every span that was not synced when
 * `last` was written.
 *
 * @throws {LogError} `CORRUPT` where the record to begin with is damaged; `IO`
 */
export async function confirmedAfter(reader: IncrementReader, last: Numbered): Promise<Numbered> {
  const { index } = reader;
  const first = await firstEndingAt(reader, last.record.synced, last);
  let kept = { number: first, record: await index.whole(first) };
  for (let number = first + 1; number <= last.number; number++) {
    const record = await index.at(number);
    if (record === undefined || !(await confirms(reader, kept.record.end, record))) break;
    kept = { number, record };
  }
  return kept;
}

/** What is in doubt is little and at the end: walked to, and not searched for. */
async function firstEndingAt(
  reader: IncrementReader,
  offset: number,
  last: Numbered,
): Promise<number> {
  for (let number = last.number; number > 0; number--) {
    const record = await reader.index.at(number);
    if (record !== undefined && record.end <= offset) return number;
  }
  return 0;
}

/** Follows the stream from the last place known, and takes the CRC of what no record covers. */
export async function followTail(
  reader: IncrementReader,
  { boundary, end: recorded }: IndexRecord,
  end: number,
): Promise<{ stream: StreamTracker; crc: number }> {
  const stream = new StreamTracker(boundary);
  let crc = 0;
  try {
    for await (const { bytes, offset } of reader.readUnchecked(boundary.offset + 1, end)) {
      stream.push(bytes);
      if (offset <= recorded) continue;
      const fresh = Math.min(bytes.length, offset - recorded);
      crc = crc32(bytes.subarray(bytes.length - fresh), crc);
    }
  } catch (error) {
    if (error instanceof LogError) throw error;
    const message = `${reader.path} is damaged: ${(error as Error).message}`;
    throw new LogError('CORRUPT', reader.path, message, error);
  }
  return { stream, crc };
}
