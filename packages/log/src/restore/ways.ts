import type { Boundary } from '@forebay/psync';
import { aliasesUpTo, idsUpTo } from '../manifest/lineage.ts';
import type { IdSpan, Increment, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import { startOf } from '../manifest/manifest.ts';

/** What a log held at some time: a stretch of stream without a break, by what it ended with. */
export interface Way extends Segment {
  /** Offset of its last byte; undefined where that moves on. */
  readonly end: number | undefined;
  /** When it was left, milliseconds since 1970; undefined while it is gone on. */
  readonly ended: number | undefined;
  /** What stands after this offset came later than anything of the ways that follow. */
  readonly since: number;
}

/**
 * The ways that a log has gone, the newest first: what is live, what it was before each step back,
 * and the same of each history that a full resync has ended. A step back is undone by putting its
 * tail in place of what has come since; an earlier tail may begin in that.
 */
export function waysOf(manifest: Manifest): readonly [Way, ...Way[]] {
  const older: Way[] = [];
  let tails: PastSegment[] = [];
  for (const segment of manifest.past) {
    if (segment.by === 'rewound') tails.push(segment);
    else {
      older.unshift(...undone(segment, tails));
      tails = [];
    }
  }
  return [...undone(manifest.live, tails), ...older];
}

/** Where the increment ends that begins at `startOffset`; `end` where it is the last one. */
export function endWithin({ increments }: Way, startOffset: number, end: number): number {
  const next = increments.find((each) => each.startOffset > startOffset);
  return Math.min(end, next?.startOffset ?? end);
}

function undone(segment: Segment, tails: readonly PastSegment[]): [Way, ...Way[]] {
  let way: Way = { end: undefined, ended: undefined, ...segment, since: sinceLast(tails) };
  const ways: [Way, ...Way[]] = [way];
  for (let left = tails; left.length > 0; ) {
    const tail = left.at(-1)!;
    // What it was taken from was itself taken back, and has been dropped since.
    if (!leadsTo(way, tail)) break;
    left = left.slice(0, -1);
    way = goneOn(way, tail, sinceLast(left));
    ways.push(way);
  }
  return ways;
}

function leadsTo({ ids }: Way, tail: PastSegment): boolean {
  const start = startOf(tail);
  const [{ id, from }] = tail.ids;
  return from >= start || idsUpTo(ids, start).at(-1)?.id === id;
}

function goneOn(way: Way, tail: PastSegment, since: number): Way {
  const start = startOf(tail);
  const before = way.increments.filter(({ startOffset }) => startOffset < start);
  const ids = idsUpTo(way.ids, start);
  const shared = ids.at(-1)?.id === tail.ids[0].id;
  const all = [...ids, ...tail.ids.slice(shared ? 1 : 0)] as [IdSpan, ...IdSpan[]];
  const aliases = [...aliasesUpTo(way.aliases, all, start), ...tail.aliases];
  return {
    ...tail,
    ids: all,
    aliases: aliasesUpTo(aliases, all, tail.end),
    bases: [...way.bases.filter(({ offset }) => offset <= start), ...tail.bases],
    increments: [...before, ...tail.increments] as [Increment, ...Increment[]],
    since,
  };
}

function sinceLast(tails: readonly PastSegment[]): number {
  const last = tails.at(-1);
  return last === undefined ? -1 : startOf(last);
}

/** A place where the stream may be cut, on the way that leads to it. */
export interface Place {
  readonly way: Way;
  readonly boundary: Boundary;
  /** For a time: whether later records have times up to it, because the clock stepped back. */
  readonly leavesOut: boolean;
}
