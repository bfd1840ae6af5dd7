import type { Disk } from '../disk/disk.ts';
import type { Increment } from '../manifest/manifest.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import { isStill, settledIn } from '../recovery/settle-copy.ts';
import type { CheckedPiece } from './checked-bytes.ts';
import { checkedStream } from './checked-bytes.ts';
import { Held } from './held.ts';
import type { Way } from './ways.ts';
import { endWithin } from './ways.ts';

/** A part of the stream, in one file, in which a restore can reach any position. */
export interface RestorablePart {
  /** The replication id that names places in it. */
  readonly id: string;
  /** Offset of the last byte before the first. It begins with a command, outside of MULTI. */
  readonly from: number;
  /** Offset of the last byte. */
  readonly to: number;
  /** The database selected at its beginning. */
  readonly database: number;
  /** Its bytes, checked; each piece is valid until the next is asked for. @throws {LogError} `CORRUPT`, `IO` */
  read(): AsyncGenerator<CheckedPiece, void, void>;
}

/** Maximum number of restarts if the log changes meanwhile. */
const TRIES = 20;

/**
 * Calls `run` with the restorable range of the stream, each byte once, in the order of arrival, including
 * segments that a step back or a full resync replaced. A daemon may write to the log meanwhile: if it deletes
 * data that is being read, `run` is called again with the remaining data.
 *
 * @throws {LogError} `FOREIGN` where the directory has no log; `NEWER_VERSION`, `CORRUPT`, `IO`
 */
export async function withRestorable<T>(
  disk: Disk,
  directory: string,
  run: (parts: readonly RestorablePart[]) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const settled = await settledIn(disk, directory);
    const { manifest } = settled;
    try {
      return await run(await partsOf(new Held(disk, directory, settled)));
    } catch (error) {
      if (tries === TRIES || (await isStill(disk, directory, manifest))) throw error;
    }
  }
}

async function partsOf(held: Held): Promise<RestorablePart[]> {
  const parts: RestorablePart[] = [];
  for (const way of held.ways.toReversed()) {
    const first = Math.max(way.since, way.bases[0]?.offset ?? Number.POSITIVE_INFINITY);
    for (const increment of way.increments) {
      if (increment.startOffset >= first) parts.push(await partOf(held, way, increment));
    }
  }
  return parts;
}

async function partOf(held: Held, way: Way, increment: Increment): Promise<RestorablePart> {
  const { startOffset: from, database } = increment;
  const end = way.end ?? (await held.liveEnd()).stream.offset;
  const to = endWithin(way, from, end);
  const grows = way.end === undefined && increment === lastIncrement(way);
  const id = way.ids.at(-1)?.id ?? '';
  return {
    id,
    from,
    to,
    database,
    async *read() {
      const reader = await held.open(increment);
      try {
        yield* checkedStream({ reader, to, tailTime: grows ? held.tailTime : undefined });
      } finally {
        await reader.close();
      }
    },
  };
}
