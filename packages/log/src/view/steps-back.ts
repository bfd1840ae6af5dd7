import { leftOf, locate, segmentsOf } from '../manifest/lineage.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { startOf } from '../manifest/manifest.ts';
import type { Readers } from '../reading/readers.ts';
import type { Sight } from './sight.ts';

/**
 * Tells readers of the steps back between two looks at a directory, of which nobody else tells them: by
 * the tails that were moved aside; and, where the tail is gone already or a power cut took it, by the ids
 * that what they have read came under.
 */
export function tellOfStepsBack(
  readers: Readers,
  before: Manifest,
  { manifest, written }: Sight,
): void {
  const known = new Set(segmentsOf(before).map(({ number }) => number));
  for (const tail of manifest.past) {
    if (tail.by !== 'rewound' || known.has(tail.number)) continue;
    readers.stepBack(leftOf(manifest, tail).parent.number, startOf(tail));
  }
  for (const seat of readers.seats) {
    const found = locate(manifest, written, { id: seat.id, offset: seat.offset }, seat.segment);
    if (found.type === 'rewound') seat.steppedBack(found.segment.number, found.offset);
  }
}
