import type { Inventory, SegmentInventory } from '@forebay/log';
import { formatPosition } from '@forebay/psync';

/** The contents of a log, with positions as text for `--at` and `--since`. */
export function withPositions(inventory: Inventory): object {
  const segments = inventory.segments.map((segment) => ({
    ...segment,
    start: startOf(segment),
    end: positionIn(segment, segment.to),
    bases: segment.bases.map((base) => ({ ...base, position: positionIn(segment, base.offset) })),
  }));
  return { ...inventory, segments };
}

/** Where a segment begins, by the id that it had then. */
export function startOf(segment: SegmentInventory): string {
  return positionIn(segment, segment.from);
}

/** By the last id that had begun there: it names all before it, too. */
function positionIn({ ids }: SegmentInventory, offset: number): string {
  const id = ids.findLast(({ from }, i) => i === 0 || from <= offset)?.id ?? '';
  return formatPosition({ id, offset });
}
