import { crc32 } from 'node:zlib';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { AppendFile } from '../increment/append-file.ts';
import { preambleOf } from '../increment/preamble.ts';
import { IndexReader } from '../index-file/index-reader.ts';
import { IndexWriter } from '../index-file/index-writer.ts';
import type { IndexRecord, RecordWriter } from '../index-file/record.ts';
import { writerOf } from '../index-file/record.ts';
import type { Base, Increment } from '../manifest/manifest.ts';
import { piecesOf } from './pieces.ts';
import { StreamWalk } from './stream-walk.ts';

/** An increment that is to take the place of another. */
export interface Remake {
  readonly from: Increment;
  /**
   * Its index has another name; its file too, unless all of the stream is kept where it is. It may begin later,
   * where the stream may be cut.
   */
  readonly to: Increment;
  /** Offset of the last byte that is kept. */
  readonly end: number;
}

/** A base that is to take the place of another: the same bytes, but for a bit that was flipped. */
export interface BaseCopy {
  readonly from: Base;
  readonly to: Base;
}

/** Bytes of stream that a record is made for. */
const SPAN = 1024 * 1024;

/**
 * Makes the files of an increment anew, synced: the index from the stream, by its framing, and the
 * file where it has another name. The old ones are only read. Times come from what is left of the old
 * index; what it does not tell came when the record after it says, or when the file was last written.
 *
 * @throws {LogError} `CORRUPT` where a span is not what it was when it was checked; `IO`
 */
export async function remake(
  disk: Disk,
  pathOf: (name: string) => string,
  made: Remake,
): Promise<void> {
  const { from, to, end } = made;
  const isEmpty = end === to.startOffset;
  const path = pathOf(from.name);
  const source = isEmpty
    ? undefined
    : await orLogError(path, 'opening', () => disk.open(path, 'read'));
  const old = await oldIndex(disk, pathOf(from.index));
  let target: AppendFile | undefined;
  let index: IndexWriter | undefined;
  try {
    if (to.name !== from.name) {
      target = await AppendFile.create(disk, pathOf(to.name));
      await target.append(preambleOf(to));
    }
    const writer = await writerOf(disk, pathOf(to.name));
    const records = recordsOf(disk, path, made, source, old, target, writer);
    index = await IndexWriter.create(disk, pathOf(to.index), records);
    await Promise.all([target?.sync(), index.sync()]);
  } finally {
    await closeQuietly(source, old, target, index);
  }
}

/**
 * Copies a base, synced.
 *
 * @throws {LogError} `CORRUPT` where its checksum is not the one that the manifest names; `IO`
 */
export async function copyBase(
  disk: Disk,
  pathOf: (name: string) => string,
  { from, to }: BaseCopy,
): Promise<void> {
  const path = pathOf(from.name);
  const source = await orLogError(path, 'opening', () => disk.open(path, 'read'));
  let target: AppendFile | undefined;
  try {
    target = await AppendFile.create(disk, pathOf(to.name));
    let crc = 0;
    for await (const bytes of piecesOf(source, path, 0, to.size)) {
      crc = crc32(bytes, crc);
      await target.append(bytes);
    }
    if (crc !== to.crc || target.size !== to.size) throw changed(path);
    await target.sync();
  } finally {
    await closeQuietly(source, target);
  }
}

async function oldIndex(disk: Disk, path: string): Promise<IndexReader | undefined> {
  try {
    return await IndexReader.open(disk, path);
  } catch (error) {
    if (error instanceof LogError && error.errno === 'ENOENT') return undefined;
    throw error;
  }
}

async function* recordsOf(
  disk: Disk,
  path: string,
  { from, to, end }: Remake,
  source: DiskFile | undefined,
  old: IndexReader | undefined,
  target: AppendFile | undefined,
  writer: RecordWriter,
): AsyncGenerator<IndexRecord, void, void> {
  const { startOffset: offset, database } = to;
  const first = { end: offset, boundary: { offset, database }, crc: 0, ...writer, synced: offset };
  const walk = source && new StreamWalk(source, path, from, undefined, { offset, database });
  let isFirst = true;
  for await (const { end: upTo, time, crc: expected } of timesOf(disk, path, old, to, end)) {
    if (isFirst) yield { ...first, time };
    isFirst = false;
    let spanCrc = 0;
    while (walk !== undefined && walk.offset < upTo) {
      const before = walk.offset;
      walk.crc = 0;
      await walk.to(Math.min(upTo, walk.offset + SPAN), async (bytes) => {
        spanCrc = crc32(bytes, spanCrc);
        await target?.append(bytes);
      });
      const { boundary, crc } = walk;
      if (boundary === undefined || walk.offset === before) throw changed(path);
      // What the old file has of it may not be synced: checksums are to decide after a power cut.
      yield { end: walk.offset, boundary, time, crc, ...writer, synced: offset };
    }
    if (expected !== undefined && expected !== spanCrc) throw changed(path);
  }
}

interface SpanTime {
  readonly end: number;
  readonly time: number;
  /** CRC-32 of what comes after the one before; absent where the records do not tell. */
  readonly crc?: number;
}

/** Up to which offset what came when: by the records that can be read, then by the file. */
async function* timesOf(
  disk: Disk,
  path: string,
  old: IndexReader | undefined,
  { startOffset }: Increment,
  end: number,
): AsyncGenerator<SpanTime, void, void> {
  let known = startOffset;
  let isChained = true;
  if (old !== undefined) {
    for await (const record of old.from(0)) {
      if (record === undefined || record.end < known || record.end > end) {
        isChained = false;
        continue;
      }
      const { end: upTo, time, crc } = record;
      known = upTo;
      yield { end: upTo, time, ...(isChained ? { crc } : {}) };
      isChained = true;
    }
  }
  if (known === end && known > startOffset) return;
  const time = await orLogError(path, 'reading', () => modifiedOf(disk, path));
  yield { end, time };
}

/** When a file was last written, to the millisecond; 0 where there is none. */
async function modifiedOf(disk: Disk, path: string): Promise<number> {
  try {
    return Math.floor((await disk.stat(path)).modified);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

function changed(path: string): LogError {
  return new LogError('CORRUPT', path, `${path} has changed while it was repaired`);
}
