import type { Position } from '@forebay/psync';
import { checkBase } from '../base/base-file.ts';
import type { Origin } from '../base/origin.ts';
import { hasRelativeTimes, originOf } from '../base/origin.ts';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { orLogError } from '../errors.ts';
import type { IncrementReader } from '../increment/increment-reader.ts';
import { sizeUpTo } from '../increment/preamble.ts';
import type { Base, Increment, Manifest } from '../manifest/manifest.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import { checkLength, checkPreamble } from '../recovery/check-files.ts';
import type { LeftOut } from '../recovery/settle-copy.ts';
import { isStill, settledIn } from '../recovery/settle-copy.ts';
import { Held } from './held.ts';
import type { RestoreTarget } from './place.ts';
import { arrivalOf, findPlace, notCovered } from './place.ts';
import type { Place } from './ways.ts';
import { endWithin } from './ways.ts';

/** A stretch of stream that is to be restored, out of one file. */
export interface RestorePart {
  readonly increment: Increment;
  /** Offset of the last byte before the first. */
  readonly from: number;
  /** Offset of the last byte. */
  readonly to: number;
}

/** What a restore comes to. Its files are open until it is closed, whatever the log does meanwhile. */
export interface RestorePlan extends AsyncDisposable {
  readonly directory: string;
  /** The ids of the history, the one that the position has last. */
  readonly ids: readonly string[];
  readonly base: Base;
  /** Without a gap from the base on; one at least, which may be empty. */
  readonly parts: readonly RestorePart[];
  /** Bytes of the base and of the parts, their SELECTs included. */
  readonly bytes: number;
  /** What is reached: the end of a command, or of a transaction. */
  readonly position: Position;
  /** The database selected there. */
  readonly database: number;
  /** When the last byte arrived, milliseconds since 1970; of a base alone, when it was taken in. */
  readonly time: number;
  /**
   * Whether the clock stepped back, so that bytes after the position have times up to the requested one: they
   * arrived later, or may have. Always false if no time was requested.
   */
  readonly leavesOut: boolean;
  /** The server that made the base. */
  readonly origin: Origin;
  /** Whether the stream has relative times, which are made absolute. */
  readonly relative: boolean;
  /** If the directory is a copy made during writes: the incomplete files. */
  readonly notInCopy: readonly LeftOut[] | undefined;
  close(): Promise<void>;
}

/** A plan with what it is carried out with. */
export interface OpenPlan extends RestorePlan {
  readonly disk: Disk;
  readonly manifest: Manifest;
  readonly target: RestoreTarget | undefined;
  readonly baseFile: DiskFile;
  /** One for each part. */
  readonly sources: readonly PartSource[];
}

/** Where a part comes from. */
export interface PartSource {
  readonly reader: IncrementReader;
  /** Offset of the last byte. */
  readonly to: number;
  /** When what is younger than the index arrived; undefined where nothing may be. */
  readonly tailTime: number | undefined;
}

/** How often planning begins anew where the log has changed meanwhile. */
const TRIES = 20;

/**
 * Looks up what has to be read to go back to a target: the end of what is held unless one is given.
 * The log may be written to meanwhile; nothing is locked, and nothing is written.
 *
 * @throws {LogError} `NOT_COVERED`; `FOREIGN` where the directory has no log; `NEWER_VERSION`,
 *   `CORRUPT`, `IO`
 */
export async function planRestore(
  disk: Disk,
  directory: string,
  target?: RestoreTarget,
): Promise<RestorePlan> {
  for (let tries = 1; ; tries++) {
    const settled = await settledIn(disk, directory);
    const { manifest } = settled;
    const isLast = tries === TRIES;
    try {
      const plan = await planUnder(new Held(disk, directory, settled), target);
      // Names may have come to mean other files before all were open.
      if (isLast || (await isStill(disk, directory, manifest))) return plan;
      await plan.close();
    } catch (error) {
      if (isLast || (await isStill(disk, directory, manifest))) throw error;
    }
  }
}

async function planUnder(held: Held, target: RestoreTarget | undefined): Promise<OpenPlan> {
  const { disk, directory, manifest } = held;
  const place = await findPlace(held, target);
  const { way, boundary } = place;
  const ids = way.ids.map(({ id }) => id);
  const base = baseFor(place);
  if (base === undefined) throw notCovered(held, target);
  const parts = partsFrom(base, place);
  const time = await arrivalOf(held, way, boundary.offset);
  const files = await openFiles(held, base, parts);
  const close = () => closeQuietly(files.baseFile, ...files.sources.map(({ reader }) => reader));
  return {
    disk,
    directory,
    manifest,
    target,
    ids,
    base,
    parts,
    time,
    ...files,
    close,
    bytes: parts.reduce((sum, { increment, to }) => sum + sizeUpTo(increment, to), base.size),
    position: { id: ids.at(-1) ?? '', offset: boundary.offset },
    database: boundary.database,
    leavesOut: place.leavesOut,
    notInCopy: held.leftOut,
    relative: hasRelativeTimes(files.origin),
    [Symbol.asyncDispose]: close,
  };
}

/** The newest base from which the stream leads to the place. */
function baseFor({ way, boundary }: Place): Base | undefined {
  const starts = new Set(way.increments.map(({ startOffset }) => startOffset));
  return way.bases.findLast(({ offset }) => offset <= boundary.offset && starts.has(offset));
}

function partsFrom(base: Base, { way, boundary }: Place): RestorePart[] {
  return way.increments
    .filter(({ startOffset }) => startOffset >= base.offset)
    .filter(({ startOffset }) => startOffset === base.offset || startOffset < boundary.offset)
    .map((increment) => {
      const from = increment.startOffset;
      return { increment, from, to: endWithin(way, from, boundary.offset) };
    });
}

async function openFiles(
  held: Held,
  base: Base,
  parts: readonly RestorePart[],
): Promise<Pick<OpenPlan, 'baseFile' | 'sources' | 'origin'>> {
  const { disk, manifest } = held;
  const youngest = lastIncrement(manifest.live);
  const path = held.pathOf(base.name);
  await checkBase(disk, path, base);
  const baseFile = await orLogError(path, 'opening', () => disk.open(path, 'read'));
  const sources: PartSource[] = [];
  try {
    const origin = await originOf(baseFile, path);
    for (const { increment, to } of parts) {
      const reader = await held.open(increment);
      const tailTime = increment === youngest ? held.tailTime : undefined;
      sources.push({ reader, to, tailTime });
      await checkPreamble(reader);
      await checkLength(disk, reader.path, increment, to);
    }
    return { baseFile, sources, origin };
  } catch (error) {
    await closeQuietly(baseFile, ...sources.map(({ reader }) => reader));
    throw error;
  }
}
