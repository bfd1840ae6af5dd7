import type { Position } from '@forebay/psync';
import type { IdSpan, Manifest, PastSegment, Segment } from './manifest.ts';
import { historyOf, startOf } from './manifest.ts';

type Ids = readonly [IdSpan, ...IdSpan[]];
type Names = Pick<Segment, 'ids' | 'aliases'>;

/**
 * The same history under another id, from after `offset` on. The same id again changes nothing. An id
 * that began after that did so in what a power cut has taken, and not in this history.
 */
export function shiftIds([first, ...others]: Ids, id: string, offset: number): Ids {
  if ((others.at(-1) ?? first).id === id) return [first, ...others];
  const before = others.map((each) => ({ ...each, from: Math.min(each.from, offset) }));
  return [first, ...before, { id, from: offset }];
}

/**
 * The ids of what is left when all after `offset` is taken back: up to `id`, where that is one of
 * them, though nothing has come under it yet.
 */
export function idsUpTo([first, ...others]: Ids, offset: number, id?: string): Ids {
  const last = others.findLastIndex((span) => id !== undefined && sameId(span.id, id));
  const kept = others.filter(({ from }, i) => from < offset || i <= last);
  return [first, ...kept.map((span) => ({ ...span, from: Math.min(span.from, offset) }))];
}

/**
 * The names of the rest of a segment after all bytes beyond `offset` are discarded. An id that is given up stays, as
 * an alias: it names the bytes before its place for as long as these are held.
 */
export function namesUpTo({ ids, aliases }: Names, offset: number, id?: string): Names {
  const kept = idsUpTo(ids, offset, id);
  const givenUp = ids.filter((span) => !kept.some((each) => sameId(each.id, span.id)));
  return { ids: kept, aliases: aliasesUpTo([...aliases, ...givenUp], kept, offset) };
}

/** Aliases for bytes up to `offset`: one for each id that is not in `ids`, with its last offset. */
export function aliasesUpTo(
  spans: readonly IdSpan[],
  ids: readonly IdSpan[],
  offset: number,
): readonly IdSpan[] {
  const aliases = new Map<string, IdSpan>();
  for (const { id, from } of spans) {
    if (ids.some((each) => sameId(each.id, id))) continue;
    const known = aliases.get(id.toLowerCase())?.from ?? 0;
    aliases.set(id.toLowerCase(), { id, from: Math.max(known, Math.min(from, offset)) });
  }
  return [...aliases.values()];
}

/**
 * The names of a segment whose bytes up to its start are deleted: without those that name nothing else. The
 * two newest ids stay, for they can be asked for (`historyOf`).
 */
export function namesFrom({ ids, aliases }: Names, start: number): Names {
  const first = ids.findIndex((_, i) => (ids[i + 1]?.from ?? Infinity) >= start);
  const [oldest, ...others] = ids.slice(Math.min(first, Math.max(0, ids.length - 2)));
  return {
    ids: oldest === undefined ? ids : [oldest, ...others],
    aliases: aliases.filter(({ from }) => from >= start),
  };
}

/**
 * The ids before the two of `historyOf`, and those that were given up, each with the offset of the last byte
 * that is shared with it.
 */
export function olderIds({ ids, aliases }: Names): readonly Position[] {
  const former = ids.slice(0, -2).map(({ id }, i) => ({ id, offset: ids[i + 1]?.from ?? 0 }));
  return [...former, ...aliases.map(({ id, from }) => ({ id, offset: from }))];
}

/** The ids of what comes after `offset`. */
export function idsAfter(ids: Ids, offset: number): Ids {
  const [first, ...others] = ids.filter((_, i) => (ids[i + 1]?.from ?? Infinity) > offset);
  return first === undefined ? ids : [first, ...others];
}

/** The offset of the last byte that a history has in common with the one that `id` names; undefined: none. */
export function sharedEnd({ ids, aliases }: Names, id: string, end: number): number | undefined {
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
    const shared = sharedEnd(segment, at.id, endOf(segment, written));
    if (shared === undefined) continue;
    if (at.offset > shared) behind ??= beyond(manifest, segment, at, shared);
    else if (at.offset >= startOf(segment)) return within(manifest, segment, at.offset);
  }
  return behind ?? { type: 'unknown' };
}

/** What was moved aside is not gone on with: whoever is in it goes back to what is left of it. */
function within(manifest: Manifest, segment: Segment, offset: number): Location {
  if (!isRewound(segment)) return { type: 'held', segment, offset };
  const { parent, end } = leftOf(manifest, segment);
  if (offset <= end) return { type: 'held', segment: parent, offset };
  return { type: 'rewound', segment: parent, offset: end };
}

/** Past what is shared there is more to come only under the id that is followed. */
function beyond(
  manifest: Manifest,
  segment: Segment,
  at: Position,
  shared: number,
): Location | undefined {
  if (segment === manifest.live && sameId(historyOf(segment).id, at.id)) {
    return { type: 'held', segment, offset: at.offset };
  }
  const left = within(manifest, segment, shared);
  // The bytes after the position may be deleted, and the position with them.
  if (left.type === 'unknown' || left.offset < startOf(left.segment)) return undefined;
  return { ...left, type: 'rewound' };
}

/** The segment that a tail was taken from, and the last of its bytes that later step backs have left. */
export function leftOf(manifest: Manifest, tail: Segment): { parent: Segment; end: number } {
  const i = manifest.past.findIndex(({ number }) => number === tail.number);
  const later = manifest.past.slice(i);
  const reset = later.findIndex(({ by }) => by === 'reset');
  const tails = reset === -1 ? later : later.slice(0, reset);
  return { parent: later[reset] ?? manifest.live, end: Math.min(...tails.map(startOf)) };
}

/**
 * What is left when a past segment is let go of. The ids of a tail go on naming the place from which it was
 * taken: who has a position in it goes back there, as long as that is held.
 */
export function withoutPast(manifest: Manifest, number: number): Manifest {
  const i = manifest.past.findIndex((each) => each.number === number);
  const gone = manifest.past[i];
  let from = i;
  // The tails of a segment lead nowhere without it, and would be taken for those of the next.
  if (gone?.by === 'reset') while (manifest.past[from - 1]?.by === 'rewound') from--;
  const left = {
    ...manifest,
    past: manifest.past.filter((_, each) => each < from || each > i),
  };
  if (gone === undefined || !isRewound(gone)) return left;
  const { parent, end } = leftOf(manifest, gone);
  const known = [...parent.ids, ...parent.aliases];
  const ids = gone.ids.filter(({ id }) => !known.some((each) => sameId(each.id, id)));
  const aliases = [...parent.aliases, ...ids.map(({ id }) => ({ id, from: end }))];
  const named = <T extends Segment>(each: T): T =>
    each.number === parent.number ? { ...each, aliases } : each;
  return { ...left, live: named(left.live), past: left.past.map(named) };
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
