import type { Change, Current, LogContext } from '../changes/change.ts';
import { nonEmpty } from '../changes/split.ts';
import type { Pin } from '../cursors/pins.ts';
import { orLogError } from '../errors.ts';
import { namesFrom, withoutPast } from '../manifest/lineage.ts';
import type { Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import { filesNamedBy, startOf } from '../manifest/manifest.ts';

/** How long what is past is kept. */
export interface RetainPolicy {
  /** Milliseconds that can be gone back; no limit unless given. */
  readonly time?: number;
  /** Bytes that are kept at most, where readers do not need more; no limit unless given. */
  readonly size?: number;
  /** Bytes that are kept at most, whoever needs more; no limit unless given. */
  readonly hardLimit?: number;
}

/** What retention did. */
export interface Retained {
  /** Bytes of the files that were removed. */
  readonly removed: number;
  /** Bytes that are held now. */
  readonly held: number;
  /** Whose next bytes went, at the hard limit. */
  readonly cutOff: readonly Pin[];
}

export type Sizes = ReadonlyMap<string, number>;

/** What a manifest comes to, and who is cut off by it. */
export interface Pruned {
  readonly manifest: Manifest;
  readonly cutOff: readonly Pin[];
}

/**
 * What is left of a log by a policy. The newest base and what follows it always stay. Until the hard
 * limit nothing goes that a pin needs; at it the oldest goes first.
 */
export function prune(
  manifest: Manifest,
  pins: readonly Pin[],
  sizes: Sizes,
  now: number,
  { time = Infinity, size = Infinity, hardLimit = Infinity }: RetainPolicy,
): Pruned {
  let kept = manifest;
  let total = totalOf(kept, sizes);
  // There are steps for each file before each base: a sum over all files is made where one goes only.
  const take = ({ drop }: Step): void => {
    const left = drop(kept);
    if (left === kept) return;
    kept = left;
    total = totalOf(kept, sizes);
  };
  for (const step of stepsOf(manifest)) {
    const due = step.until <= now - time || total > size;
    if (due && !pins.some((pin) => isNeeded(step, pin))) take(step);
  }
  const cutOff: Pin[] = [];
  for (const step of stepsOf(kept)) {
    if (!(total > hardLimit)) break;
    cutOff.push(...pins.filter((pin) => isNeeded(step, pin) && !cutOff.includes(pin)));
    take(step);
  }
  const names = namesFrom(kept.live, startOf(kept.live));
  return { manifest: withLive(kept, names), cutOff };
}

/** The change that `prune` comes to; undefined where nothing goes. */
export function dropChange(
  { disk, pathOf }: LogContext,
  { manifest, writer }: Current,
  kept: Manifest,
): Change | undefined {
  const names = new Set(filesNamedBy(kept));
  const dropped = filesNamedBy(manifest).filter((name) => !names.has(name));
  if (dropped.length === 0) return undefined;
  return {
    manifest: kept,
    writer,
    afterwards: async () => {
      for (const name of dropped) {
        await orLogError(pathOf(name), 'removing', () => disk.remove(pathOf(name)));
      }
    },
  };
}

export function totalOf(manifest: Manifest, sizes: Sizes): number {
  return filesNamedBy(manifest).reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
}

/** What no policy removes: the newest base, and what follows it. */
export function requiredBy(manifest: Manifest): Manifest {
  const { live } = manifest;
  const base = live.bases.at(-1);
  const since = base?.offset ?? 0;
  return {
    past: [],
    live: {
      ...live,
      bases: base === undefined ? [] : [base],
      increments: nonEmpty(live.increments.filter(({ startOffset }) => startOffset >= since)),
    },
  };
}

/** Something that may go, oldest first. */
interface Step {
  readonly segment: number;
  /** Offset of the last byte that goes. */
  readonly end: number;
  /** The last moment that it is needed for, milliseconds since 1970. */
  readonly until: number;
  readonly drop: (from: Manifest) => Manifest;
}

function stepsOf({ live, past }: Manifest): Step[] {
  return [...past.map(pastStep), ...liveSteps(live)];
}

function pastStep({ number, ended }: PastSegment): Step {
  return {
    // Who has read all of it has still to be told what came then.
    segment: number,
    end: Infinity,
    until: ended,
    drop: (from) => withoutPast(from, number),
  };
}

/** What comes before a base goes when that base is old enough to go back to; its files one by one. */
function liveSteps({ number, bases, increments }: Segment): Step[] {
  const steps: Step[] = [];
  for (const base of bases) {
    const olderBases = bases.filter(({ offset }) => offset < base.offset);
    const olderFiles = increments.filter(({ startOffset }) => startOffset < base.offset);
    const dropBases = (from: Manifest): Manifest =>
      withLive(from, { bases: from.live.bases.filter((each) => !olderBases.includes(each)) });
    // A base that is no longer the oldest way back is of no use to a reader: it needs the stream.
    steps.push({ segment: number, end: -1, until: base.time, drop: dropBases });
    for (const [i, file] of olderFiles.entries()) {
      const end = increments[i + 1]?.startOffset ?? base.offset;
      steps.push({
        segment: number,
        end,
        until: base.time,
        drop: (from) => {
          // Files go from the front: one that is needed keeps all after it.
          if (from.live.increments[0] !== file) return from;
          return withLive(dropBases(from), { increments: nonEmpty(from.live.increments.slice(1)) });
        },
      });
    }
  }
  return steps;
}

function withLive(manifest: Manifest, change: Partial<Segment>): Manifest {
  return { ...manifest, live: { ...manifest.live, ...change } };
}

function isNeeded(step: Step, pin: Pin): boolean {
  return pin.segment === step.segment && pin.offset < step.end;
}

/** The sizes of all files that a manifest names. @throws {LogError} `IO` */
export async function sizesOf(
  { disk, pathOf }: LogContext,
  manifest: Manifest,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const name of filesNamedBy(manifest)) {
    const path = pathOf(name);
    sizes.set(name, (await orLogError(path, 'reading', () => disk.stat(path))).size);
  }
  return sizes;
}
