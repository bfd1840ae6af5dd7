import type { Base, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import type { Stretch } from './stretch.ts';

/** What is looked at as one: a base, or a file of stream with its index. */
export type Unit =
  | { readonly type: 'base'; readonly name: string; readonly base: Base }
  | { readonly type: 'stretch'; readonly name: string; readonly stretch: Stretch };

/** All that a manifest names, oldest segment first. */
export function unitsOf({ live, past, closedSize }: Manifest): Unit[] {
  return [...past, live].flatMap((segment): Unit[] => [
    ...segment.bases.map((base): Unit => ({ type: 'base', name: base.name, base })),
    ...stretchesOf(segment, closedSize).map(
      (stretch): Unit => ({ type: 'stretch', name: stretch.increment.name, stretch }),
    ),
  ]);
}

/** The stretches of a segment; `closedSize` is of the live one. */
function stretchesOf(segment: Segment | PastSegment, closedSize?: number): Stretch[] {
  return segment.increments.map((increment, i): Stretch => {
    const next = segment.increments[i + 1];
    if (next !== undefined) {
      return { increment, end: next.startOffset, nextDatabase: next.database };
    }
    if ('end' in segment) return { increment, end: segment.end };
    return { increment, ...(closedSize === undefined ? {} : { closedSize }) };
  });
}
