import type { Base, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import type { Stretch } from './stretch.ts';

/** What is looked at as one: a base, or a file of stream with its index. */
export type Unit =
  | { readonly type: 'base'; readonly name: string; readonly base: Base }
  | { readonly type: 'stretch'; readonly name: string; readonly stretch: Stretch };

/** All files in a manifest, oldest segment first; `isCopy`: the directory is a copy. */
export function unitsOf(manifest: Manifest, isCopy: boolean): Unit[] {
  const { live, past, closedSize, limit } = manifest;
  const given = <T>(key: string, value: T | undefined) =>
    value === undefined ? {} : { [key]: value };
  const ofEnd = given('closedSize', closedSize);
  const end = isCopy ? { copied: { ...ofEnd, ...given('limit', limit) } } : ofEnd;
  return [...past, live].flatMap((segment): Unit[] => [
    ...segment.bases.map((base): Unit => ({ type: 'base', name: base.name, base })),
    ...stretchesOf(segment, end).map(
      (stretch): Unit => ({ type: 'stretch', name: stretch.increment.name, stretch }),
    ),
  ]);
}

/** The stretches of a segment; `last` is said of the end of the live one. */
function stretchesOf(
  segment: Segment | PastSegment,
  last: Pick<Stretch, 'closedSize' | 'copied'>,
): Stretch[] {
  return segment.increments.map((increment, i): Stretch => {
    const next = segment.increments[i + 1];
    if (next !== undefined) {
      return { increment, end: next.startOffset, nextDatabase: next.database };
    }
    if ('end' in segment) return { increment, end: segment.end };
    return { increment, ...last };
  });
}
