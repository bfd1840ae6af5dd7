import { StreamTracker } from '@forebay/psync';
import { LogError } from '../errors.ts';
import { copyTail, streamAt } from '../increment/copy.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { IncrementWriter } from '../increment/increment-writer.ts';
import { aliasesUpTo, idsAfter, namesUpTo } from '../manifest/lineage.ts';
import type { Increment, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import { newIncrement, nextSegment } from './begin-history.ts';
import type { Change, Current, LogContext } from './change.ts';
import { opened } from './change.ts';
import { cutBehind, headUpTo, nonEmpty } from './split.ts';

/** A change, and the stream followed to where it went back to. */
export interface SteppedBack extends Change {
  readonly stream: StreamTracker;
}

/**
 * Takes back what came after the last place up to `shared` where the stream may be cut: what the
 * history that is to be followed does not have. It becomes a segment of its own, kept as long as
 * other past is. A new increment goes on from there.
 *
 * @throws {LogError} `NOT_COVERED` where that is below what is held; `IO`
 */
export async function stepBack(
  context: LogContext,
  { manifest, writer: old }: Current,
  shared: number,
  id: string | undefined,
): Promise<SteppedBack> {
  const { live } = manifest;
  const i = live.increments.findLastIndex(({ startOffset }) => startOffset <= shared);
  const within = live.increments[i];
  if (within === undefined || shared > old.written || shared < (live.bases[0]?.offset ?? 0)) {
    const message = `there is no going back from ${old.written} to ${shared}`;
    throw new LogError('NOT_COVERED', old.path, message);
  }
  await old.flush();
  await old.settle();
  const reader = await IncrementReader.open(context.disk, context.pathOf, within);
  try {
    if (shared === old.written) return await underOlderId(manifest, old, reader, id);
    const { boundary: at } = await streamAt(reader, shared);
    const stream = new StreamTracker(at);
    const { offset } = at;
    const end = live.increments[i + 1]?.startOffset ?? old.written;
    const tail = await tailOf(context, reader, stream, live.increments.slice(i + 1));
    // Later bytes follow this offset.
    const ended = context.clock.now();
    const next = newIncrement(context, offset, at.database);
    const keepsHead = within.startOffset < offset;
    const head = keepsHead ? await headUpTo(context, reader, at, { offset: end }) : within;
    // The writer is created last: an error after it would leave it open.
    const writer = await IncrementWriter.create(context.pathOf, next, context.writerOptions);
    const before = live.increments.slice(0, i);
    const ids = idsAfter(live.ids, offset);
    const named = live.aliases.filter(({ from }) => from > offset);
    const past: PastSegment = {
      number: nextSegment(manifest),
      ids,
      aliases: aliasesUpTo(named, ids, old.written),
      bases: live.bases.filter((base) => base.offset > offset),
      increments: tail,
      by: 'rewound',
      end: old.written,
      ended,
      reason: `a step back from ${old.written} to ${offset}`,
    };
    const kept: Segment = {
      ...live,
      ...namesUpTo(live, offset, id),
      bases: live.bases.filter((base) => base.offset <= offset),
      increments: nonEmpty([...before, ...(keepsHead ? [head] : []), next]),
    };
    return {
      manifest: { ...opened(manifest), live: kept, past: [...manifest.past, past] },
      writer,
      stream,
      afterwards: () => cutBehind(context, within, head, at),
    };
  } finally {
    await reader.close();
  }
}

/** Nothing came under the newest id yet: it is as if it had never been. */
async function underOlderId(
  manifest: Manifest,
  writer: IncrementWriter,
  reader: IncrementReader,
  id: string | undefined,
): Promise<SteppedBack> {
  const stream = await streamAt(reader, writer.written);
  const { live } = manifest;
  const names = namesUpTo(live, writer.written, id);
  return { manifest: { ...opened(manifest), live: { ...live, ...names } }, writer, stream };
}

/** What comes after the place: where it is inside of an increment, a copy of the rest, and the others. */
async function tailOf(
  context: LogContext,
  reader: IncrementReader,
  { boundary: { offset, database } }: StreamTracker,
  others: readonly Increment[],
): Promise<PastSegment['increments']> {
  if (reader.increment.startOffset === offset) return [reader.increment, ...others];
  const copy = newIncrement(context, offset, database);
  await copyTail(context.disk, context.pathOf, reader, copy);
  return [copy, ...others];
}
