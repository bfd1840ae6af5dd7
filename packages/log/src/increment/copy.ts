import { crc32 } from 'node:zlib';
import type { Boundary } from '@forebay/psync';
import { StreamTracker } from '@forebay/psync';
import type { Disk } from '../disk/disk.ts';
import { LogError } from '../errors.ts';
import { IndexWriter } from '../index-file/index-writer.ts';
import type { IndexRecord, RecordWriter } from '../index-file/record.ts';
import { writerOf } from '../index-file/record.ts';
import type { Increment } from '../manifest/manifest.ts';
import { AppendFile } from './append-file.ts';
import type { IncrementReader } from './increment-reader.ts';
import { preambleOf } from './preamble.ts';

/**
 * Follows an increment to `offset`, from the last place before it that the index knows.
 *
 * @throws {LogError} `NOT_COVERED` where the stream cannot be cut there; `CORRUPT`, `IO`
 */
export async function boundaryAt(reader: IncrementReader, offset: number): Promise<StreamTracker> {
  const stream = await streamAt(reader, offset);
  if (stream.boundary.offset === offset) return stream;
  const message = `offset ${offset} lies inside of a command or a transaction in ${reader.path}`;
  throw new LogError('NOT_COVERED', reader.path, message);
}

/** Follows an increment to `offset`, anywhere in a command. @throws {LogError} `CORRUPT`, `IO` */
export async function streamAt(reader: IncrementReader, offset: number): Promise<StreamTracker> {
  const stream = new StreamTracker(await boundaryBefore(reader, offset));
  for await (const { bytes } of reader.read(stream.offset + 1, offset)) stream.push(bytes);
  return stream;
}

/** The last boundary at or before `offset` that a record names. @throws {LogError} `CORRUPT`, `IO` */
async function boundaryBefore(reader: IncrementReader, offset: number): Promise<Boundary> {
  const { startOffset, database } = reader.increment;
  const { index } = reader;
  const count = await index.count();
  for (let i = (await index.find(offset, count)) ?? count - 1; i >= 0; i--) {
    const { boundary } = await index.whole(i);
    if (boundary.offset <= offset) return boundary;
  }
  return { offset: startOffset, database };
}

/**
 * Copies what comes after the start of `target` into its two files, synced: the stream's bytes, each
 * checked, and the records with the times they have.
 *
 * @returns how many records
 */
export async function copyTail(
  disk: Disk,
  pathOf: (name: string) => string,
  source: IncrementReader,
  target: Increment,
): Promise<number> {
  const file = await AppendFile.create(disk, pathOf(target.name));
  try {
    await file.append(preambleOf(target));
    const records = copySpans(source, target, file, await writerOf(disk, file.path));
    const index = await IndexWriter.create(disk, pathOf(target.index), records);
    try {
      await Promise.all([file.sync(), index.sync()]);
      return index.count;
    } finally {
      await index.close();
    }
  } finally {
    await file.close();
  }
}

async function* copySpans(
  source: IncrementReader,
  { startOffset, database }: Increment,
  file: AppendFile,
  writer: RecordWriter,
): AsyncGenerator<IndexRecord, void, void> {
  const start: Boundary = { offset: startOffset, database };
  let first = true;
  for await (const span of source.spans(startOffset + 1)) {
    const { bytes, offset } = span;
    const record = { ...span.record, ...writer, synced: startOffset };
    if (first) yield { ...record, end: startOffset, boundary: start, crc: 0 };
    const fresh = bytes.subarray(Math.max(0, bytes.length - (offset - startOffset)));
    await file.append(fresh);
    const boundary = record.boundary.offset < startOffset ? start : record.boundary;
    yield { ...record, boundary, crc: first ? crc32(fresh) : record.crc };
    first = false;
  }
}

/** The index of what comes up to `end`, where the stream may be cut: a new file, synced. */
export async function copyIndexHead(
  disk: Disk,
  path: string,
  source: IncrementReader,
  end: Boundary,
): Promise<void> {
  const index = await IndexWriter.create(disk, path, headRecords(source, end));
  try {
    await index.sync();
  } finally {
    await index.close();
  }
}

async function* headRecords(
  source: IncrementReader,
  end: Boundary,
): AsyncGenerator<IndexRecord, void, void> {
  let start = source.increment.startOffset;
  let i = 0;
  for await (const record of source.index.from(0)) {
    if (record === undefined) throw source.index.damaged(i);
    i++;
    if (record.end <= end.offset) {
      yield record;
      start = record.end;
      continue;
    }
    if (start === end.offset) return;
    const bytes = await source.checked(start, record);
    const crc = crc32(bytes.subarray(0, end.offset - start));
    yield { ...record, end: end.offset, boundary: end, crc };
    return;
  }
}
