import type { Boundary, Position } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import { LogError } from '../errors.ts';
import { streamAt } from '../increment/copy.ts';
import { sharedEnd } from '../manifest/lineage.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import type { Held } from './held.ts';
import { placeOfTime } from './place-of-time.ts';
import type { Place, Way } from './ways.ts';

/** What is to be gone back to: a position, or a time (milliseconds since 1970). */
export type RestoreTarget = { readonly position: Position } | { readonly time: number };

/**
 * The last place at or before the target where the stream may be cut; the end of what is held unless
 * one is given. Of a time: the last place that had certainly arrived by then.
 *
 * @throws {LogError} `NOT_COVERED`, `CORRUPT`, `FOREIGN`, `IO`
 */
export async function findPlace(held: Held, target?: RestoreTarget): Promise<Place> {
  if (target === undefined) {
    return {
      way: held.ways[0],
      boundary: (await held.liveEnd()).stream.boundary,
      leavesOut: false,
    };
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
    return { way, boundary: await cutUpTo(held, way, offset), leavesOut: false };
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
