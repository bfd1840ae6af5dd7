import { join } from 'node:path';
import { manifestIn } from '../directory/no-log.ts';
import { pathIn } from '../directory/paths.ts';
import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { endOffsetOf } from '../increment/preamble.ts';
import { isOfAnotherFile, writerOf } from '../index-file/record.ts';
import { formatManifest } from '../manifest/format.ts';
import { withoutPast } from '../manifest/lineage.ts';
import type { Base, Increment, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import {
  APPEND_DIRECTORY,
  filesNamedBy,
  MANIFEST_NAME,
  sequenceOf,
  startOf,
} from '../manifest/manifest.ts';
import { copiedEnd } from './copied-end.ts';
import { lastRecord } from './last-records.ts';

/** A file in the manifest of a copy that is missing or incomplete. */
export interface LeftOut {
  readonly file: string;
  /** The fault and its consequence. */
  readonly what: string;
}

/** What a directory holds. */
export interface Settled {
  /** The manifest that matches the files: used by a start and by a restore. */
  readonly manifest: Manifest;
  readonly isCopy: boolean;
  readonly leftOut: readonly LeftOut[];
}

/**
 * Makes the manifest of a copy fit the files beside it. Files that are copied one by one while a log is
 * written to are of different moments: the manifest may name a file that was removed before it was copied, or
 * made after the directory was listed, and may know nothing of where a file was cut since. What is kept is the
 * newest stretch of stream that follows a base without a gap. Anything but a copy is left as it is, for there
 * a file that is missing is damage. Reads only.
 *
 * @throws {LogError} `CORRUPT` where no base of the copy can be used; `IO`
 */
export async function settleCopy(
  disk: Disk,
  directory: string,
  manifest: Manifest,
): Promise<Settled> {
  const byNamed = await isCopy(disk, directory, manifest, []);
  if (byNamed === false) return { manifest, isCopy: false, leftOut: [] };
  const inner = join(directory, APPEND_DIRECTORY);
  const names = await orLogError(inner, 'reading', () => disk.list(inner));
  const unnamed = unnamedIndexes(manifest, names);
  // If no increment has the index of its name, an earlier index is used.
  if (byNamed === undefined && !(await isCopy(disk, directory, manifest, unnamed))) {
    return { manifest, isCopy: false, leftOut: [] };
  }
  return new CopySettling(disk, directory, manifest, names, unnamed).run();
}

/** @throws {LogError} `FOREIGN` where the directory has no log; `NEWER_VERSION`, `CORRUPT`, `IO` */
export async function settledIn(disk: Disk, directory: string): Promise<Settled> {
  return settleCopy(disk, directory, await manifestIn(disk, directory));
}

/** Whether a directory has this manifest now. @throws {LogError} */
export async function isStill(disk: Disk, directory: string, manifest: Manifest): Promise<boolean> {
  return formatManifest((await settledIn(disk, directory)).manifest) === formatManifest(manifest);
}

function unnamedIndexes(manifest: Manifest, names: readonly string[]): string[] {
  const named = new Set(filesNamedBy(manifest));
  return names.filter(
    (name) => name.endsWith('.index') && sequenceOf(name) !== undefined && !named.has(name),
  );
}

/**
 * Whether the increments of a directory are other files than those that their records were written for;
 * undefined where none has an index that tells, its own or one of `others`.
 */
async function isCopy(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  others: readonly string[],
): Promise<boolean | undefined> {
  for (const segment of [manifest.live, ...manifest.past.toReversed()]) {
    for (const increment of segment.increments.toReversed()) {
      for (const index of [increment.index, ...others]) {
        const isOther = await isAnotherFile(disk, directory, { ...increment, index });
        if (isOther !== undefined) return isOther;
      }
    }
  }
  return undefined;
}

async function isAnotherFile(
  disk: Disk,
  directory: string,
  increment: Increment,
): Promise<boolean | undefined> {
  const pathOf = (name: string) => pathIn(directory, name);
  return orNothing(async () => {
    const reader = await IncrementReader.open(disk, pathOf, increment);
    try {
      const first = await reader.index.at(0);
      if (first?.end !== increment.startOffset) return undefined;
      const { record } = await lastRecord(reader);
      return isOfAnotherFile(record, await writerOf(disk, reader.path));
    } finally {
      await reader.close();
    }
  });
}

/** Unknown, because a file is missing or has no complete record. */
async function orNothing<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    const isMissing = error instanceof LogError && error.errno === 'ENOENT';
    if (isMissing || (error instanceof LogError && error.code === 'CORRUPT')) return undefined;
    throw error;
  }
}

/** The usable part of a segment. */
interface Kept {
  readonly bases: readonly Base[];
  readonly increments: Segment['increments'];
  /** Where the stream of the last of them ends by the manifest; undefined where that may grow. */
  readonly limit: number | undefined;
}

class CopySettling {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #manifest: Manifest;
  readonly #names: ReadonlySet<string>;
  readonly #unnamedIndexes: readonly string[];
  readonly #leftOut: LeftOut[] = [];

  constructor(
    disk: Disk,
    directory: string,
    manifest: Manifest,
    names: readonly string[],
    unnamedIndexes: readonly string[],
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.#manifest = manifest;
    this.#names = new Set(names);
    this.#unnamedIndexes = unnamedIndexes;
  }

  async run(): Promise<Settled> {
    const settled = await this.#withLive(this.#manifest);
    let manifest = settled;
    for (const segment of settled.past) {
      const bases = await this.#basesOf(segment.bases);
      if (await this.#isWhole(segment)) manifest = withBases(manifest, segment.number, bases);
      else if (manifest.past.some(({ number }) => number === segment.number)) {
        this.#leaveOut(segment, `segment ${segment.number} is incomplete in this copy`);
        manifest = withoutPast(manifest, segment.number);
      }
    }
    return { manifest, isCopy: true, leftOut: this.#leftOut };
  }

  /** A full resync may have begun while the directory was copied: then the segment before it is the newest. */
  async #withLive(manifest: Manifest): Promise<Manifest> {
    const { live, past } = manifest;
    const kept = await this.#keptOf(live, undefined);
    if (kept !== undefined) {
      this.#tell(live, kept);
      const { bases, increments, limit } = kept;
      const settled = { ...manifest, live: { ...live, bases, increments } };
      return limit === undefined ? settled : { ...settled, limit };
    }
    const i = past.findLastIndex(({ by }) => by === 'reset');
    const before = past[i];
    if (before === undefined) throw this.#noBase();
    for (const segment of [...past.slice(i + 1), live]) {
      this.#leaveOut(segment, `segment ${segment.number} is missing in this copy`);
    }
    const { by: _, end, ended: __, reason: ___, ...former } = before;
    const withFormer = { live: former, past: past.slice(0, i) };
    const beforeIt = await this.#keptOf(former, end);
    if (beforeIt === undefined) return this.#withLive(withFormer);
    const { bases, increments, limit = end } = beforeIt;
    this.#tell(former, beforeIt);
    return { ...withFormer, live: { ...former, bases, increments }, limit };
  }

  /** The newest increments without a gap between them, of which one begins with a base that is whole. */
  async #keptOf(segment: Segment, end: number | undefined): Promise<Kept | undefined> {
    const bases = await this.#basesOf(segment.bases);
    for (const { increments, limit = end } of (await this.#runsOf(segment)).reverse()) {
      const starts = increments.map(({ startOffset }) => startOffset);
      const fitting = bases.filter(({ offset }) => starts.includes(offset));
      const [first, ...others] = increments;
      if (first === undefined || fitting.length === 0) continue;
      return { bases: fitting, increments: [first, ...others], limit };
    }
    return undefined;
  }

  async #runsOf({ increments }: Segment): Promise<{ increments: Increment[]; limit?: number }[]> {
    const runs: { increments: Increment[]; limit?: number }[] = [];
    let run: Increment[] = [];
    for (const [i, each] of increments.entries()) {
      const next = increments[i + 1]?.startOffset;
      if (await this.#reaches(each, next)) run.push(each);
      else {
        const usable = await this.#usable(each);
        if (usable !== undefined) run.push(usable);
        if (run.length > 0) {
          const limit = usable === undefined ? each.startOffset : next;
          runs.push({ increments: run, ...(limit === undefined ? {} : { limit }) });
        }
        run = [];
      }
    }
    if (run.length > 0) runs.push({ increments: run });
    return runs;
  }

  async #isWhole({ increments, end }: PastSegment): Promise<boolean> {
    for (const [i, each] of increments.entries()) {
      if (!(await this.#reaches(each, increments[i + 1]?.startOffset ?? end))) return false;
    }
    return true;
  }

  /** Whether an increment and its index hold the stream up to `next`; undefined: where that may grow. */
  async #reaches(increment: Increment, next: number | undefined): Promise<boolean> {
    if (!(await this.#hasFile(increment, next ?? increment.startOffset))) return false;
    if (!(await this.#fits(increment, increment.index))) return false;
    if (next === undefined) return true;
    const last = await this.#withReader(increment, lastRecord);
    return last?.record.end === next;
  }

  /** An increment by its own index, or by one that a change has put in its place, or had before. */
  async #usable(increment: Increment): Promise<Increment | undefined> {
    if (!(await this.#hasFile(increment, increment.startOffset))) return undefined;
    let best: { readonly index: string; readonly end: number } | undefined;
    for (const index of [increment.index, ...this.#unnamedIndexes]) {
      if (!(await this.#fits(increment, index))) continue;
      const end = await this.#confirmedEnd({ ...increment, index });
      if (end !== undefined && end > (best?.end ?? -1)) best = { index, end };
    }
    return best && { ...increment, index: best.index };
  }

  /** Whether an index is of the place where an increment begins. */
  async #fits(increment: Increment, index: string): Promise<boolean> {
    if (!this.#names.has(index)) return false;
    const first = await this.#withReader({ ...increment, index }, (reader) => reader.index.at(0));
    const { startOffset, database } = increment;
    return first?.end === startOffset && first.boundary.database === database;
  }

  async #confirmedEnd(increment: Increment): Promise<number | undefined> {
    return this.#withReader(increment, async (reader) => {
      const last = await lastRecord(reader);
      const { index } = await copiedEnd(reader, last, await reader.size(), undefined);
      return index.spanEnd;
    });
  }

  async #hasFile(increment: Increment, upTo: number): Promise<boolean> {
    const size = await this.#sizeOf(increment.name);
    return size !== undefined && endOffsetOf(increment, size) >= upTo;
  }

  async #basesOf(bases: readonly Base[]): Promise<Base[]> {
    const kept: Base[] = [];
    for (const base of bases) {
      if ((await this.#sizeOf(base.name)) === base.size) kept.push(base);
      else {
        const what = `the base at offset ${base.offset} is incomplete in this copy`;
        this.#leftOut.push({ file: base.name, what });
      }
    }
    return kept;
  }

  async #sizeOf(name: string): Promise<number | undefined> {
    if (!this.#names.has(name)) return undefined;
    const path = pathIn(this.#directory, name);
    const stat = () => orLogError(path, 'reading', () => this.#disk.stat(path));
    return (await orNothing(stat))?.size;
  }

  async #withReader<T>(
    increment: Increment,
    run: (reader: IncrementReader) => Promise<T>,
  ): Promise<T | undefined> {
    const pathOf = (name: string) => pathIn(this.#directory, name);
    return orNothing(async () => {
      const reader = await IncrementReader.open(this.#disk, pathOf, increment);
      try {
        return await run(reader);
      } finally {
        await reader.close();
      }
    });
  }

  #tell({ increments: named }: Segment, { increments }: Kept): void {
    for (const { name, startOffset } of named) {
      if (increments.some((each) => each.name === name)) continue;
      const what = `the stream after offset ${startOffset} is incomplete in this copy`;
      this.#leftOut.push({ file: name, what });
    }
  }

  #leaveOut(segment: Segment, what: string): void {
    const { name } = segment.increments[0];
    this.#leftOut.push({ file: name, what: `${what}: it begins after offset ${startOf(segment)}` });
  }

  #noBase(): LogError {
    const path = pathIn(this.#directory, MANIFEST_NAME);
    const message =
      `no base named in ${path} is complete in this copy: the copy is incomplete, or a base was replaced ` +
      'while it was made. Copy the directory again, or use forebay log --copy';
    return new LogError('CORRUPT', path, message);
  }
}

function withBases(manifest: Manifest, number: number, bases: readonly Base[]): Manifest {
  const past = manifest.past.map((each) => (each.number === number ? { ...each, bases } : each));
  return { ...manifest, past };
}
