import { join } from 'node:path';
import { cursorFile, cursorNames, readCursor } from '../cursors/cursor-file.ts';
import { CURSOR_DIRECTORY, pathIn } from '../directory/paths.ts';
import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { locate } from '../manifest/lineage.ts';
import type { Manifest } from '../manifest/manifest.ts';
import {
  APPEND_DIRECTORY,
  filesNamedBy,
  lastIncrement,
  MANIFEST_NAME,
  newestSequence,
  sequenceOf,
} from '../manifest/manifest.ts';
import type { Settled } from '../recovery/settle-copy.ts';
import { settleCopy } from '../recovery/settle-copy.ts';
import type { BaseState } from './check-base.ts';
import { checkBaseFile } from './check-base.ts';
import { checkStretch } from './check-stretch.ts';
import { contradictionsOf } from './contradictions.ts';
import type { Finding } from './finding.ts';
import { fileNamed, isUnreadable, whatOf } from './finding.ts';
import type { FoundManifest } from './read-manifest.ts';
import { findManifest } from './read-manifest.ts';
import type { StretchState } from './stretch.ts';
import type { Unit } from './units.ts';
import { unitsOf } from './units.ts';

/** What a check came to. */
export interface CheckReport {
  /** The manifest's first, then by segment, oldest first; within a file in its order. */
  readonly findings: readonly Finding[];
  readonly counts: CheckCounts;
}

/** What was looked at. */
export interface CheckCounts {
  /** Bases, increments and indexes. */
  readonly files: number;
  /** Bytes of bases and increments. */
  readonly bytes: number;
  readonly commands: number;
  /** Stretches of stream that the index has a checksum of. */
  readonly spans: number;
}

/** How far a check has come, in bytes. */
export interface CheckProgress {
  readonly file: string;
  readonly read: number;
  readonly total: number;
}

/**
 * Compares all that a directory holds with what was written into it: bases and stream with their
 * checksums, every command's framing, and what the manifest says with the files. Reads only, in a
 * memory that does not grow, and takes no lock: the log may be written to meanwhile.
 *
 * @throws {LogError} `FOREIGN` where the directory is not one of a log; `IO`; not for what the medium cannot give,
 *   which is a finding
 */
export async function check(
  disk: Disk,
  directory: string,
  onProgress?: (progress: CheckProgress) => void,
): Promise<CheckReport> {
  const found = await findManifest(disk, directory);
  const { manifest, text } = found;
  if (manifest === undefined) return { findings: found.findings, counts: NOTHING };
  const { findings, counts } = await examine(disk, directory, { manifest, text }, onProgress);
  return { findings, counts };
}

/** A report, and what it was made from. */
export interface Examined extends CheckReport {
  /** What was looked at. */
  readonly settled: Settled;
  /** What the manifest says that cannot be. */
  readonly contradictions: readonly Finding[];
  /** The names of bases that are not what was taken in. */
  readonly badBases: ReadonlySet<string>;
  /** By the base's name. */
  readonly bases: ReadonlyMap<string, BaseState>;
  /** By the increment's name. */
  readonly stretches: ReadonlyMap<string, StretchState>;
  /** The names of cursors that cannot be read. */
  readonly badCursors: readonly string[];
}

const NOTHING: CheckCounts = { files: 0, bytes: 0, commands: 0, spans: 0 };

/** Compares what a directory holds with what a manifest says, whether that is the one there or not. */
export async function examine(
  disk: Disk,
  directory: string,
  { manifest, text }: { readonly manifest: Manifest; readonly text: string },
  onProgress: (progress: CheckProgress) => void = () => {},
): Promise<Examined> {
  const settled = await settledOrNot(disk, directory, manifest);
  const examination = new Examination(disk, directory, settled, text, onProgress);
  return examination.run();
}

/** A copy without a usable base is checked without corrections, so that the missing files are found. */
async function settledOrNot(disk: Disk, directory: string, manifest: Manifest): Promise<Settled> {
  try {
    return await settleCopy(disk, directory, manifest);
  } catch (error) {
    if (!isUnreadable(error) && !(error instanceof LogError && error.code === 'CORRUPT'))
      throw error;
    return { manifest, isCopy: false, leftOut: [] };
  }
}

/** How often something that is written to meanwhile is looked at. */
const LOOKS = 5;

class Examination {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #contents: Settled;
  readonly #manifest: Manifest;
  readonly #text: string;
  readonly #onProgress: (progress: CheckProgress) => void;
  readonly #findings: Finding[] = [];
  readonly #bases = new Map<string, BaseState>();
  readonly #stretches = new Map<string, StretchState>();
  readonly #badCursors: string[] = [];
  #read = 0;
  #total = 0;

  constructor(
    disk: Disk,
    directory: string,
    settled: Settled,
    text: string,
    onProgress: (progress: CheckProgress) => void,
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.#contents = settled;
    this.#manifest = settled.manifest;
    this.#text = text;
    this.#onProgress = onProgress;
  }

  async run(): Promise<Examined> {
    const contradictions = contradictionsOf(this.#manifest, this.#text);
    this.#findings.push(...contradictions);
    for (const { file, what } of this.#contents.leftOut) {
      this.#findings.push({ severity: 'warning', file: fileNamed(file), place: 0, what });
    }
    const units = unitsOf(this.#manifest, this.#contents.isCopy);
    this.#total = await this.#sizeOf(units);
    for (const unit of units) this.#findings.push(...(await this.#settled(unit)));
    await this.#checkUnnamed();
    await this.#checkCursors();
    return {
      findings: this.#findings,
      counts: this.#counts(),
      settled: this.#contents,
      contradictions,
      badBases: new Set([...this.#bases].filter(([, state]) => isBad(state)).map(([name]) => name)),
      bases: this.#bases,
      stretches: this.#stretches,
      badCursors: this.#badCursors,
    };
  }

  /** What a unit's files hold, that is still so when it is asked whether they are still named. */
  async #settled(first: Unit): Promise<readonly Finding[]> {
    let unit = first;
    let seen = '';
    for (let looks = 1; ; looks++) {
      const before = this.#read;
      const findings = await this.#checkUnit(unit);
      if (findings.length === 0 || looks === LOOKS) return findings;
      const now = await this.#manifestNow();
      const units = now && unitsOf(now.manifest, now.isCopy);
      const again = units?.find(({ name }) => name === first.name);
      if (now !== undefined && again === undefined) {
        this.#forget(first);
        return [];
      }
      const said = JSON.stringify(unit);
      const isSame = again === undefined || JSON.stringify(again) === said;
      // What is written to may have been at odds with itself for a moment, but not twice.
      if (isSame && (!isWrittenTo(unit) || seen === said)) return findings;
      this.#read = before;
      seen = said;
      unit = again ?? unit;
    }
  }

  async #checkUnit(unit: Unit): Promise<readonly Finding[]> {
    const file = fileNamed(unit.name);
    const onRead = (bytes: number) => {
      this.#read += bytes;
      const [read, total] = [this.#read, Math.max(this.#total, this.#read)];
      this.#onProgress({ file, read, total });
    };
    if (unit.type === 'base') {
      const path = pathIn(this.#directory, unit.name);
      const state = await checkBaseFile(this.#disk, path, unit.base, onRead);
      this.#bases.set(unit.name, state);
      return state.findings;
    }
    const pathOf = (name: string) => pathIn(this.#directory, name);
    const state = await checkStretch(this.#disk, pathOf, unit.stretch, onRead);
    this.#stretches.set(unit.name, state);
    return state.findings;
  }

  #forget({ name }: Unit): void {
    this.#bases.delete(name);
    this.#stretches.delete(name);
  }

  async #manifestNow(): Promise<Settled | undefined> {
    const { manifest }: FoundManifest = await findManifest(this.#disk, this.#directory);
    return manifest && settledOrNot(this.#disk, this.#directory, manifest);
  }

  /** Files that no manifest speaks of, neither the one from before nor the one of now. */
  async #checkUnnamed(): Promise<void> {
    const inner = join(this.#directory, APPEND_DIRECTORY);
    const names = await orLogError(inner, 'reading', () => this.#disk.list(inner));
    const now = await this.#manifestNow();
    const manifests = [this.#manifest, ...(now === undefined ? [] : [now.manifest])];
    const named = new Set([MANIFEST_NAME, ...manifests.flatMap(filesNamedBy)]);
    const newest = Math.max(...manifests.map(newestSequence));
    for (const { file } of this.#contents.leftOut) named.add(file);
    for (const name of names.sort()) {
      // What is being received, or being replaced; and what the next start removes.
      if (named.has(name) || name.startsWith('temp-')) continue;
      if ((sequenceOf(name) ?? Infinity) < newest) continue;
      const what = 'is not named by the manifest';
      this.#findings.push({ severity: 'warning', file: fileNamed(name), place: 0, what });
    }
  }

  async #checkCursors(): Promise<void> {
    const { live } = this.#manifest;
    const written = this.#stretches.get(lastIncrement(live).name)?.end ?? 0;
    for (const name of await cursorNames(this.#disk, this.#directory)) {
      const file = `${CURSOR_DIRECTORY}/${cursorFile(name)}`;
      try {
        const place = await readCursor(this.#disk, this.#directory, name);
        if (place === undefined) continue;
        const { type } = locate(this.#manifest, written, place.position, place.segment);
        if (type !== 'unknown') continue;
        const what = `names a position that is not held: the reader ${name} has to begin anew`;
        this.#findings.push({ severity: 'warning', file, place: 0, what });
      } catch (error) {
        const isDamage = error instanceof LogError && error.code === 'CORRUPT';
        if (!isDamage && !isUnreadable(error)) throw error;
        this.#badCursors.push(name);
        this.#findings.push({ severity: 'error', file, place: 0, what: whatOf(error) });
      }
    }
  }

  async #sizeOf(units: readonly Unit[]): Promise<number> {
    let total = 0;
    for (const { name } of units) {
      const stat = this.#disk.stat(pathIn(this.#directory, name));
      total += await stat.then(({ size }) => size).catch(() => 0);
    }
    return total;
  }

  #counts(): CheckCounts {
    const states = [...this.#stretches.values()];
    return {
      files: filesNamedBy(this.#manifest).length,
      bytes: this.#read,
      commands: states.reduce((sum, { commands }) => sum + commands, 0),
      spans: states.reduce((sum, { spans }) => sum + spans, 0),
    };
  }
}

function isBad({ findings }: BaseState): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

function isWrittenTo(unit: Unit): boolean {
  if (unit.type === 'base') return false;
  return unit.stretch.end === undefined && unit.stretch.closedSize === undefined;
}
