import { startHistory } from '@forebay/psync';
import { IncrementWriter } from '../increment/increment-writer.ts';
import type { Increment, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import { incrementName, indexName } from '../manifest/manifest.ts';
import type { Change, Current, LogContext } from './change.ts';
import type { FirstBase } from './new-base.ts';
import { baseOf } from './new-base.ts';

/**
 * A full resync: the base begins a segment of its own. What was live before stays, as the past, and
 * can be read until retention drops it.
 */
export async function beginHistory(
  context: LogContext,
  current: Current | undefined,
  first: FirstBase,
): Promise<Change> {
  const { history, offset, database, reason } = first;
  const time = context.clock.now();
  const increment = newIncrement(context, offset, database);
  // What is behind the old writer is complete and known before it becomes the past.
  await current?.writer.flush();
  const writer = await IncrementWriter.create(context.pathOf, increment, context.writerOptions);
  const { id } = startHistory(history.id);
  const live: Segment = {
    number: nextSegment(current?.manifest),
    ids: [{ id, from: offset }],
    aliases: [],
    bases: [baseOf(first, offset, time)],
    increments: [increment],
  };
  return { manifest: { live, past: pastOf(current, time, reason) }, writer };
}

/** An increment that begins after `startOffset`, under a number of its own. */
export function newIncrement(
  { nextSequence }: LogContext,
  startOffset: number,
  database: number,
): Increment {
  const sequence = nextSequence();
  const [name, index] = [incrementName(sequence), indexName(sequence)];
  return { name, index, sequence, startOffset, database };
}

/** Segments are numbered in the order in which they were made. */
export function nextSegment(manifest: Manifest | undefined): number {
  if (manifest === undefined) return 1;
  return Math.max(manifest.live.number, ...manifest.past.map(({ number }) => number)) + 1;
}

function pastOf(
  current: Current | undefined,
  ended: number,
  reason: string,
): readonly PastSegment[] {
  if (current === undefined) return [];
  const { live, past } = current.manifest;
  return [...past, { ...live, by: 'reset', end: current.writer.written, ended, reason }];
}
