import type { Boundary, Position } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import { LogError } from '../errors.ts';
import { streamAt } from '../increment/copy.ts';
import type { IndexReader } from '../index-file/index-reader.ts';
import type { IndexRecord } from '../index-file/record.ts';
import { sharedEnd } from '../manifest/lineage.ts';
import type { Increment } from '../manifest/manifest.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import type { Held } from './held.ts';
import type { Way } from './ways.ts';

/** What is to be gone back to: a position, or a time (milliseconds since 1970). */
export type RestoreTarget = { readonly position: Position } | { readonly time: number };

/** A place where the stream may be cut, on the way that leads to it. */
export interface Place {
  readonly way: Way;
  readonly boundary: Boundary;
}

/**
 * The last place at or before the target where the stream may be cut; the end of what is held unless
 * one is given.
 *
 * @throws {LogError} `NOT_COVERED`, `CORRUPT`, `FOREIGN`, `IO`
 */
export async function findPlace(held: Held, target?: RestoreTarget): Promise<Place> {
  if (target === undefined) {
    return { way: held.ways[0], boundary: (await held.liveEnd()).stream.boundary };
  }
  const found =
    'time' in target
      ? await placeOfTime(held, target.time)
      : await placeOfPosition(held, target.position);
  if (found === undefined) throw notCovered(held, target);
  return found;
}

/** When the last byte up to `offset` arrived, milliseconds since 1970. @throws {LogError} */
export async function arrivalOf(held: Held, way: Way, offset: number): Promise<number> {
  const increment = way.increments.findLast(({ startOffset }) => startOffset < offset);
  if (increment === undefined) return way.bases.find((base) => base.offset === offset)?.time ?? 0;
  const recorded = await held.withReader(increment, async ({ index }) => {
    const i = await index.find(offset);
    return i === undefined ? undefined : (await index.whole(i)).time;
  });
  return recorded ?? (await held.liveEnd()).index.time;
}

/** What is asked for is not held. @throws {LogError} */
export function notCovered({ directory, ways }: Held, target: RestoreTarget | undefined): LogError {
  const covered = ways.flatMap((way) => {
    const [base] = way.bases;
    if (base === undefined) return [];
    const since = new Date(base.time).toISOString();
    const end = way.end ?? 'the end';
    return [`${way.ids.at(-1)?.id}:${base.offset} (${since}) to ${end}`];
  });
  const message = `${nameOf(target)} cannot be restored from ${directory}, which covers ${covered.join(', ')}`;
  return new LogError('NOT_COVERED', directory, message);
}

function nameOf(target: RestoreTarget | undefined): string {
  if (target === undefined) return 'the end';
  if ('position' in target) return formatPosition(target.position);
  const date = new Date(target.time);
  return Number.isNaN(date.getTime()) ? String(target.time) : date.toISOString();
}

async function placeOfPosition(held: Held, { id, offset }: Position): Promise<Place | undefined> {
  for (const way of held.ways) {
    const shared = sharedEnd(way, id, way.end ?? Infinity);
    if (shared === undefined || offset > shared || offset < way.increments[0].startOffset) continue;
    if (!(await reaches(held, way, offset))) continue;
    return { way, boundary: await cutUpTo(held, way, offset) };
  }
  return undefined;
}

async function reaches(held: Held, way: Way, offset: number): Promise<boolean> {
  if (way.end !== undefined) return true;
  const last = lastIncrement(way);
  if (offset <= last.startOffset) return true;
  const recorded = await held.withReader(last, ({ index }) => index.find(offset));
  return recorded !== undefined || offset <= (await held.liveEnd()).stream.offset;
}

async function cutUpTo(held: Held, { increments }: Way, offset: number): Promise<Boundary> {
  const increment = increments.findLast(({ startOffset }) => startOffset <= offset);
  const { startOffset, database } = increment ?? increments[0];
  if (increment === undefined || startOffset === offset) return { offset: startOffset, database };
  return held.withReader(increment, async (reader) => (await streamAt(reader, offset)).boundary);
}

/**
 * The clock may have jumped: what counts is the order in which things came, and the last of them that
 * has such a time. A way that was left counts up to when it was.
 */
async function placeOfTime(held: Held, time: number): Promise<Place | undefined> {
  for (const way of held.ways) {
    if (way.ended !== undefined && time >= way.ended) return undefined;
    const boundary = await lastOf(held, way, time);
    if (boundary !== undefined) return { way, boundary };
  }
  return undefined;
}

async function lastOf(held: Held, way: Way, time: number): Promise<Boundary | undefined> {
  const { increments, bases, since } = way;
  for (const increment of increments.toReversed()) {
    if (increment.startOffset < since) return undefined;
    const found = await lastIn(held, way, increment, time);
    if (found !== undefined) return found;
  }
  const [{ startOffset, database }] = increments;
  if (startOffset <= since) return undefined;
  // A history begins with its base, a moment before the first record.
  const begins = bases.some((base) => base.offset === startOffset && base.time <= time);
  return begins ? { offset: startOffset, database } : undefined;
}

async function lastIn(
  held: Held,
  way: Way,
  increment: Increment,
  time: number,
): Promise<Boundary | undefined> {
  const grows = way.end === undefined && increment === lastIncrement(way);
  return held.withReader(increment, async ({ index }) => {
    const { record, doubted, last } = await lastUpTo(index, time);
    if (grows && last) {
      const end = await held.liveEnd();
      return end.index.time <= time ? end.stream.boundary : record?.boundary;
    }
    if (doubted !== undefined) throw index.damaged(doubted);
    return record?.boundary;
  });
}

interface LastRecord {
  readonly record: IndexRecord | undefined;
  /** The number of a damaged one that it may be instead. */
  readonly doubted: number | undefined;
  /** Whether no whole one follows. */
  readonly last: boolean;
}

async function lastUpTo(index: IndexReader, time: number): Promise<LastRecord> {
  let record: IndexRecord | undefined;
  let doubted: number | undefined;
  let last = true;
  let number = 0;
  for await (const each of index.from(0)) {
    if (each === undefined) {
      if (last) doubted ??= number;
    } else {
      last = each.time <= time;
      if (last) [record, doubted] = [each, undefined];
    }
    number++;
  }
  return { record, doubted, last };
}
