import type { Position } from '@forebay/psync';
import type { IdSpan, Manifest, PastSegment, Segment } from './manifest.ts';
import { historyOf, startOf } from './manifest.ts';

type Ids = readonly [IdSpan, ...IdSpan[]];

/**
 * The same history under another id, from after `offset` on. The same id again changes nothing. An id
 * that began after that did so in what a power cut has taken, and not in this history.
 */
export function shiftIds([first, ...others]: Ids, id: string, offset: number): Ids {
  if ((others.at(-1) ?? first).id === id) return [first, ...others];
  const before = others.map((each) => ({ ...each, from: Math.min(each.from, offset) }));
  return [first, ...before, { id, from: offset }];
}

/** The ids of what is left when all after `offset` is taken back. */
export function idsUpTo([first, ...others]: Ids, offset: number): Ids {
  return [first, ...others.filter(({ from }) => from < offset)];
}

/** The ids of what comes after `offset`. */
export function idsAfter(ids: Ids, offset: number): Ids {
  const [first, ...others] = ids.filter((_, i) => (ids[i + 1]?.from ?? Infinity) > offset);
  return first === undefined ? ids : [first, ...others];
}

/** The offset of the last byte that a history has in common with the one that `id` names; undefined: none. */
export function sharedEnd({ ids, aliases }: Segment, id: string, end: number): number | undefined {
  const i = ids.findLastIndex((span) => sameId(span.id, id));
  if (i === -1) return aliases.find((alias) => sameId(alias.id, id))?.from;
  return ids[i + 1]?.from ?? end;
}

/** Where a position lies in what is held. */
export type Location =
  /** In a segment, at an offset of its own; beyond its end where more is to come. */
  | { readonly type: 'held'; readonly segment: Segment; readonly offset: number }
  /** In what a step back took away; the stream goes on after `offset` of the segment. */
  | { readonly type: 'rewound'; readonly segment: Segment; readonly offset: number }
  | { readonly type: 'unknown' };

/**
 * Finds a position. Ids are compared without case. Where a full resync kept the id, the newer
 * history comes first; `hint`, the number of a segment, goes before it.
 */
export function locate(manifest: Manifest, written: number, at: Position, hint?: number): Location {
  const hinted = segmentsOf(manifest).find(({ number }) => number === hint);
  const order = [
    ...(hinted === undefined ? [] : [hinted]),
    manifest.live,
    ...manifest.past.toReversed(),
  ];
  let behind: Location | undefined;
  for (const segment of order) {
    const end = endOf(segment, written);
    const shared = sharedEnd(segment, at.id, end);
    if (shared === undefined) continue;
    if (at.offset <= shared) {
      if (at.offset >= startOf(segment)) return comesBack(manifest, segment, at.offset);
    } else if (shared < end || segment !== manifest.live) {
      behind ??= { type: 'rewound', segment, offset: shared };
    } else behind ??= { type: 'held', segment, offset: at.offset };
  }
  return behind ?? { type: 'unknown' };
}

/** What was moved aside is not gone on with: whoever is in it goes back to where it begins. */
function comesBack(manifest: Manifest, segment: Segment, offset: number): Location {
  if (!isRewound(segment) || offset === startOf(segment)) return { type: 'held', segment, offset };
  return { type: 'rewound', segment: parentOf(manifest, segment), offset: startOf(segment) };
}

/** The segment that a tail was taken from. */
function parentOf(manifest: Manifest, tail: Segment): Segment {
  const later = manifest.past.slice(
    manifest.past.findIndex(({ number }) => number === tail.number),
  );
  return later.find(({ by }) => by === 'reset') ?? manifest.live;
}

/** The segment that came after one that a full resync ended. */
export function successorOf(manifest: Manifest, number: number): Segment {
  return manifest.past.find((each) => each.by === 'reset' && each.number > number) ?? manifest.live;
}

export function segmentsOf({ live, past }: Manifest): readonly Segment[] {
  return [...past, live];
}

export function endOf(segment: Segment | PastSegment, written: number): number {
  return 'end' in segment ? segment.end : written;
}

/** How `offset` of a segment is called. */
export function positionIn(segment: Segment, offset: number): Position {
  return { id: historyOf(segment).id, offset };
}

function isRewound(segment: Segment | PastSegment): boolean {
  return 'by' in segment && segment.by === 'rewound';
}

function sameId(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
