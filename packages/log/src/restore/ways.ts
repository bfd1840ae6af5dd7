import { idsUpTo, segmentsOf } from '../manifest/lineage.ts';
import type {
  Base,
  IdSpan,
  Increment,
  Manifest,
  PastSegment,
  Segment,
} from '../manifest/manifest.ts';
import { startOf } from '../manifest/manifest.ts';

/** What a log held at some time: a stretch of stream without a break, and its bases. */
export interface Way {
  /** What it ended with. */
  readonly segment: Segment | PastSegment;
  readonly ids: readonly [IdSpan, ...IdSpan[]];
  readonly bases: readonly Base[];
  readonly increments: readonly [Increment, ...Increment[]];
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
  for (const segment of segmentsOf(manifest)) {
    if (isTail(segment)) {
      tails.push(segment);
      continue;
    }
    const ways = undone(segment, tails);
    if (segment === manifest.live) return [...ways, ...older];
    older.unshift(...ways);
    tails = [];
  }
  return [...undone(manifest.live, tails), ...older];
}

/** Where the increment ends that begins at `startOffset`; `end` where it is the last one. */
export function endWithin({ increments }: Way, startOffset: number, end: number): number {
  const next = increments.find((each) => each.startOffset > startOffset);
  return Math.min(end, next?.startOffset ?? end);
}

function undone(segment: Segment, tails: readonly PastSegment[]): [Way, ...Way[]] {
  let way: Way = { ...segment, segment, since: sinceLast(tails) };
  const ways: [Way, ...Way[]] = [way];
  for (let left = tails; left.length > 0; ) {
    const tail = left.at(-1)!;
    left = left.slice(0, -1);
    way = goneOn(way, tail, sinceLast(left));
    ways.push(way);
  }
  return ways;
}

function goneOn(way: Way, tail: PastSegment, since: number): Way {
  const start = startOf(tail);
  const before = way.increments.filter(({ startOffset }) => startOffset < start);
  const ids = idsUpTo(way.ids, start);
  const shared = ids.at(-1)?.id === tail.ids[0].id;
  return {
    segment: tail,
    ids: [...ids, ...tail.ids.slice(shared ? 1 : 0)] as [IdSpan, ...IdSpan[]],
    bases: [...way.bases.filter(({ offset }) => offset <= start), ...tail.bases],
    increments: [...before, ...tail.increments] as [Increment, ...Increment[]],
    since,
  };
}

function sinceLast(tails: readonly PastSegment[]): number {
  const last = tails.at(-1);
  return last === undefined ? -1 : startOf(last);
}

function isTail(segment: Segment | PastSegment): segment is PastSegment {
  return 'by' in segment && segment.by === 'rewound';
}
