import type { IncrementReader } from '../increment/increment-reader.ts';
import { endOffsetOf } from '../increment/preamble.ts';
import { bootedError } from '../manifest/parse.ts';
import type { Numbered } from './last-records.ts';
import { confirmedAfter, confirms, followTail } from './last-records.ts';
import type { RecoveredEnd } from './recovered-end.ts';

/**
 * Where the stream ends in a copy of the last increment. The file and its index may have been copied at
 * different moments while both grew, and a program that copies pads with zeros what was cut meanwhile: the
 * end is that of the last span that its CRC confirms. Both files are only appended to, or cut at the end, so
 * that all synced bytes before that span are valid. A power loss before the copy was made may have taken other bytes:
 * CRCs have to confirm those too. `limit`: the stream after it does not belong to this increment.
 *
 * @throws {LogError} `FOREIGN` where a server has written to it; `IO`
 */
export async function copiedEnd(
  reader: IncrementReader,
  last: Numbered,
  size: number,
  closedSize: number | undefined,
  limit: number = Number.MAX_SAFE_INTEGER,
): Promise<RecoveredEnd> {
  const held = endOffsetOf(reader.increment, size);
  const { number, record } = await lastConfirmed(reader, last, Math.min(held, limit));
  if (closedSize !== undefined && record.end === endOffsetOf(reader.increment, closedSize)) {
    await refuseServer(reader, record.end, held);
  }
  const { stream } = await followTail(reader, record, record.end);
  const { end, time } = record;
  const records = number + 1;
  return {
    stream,
    index: { records, spanEnd: end, spanCrc: 0, time, synced: end, syncedRecords: records },
    dropped: Math.max(0, held - end),
    damaged: false,
    isCopy: true,
  };
}

async function lastConfirmed(
  reader: IncrementReader,
  last: Numbered,
  held: number,
): Promise<Numbered> {
  const { index } = reader;
  for (let number = last.number; number > 0; number--) {
    const record = await index.at(number);
    if (record === undefined || record.end > held) continue;
    const before = await index.at(number - 1);
    // A record without a span confirms nothing.
    if (before === undefined || before.end === record.end) continue;
    if (await confirms(reader, before.end, record)) {
      return confirmedAfter(reader, { number, record });
    }
  }
  return { number: 0, record: await index.whole(0) };
}

/** Bytes of a time and the beginning of a SELECT, at most. */
const LONGEST_HEAD = 48;

/**
 * What follows the place of a clean close begins, where a server wrote it, with a SELECT of its own, before which
 * it may note the time (`aof.c: genAofTimestampAnnotationIfNeeded`).
 */
async function refuseServer(reader: IncrementReader, end: number, held: number): Promise<void> {
  const first = await reader.readInto(
    new Uint8Array(Math.max(0, Math.min(LONGEST_HEAD, held - end))),
    end + 1,
  );
  const pattern = /^(#TS:\d+\r\n)?\*2\r\n\$6\r\nselect\r\n/i;
  if (!pattern.test(Buffer.from(first).toString('latin1'))) return;
  throw bootedError(reader.path, 'continues with a SELECT after the offset at which it was closed');
}
