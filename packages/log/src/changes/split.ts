import type { Boundary } from '@forebay/psync';
import { truncate } from '../disk/durable.ts';
import { LogError, orLogError } from '../errors.ts';
import { boundaryAt, copyIndexHead, copyTail } from '../increment/copy.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import type { StreamEnd } from '../increment/increment-writer.ts';
import { IncrementWriter } from '../increment/increment-writer.ts';
import { sizeUpTo } from '../increment/preamble.ts';
import type { Increment } from '../manifest/manifest.ts';
import { indexName, lastIncrement } from '../manifest/manifest.ts';
import { newIncrement } from './begin-history.ts';
import type { Change, Current, LogContext, SupersededFile } from './change.ts';
import { opened } from './change.ts';

/**
 * Ends the last increment at `offset`, where the stream may be cut, and goes on in a new one, into
 * which what was written after that is copied. Nothing to do where an increment starts there already;
 * with `anew` a new one takes its place.
 *
 * @throws {LogError} `NOT_COVERED` where the stream cannot be cut there, or not any more; `IO`
 */
export async function split(
  context: LogContext,
  { manifest, writer: old }: Current,
  offset: number,
  { anew = false }: { readonly anew?: boolean } = {},
): Promise<Change | undefined> {
  const { live } = manifest;
  const last = lastIncrement(live);
  const replaces = anew && last.startOffset === offset;
  if (!replaces) {
    if (live.increments.some(({ startOffset }) => startOffset === offset)) return undefined;
    checkWithin(old, last, offset);
  }
  // What is in the file is in the index, and on the disk, before another file relies on it.
  await old.flush();
  await old.settle();
  const { end } = old;
  const reader = await IncrementReader.open(context.disk, context.pathOf, last);
  try {
    const at = (await boundaryAt(reader, offset)).boundary;
    const next = newIncrement(context, offset, at.database);
    // Before the writer is created: an error here would leave it open.
    const head = replaces ? undefined : await headUpTo(context, reader, at, end);
    const writer =
      end.offset === offset
        ? await IncrementWriter.create(context.pathOf, next, context.writerOptions)
        : await goOnInCopy(context, reader, next, end);
    const before = live.increments.slice(0, -1);
    const changed = (increments: readonly Increment[]) => ({
      manifest: { ...opened(manifest), live: { ...live, increments: nonEmpty(increments) } },
      writer,
    });
    if (head === undefined) {
      const supersede = async () => {
        for (const name of [last.name, last.index]) await removeLater(context, name);
      };
      return { ...changed([...before, next]), afterwards: supersede };
    }
    const cut = () => cutBehind(context, last, head, at);
    return { ...changed([...before, head, next]), afterwards: cut };
  } finally {
    await reader.close();
  }
}

/**
 * An increment that is to end at `end`: with an index of its own where it went on. That the bytes
 * after it go can wait, for the manifest says where its successor begins.
 */
export async function headUpTo(
  context: LogContext,
  reader: IncrementReader,
  end: Boundary,
  { offset }: Pick<StreamEnd, 'offset'>,
): Promise<Increment> {
  if (offset === end.offset) return reader.increment;
  const index = indexName(context.nextSequence());
  await copyIndexHead(context.disk, context.pathOf(index), reader, end);
  return { ...reader.increment, index };
}

/** A copy of the directory that is being made may have the manifest that names them. */
const SUPERSEDED_KEPT = 16;
/** The index of a slow stream is large: only the newest file may exceed this. */
const SUPERSEDED_BYTES = 4 * 1024 * 1024;

/** Takes away what `before` held and `head` does not: after the commit. */
export async function cutBehind(
  context: LogContext,
  before: Increment,
  head: Increment,
  end: Boundary,
): Promise<void> {
  if (head === before) return;
  const { disk, pathOf } = context;
  await truncate(disk, pathOf(before.name), sizeUpTo(before, end.offset));
  await removeLater(context, before.index);
}

async function removeLater({ disk, pathOf, superseded }: LogContext, name: string): Promise<void> {
  const stat = () => disk.stat(pathOf(name));
  superseded.push({ name, bytes: (await orLogError(pathOf(name), 'reading', stat)).size });
  while (superseded.length > 1 && isTooMuch(superseded)) {
    const path = pathOf(superseded.shift()!.name);
    await orLogError(path, 'removing', () => disk.remove(path));
  }
}

function isTooMuch(files: readonly SupersededFile[]): boolean {
  return files.length > SUPERSEDED_KEPT || supersededBytes(files) > SUPERSEDED_BYTES;
}

export function supersededBytes(files: readonly SupersededFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function nonEmpty<T>(items: readonly T[]): readonly [T, ...T[]] {
  return items as readonly [T, ...T[]];
}

async function goOnInCopy(
  context: LogContext,
  reader: IncrementReader,
  next: Increment,
  { offset, boundary }: StreamEnd,
): Promise<IncrementWriter> {
  const records = await copyTail(context.disk, context.pathOf, reader, next);
  const start = { offset: next.startOffset, database: next.database };
  const end = { offset, boundary: boundary.offset < start.offset ? start : boundary };
  const time = context.clock.now();
  const found = { records, spanEnd: offset, spanCrc: 0, time };
  const all = { synced: offset, syncedRecords: records };
  return IncrementWriter.open(
    context.pathOf,
    next,
    end,
    { ...found, ...all },
    context.writerOptions,
  );
}

function checkWithin(writer: IncrementWriter, last: Increment, offset: number): void {
  if (offset > last.startOffset && offset <= writer.written) return;
  const message = `offset ${offset} is not in ${writer.path}, which can be split from ${last.startOffset} to ${writer.written}`;
  throw new LogError('NOT_COVERED', writer.path, message);
}
