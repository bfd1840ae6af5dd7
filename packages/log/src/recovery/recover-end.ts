import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import type { IncrementReader } from '../increment/increment-reader.ts';
import { SPAN_TIME } from '../increment/increment-writer.ts';
import { endOffsetOf } from '../increment/preamble.ts';
import type { IndexRecord } from '../index-file/record.ts';
import { isOfAnotherFile, isOfThisRun, writerOf } from '../index-file/record.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { bootedError } from '../manifest/parse.ts';
import { copiedEnd } from './copied-end.ts';
import type { Numbered } from './last-records.ts';
import { confirmedAfter, followTail, lastRecord } from './last-records.ts';
import type { RecoveredEnd } from './recovered-end.ts';

/** Milliseconds that an append of ours may take to reach the file after its record has. */
const APPEND_TIME = 500;

/**
 * Decides what of the last increment is kept. What was not synced may be lost in any part, or be
 * zeros: of that, only the spans whose CRC confirms them; and where this run of the machine wrote it,
 * what follows the last of them too, to the file's last byte. Of a copy, what a CRC confirms.
 *
 * @throws {LogError} `FOREIGN` where a server has written to it; `CORRUPT`, `IO`
 */
export async function recoverEnd(
  disk: Disk,
  reader: IncrementReader,
  { closedSize, limit }: Pick<Manifest, 'closedSize' | 'limit'>,
): Promise<RecoveredEnd> {
  const { increment, path } = reader;
  // In this order: what a log that is written to has recorded by now is in the file by then.
  const found = await lastRecord(reader);
  const size = await reader.size();
  const writer = await writerOf(disk, path);
  if (isOfAnotherFile(found.record, writer)) {
    return copiedEnd(reader, found, size, closedSize, limit);
  }
  const last = closedSize === undefined ? found : synced(found);
  if (closedSize !== undefined && size !== closedSize) {
    throw bootedError(path, `had ${closedSize} bytes when it was closed, and has changed since`);
  }
  const held = Math.max(increment.startOffset, endOffsetOf(increment, size));
  const sameRun = isOfThisRun(disk, last.record, writer);
  if (sameRun && held < last.record.end) {
    throw bootedError(path, 'is shorter than its index says it was written');
  }
  const kept = await confirmed(reader, last);
  // What this run wrote after the last record is whole, unless the system dropped what a sync refused.
  const trusted = sameRun && kept.number === last.number;
  const { synced: upTo } = last.record;
  if (held < kept.record.end) throw lostError(reader, held, kept.record.end);
  const times = await writtenLast(disk, reader, last);
  if (held > last.record.end && (sameRun || times.ofThisRun)) {
    await refuseForeignTail(reader, last.record, held, times);
  }
  const { stream, crc } = await followTail(reader, kept.record, trusted ? held : kept.record.end);
  return {
    stream,
    index: {
      records: kept.number + 1,
      spanEnd: kept.record.end,
      spanCrc: crc,
      // The system's time of a file may be some milliseconds behind its clock.
      time:
        stream.offset > kept.record.end
          ? Math.max(Math.floor(times.file), kept.record.time)
          : kept.record.time,
      synced: upTo,
      syncedRecords: (await reader.index.find(upTo, kept.number + 1)) ?? 0,
    },
    dropped: Math.max(0, held - stream.offset),
    damaged: sameRun && !trusted,
    isCopy: false,
  };
}

/** A clean close synced the bytes that its last record describes. */
function synced({ number, record }: Numbered): Numbered {
  return { number, record: { ...record, synced: record.end } };
}

/** The last record up to which nothing is in doubt: all that was synced, and what CRCs confirm. */
async function confirmed(reader: IncrementReader, last: Numbered): Promise<Numbered> {
  const { synced } = last.record;
  const kept = await confirmedAfter(reader, last);
  if (kept.record.end < synced) throw lostError(reader, kept.record.end, synced);
  return kept;
}

function lostError({ path }: IncrementReader, held: number, synced: number): LogError {
  const message =
    `${path} is whole up to offset ${held}, and was synced up to ${synced}: ` +
    'the disk has lost or changed what it held. forebay check tells more';
  return new LogError('CORRUPT', path, message);
}

interface WrittenLast {
  readonly file: number;
  /** The file was written to in this run of the machine. */
  readonly ofThisRun: boolean;
  readonly index: number;
}

/** Records looked at for the last time that one was written: the clock may have been set back. */
const RECENT = 8;

async function writtenLast(
  disk: Disk,
  { path, index }: IncrementReader,
  { number }: Numbered,
): Promise<WrittenLast> {
  let latest = 0;
  for await (const record of index.from(Math.max(0, number - RECENT), number + 1)) {
    latest = Math.max(latest, record?.time ?? 0);
  }
  return orLogError(path, 'reading', async () => {
    const { modified, ofThisRun } = await disk.stat(path);
    const recorded = Math.max(latest, (await disk.stat(index.path)).modified);
    return { file: modified, ofThisRun, index: recorded };
  });
}

/**
 * After a crash no size was noted. But we write nothing to the file later than so much after a
 * record, and a server that was booted begins with a SELECT (`aof.c: feedAppendOnlyFile`). A power cut may
 * take the record and leave what came after it, however late that was: this is asked only of what is known
 * to have been written since.
 */
async function refuseForeignTail(
  reader: IncrementReader,
  { boundary }: IndexRecord,
  held: number,
  times: WrittenLast,
): Promise<void> {
  if (times.file - times.index <= SPAN_TIME + APPEND_TIME) return;
  let tail = '';
  for await (const { bytes } of reader.readUnchecked(boundary.offset + 1, held)) {
    tail = tail.slice(-20) + Buffer.from(bytes).toString('latin1');
    if (!/\*2\r\n\$6\r\nselect\r\n/i.test(tail)) continue;
    const later = ((times.file - times.index) / 1000).toFixed(1);
    throw bootedError(reader.path, `was written to ${later} s after forebay last noted it`);
  }
}
