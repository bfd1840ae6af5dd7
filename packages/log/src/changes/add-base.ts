import { LogError } from '../errors.ts';
import { locate } from '../manifest/lineage.ts';
import type { Change, Current, LogContext } from './change.ts';
import { opened } from './change.ts';
import type { FreshBase } from './new-base.ts';
import { baseOf } from './new-base.ts';
import { split } from './split.ts';

/**
 * A snapshot of the history that is followed: where it stands an increment has to start. The bases
 * before it stay until retention drops them.
 *
 * @throws {LogError} `NOT_COVERED` where it is of another history, or not of a place that is held
 */
export async function addBase(
  context: LogContext,
  current: Current,
  fresh: FreshBase,
): Promise<Change> {
  const { manifest, writer } = current;
  checkPlace(current, fresh.position);
  const { offset } = fresh.position;
  const cut = await split(context, current, offset);
  const { live } = cut?.manifest ?? manifest;
  const base = baseOf(fresh, offset, context.clock.now());
  return {
    ...(cut ?? { writer }),
    manifest: { ...opened(manifest), live: { ...live, bases: [...live.bases, base] } },
  };
}

/** @throws {LogError} `NOT_COVERED` unless the position is of the history followed, after its newest base */
export function checkPlace({ manifest, writer }: Current, position: FreshBase['position']): void {
  const found = locate(manifest, writer.written, position);
  const newest = manifest.live.bases.at(-1)?.offset ?? -1;
  const fits =
    found.type === 'held' &&
    found.segment === manifest.live &&
    position.offset <= writer.written &&
    position.offset > newest;
  if (fits) return;
  const message = `a base at ${position.id}:${position.offset} does not belong to what is held from ${newest} to ${writer.written}`;
  throw new LogError('NOT_COVERED', writer.path, message);
}
