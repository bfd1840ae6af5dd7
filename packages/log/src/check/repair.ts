import { cursorFile } from '../cursors/cursor-file.ts';
import { lockDirectory } from '../directory/lock.ts';
import { MovedAside } from '../directory/moved-aside.ts';
import { nextSequence } from '../directory/open-directory.ts';
import { pathIn } from '../directory/paths.ts';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk } from '../disk/disk.ts';
import { replaceFile } from '../disk/durable.ts';
import { orLogError } from '../errors.ts';
import { preambleOf } from '../increment/preamble.ts';
import { formatManifest } from '../manifest/format.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import { filesNamedBy, MANIFEST_NAME } from '../manifest/manifest.ts';
import { adoptCopy } from '../recovery/adopt-copy.ts';
import type { CheckProgress, Examined } from './check.ts';
import { examine } from './check.ts';
import type { Corrected } from './correct-bits.ts';
import { correctBits } from './correct-bits.ts';
import type { Finding } from './finding.ts';
import type { Lost, RepairPlan } from './plan-repair.ts';
import { planRepair } from './plan-repair.ts';
import type { FoundManifest } from './read-manifest.ts';
import { findManifest } from './read-manifest.ts';
import { copyBase, remake } from './remake.ts';

/** What a repair came to. */
export interface RepairReport {
  /** What was found before. */
  readonly findings: readonly Finding[];
  /** What was done, one thing a line; none where nothing was wrong, or nothing could be done. */
  readonly done: readonly string[];
  /** What is not held any longer. */
  readonly lost: readonly Lost[];
  /** Why nothing was done, and what to do; absent where it was. */
  readonly refused?: string;
  /** The directory with what was moved aside; absent where nothing was. */
  readonly aside?: string;
}

/**
 * Checks a directory and, where something is damaged, corrects each single flipped bit that a CRC proves and
 * gives up the rest of the damage: see `planRepair`. Nothing is deleted: what is replaced or left out is moved
 * to a directory of its own, with the manifest of before. A repair that was cut short is taken back by the next.
 *
 * @throws {LogError} `LOCKED` while another process has the directory; `IO`, after which the files
 *   are as before or as they are to be: none is in between that the next repair does not see to
 */
export async function repair(
  disk: Disk,
  directory: string,
  onProgress?: (progress: CheckProgress) => void,
): Promise<RepairReport> {
  const { manifest, mended, findings } = await findManifest(disk, directory);
  // What is not ours is not even locked.
  if (manifest === undefined && mended === undefined) return refusal(findings, PUT_BACK);
  const lock = await lockDirectory(disk, directory);
  try {
    return await new Repair(disk, directory).run(onProgress);
  } finally {
    await closeQuietly({ close: () => lock.release() });
  }
}

const PUT_BACK = 'the manifest says what is held, and nothing else does: put a copy of it back';

const NOT_ALL = 'the manifest is not all that is damaged: put a copy of it back';

function refusal(findings: readonly Finding[], refused: string): RepairReport {
  return { findings, done: [], lost: [], refused };
}

class Repair {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  async run(onProgress: ((progress: CheckProgress) => void) | undefined): Promise<RepairReport> {
    const [disk, directory] = [this.#disk, this.#directory];
    const found = await findManifest(disk, directory);
    const manifest = found.manifest ?? found.mended;
    if (manifest === undefined) return refusal(found.findings, PUT_BACK);
    await MovedAside.takeBack(disk, directory, found.text);
    const text = formatManifest(manifest);
    const examined = await examine(disk, directory, { manifest, text }, onProgress);
    const findings = [...found.findings, ...examined.findings];
    const { settled } = examined;
    const isMended = found.manifest === undefined;
    if (!isMended && !isDamaged(examined)) return { findings, done: [], lost: [] };
    const isCopy = settled.isCopy && formatManifest(settled.manifest) !== text;
    if (isCopy && !isMended) {
      await adoptCopy(disk, directory, manifest, settled);
      return this.run(onProgress);
    }
    // What a manifest said before one byte of it was changed is believed where all files bear it out.
    const corrected = isCopy
      ? { examined, flips: new Map(), disk }
      : await correctBits(disk, directory, examined, { manifest, text }, onProgress);
    if (isMended && isDamaged(corrected.examined)) return refusal(findings, NOT_ALL);
    let next = await nextSequence(disk, directory);
    const plan = isCopy
      ? asItIs(manifest)
      : planRepair(manifest, corrected, () => next++, Date.now());
    if ('refused' in plan) return refusal(findings, plan.refused);
    const aside = await this.#carryOut(found, plan, corrected);
    const mended = isMended ? [MANIFEST_MENDED] : [];
    const done = [...mended, ...plan.done, ...examined.badCursors.map(cursorMoved)];
    return { findings, done, lost: plan.lost, ...(aside === undefined ? {} : { aside }) };
  }

  /** Makes what is new, moves what is left out, and commits; all of it or, where that fails, nothing. */
  async #carryOut(
    { text, manifest: sound, mended }: FoundManifest,
    { manifest, remakes, copies, preambles }: RepairPlan,
    { disk: corrected, examined: { badCursors: cursors } }: Corrected,
  ): Promise<string | undefined> {
    const isChanged = sound === undefined || formatManifest(manifest) !== formatManifest(sound);
    const before = sound ?? mended ?? manifest;
    let aside: MovedAside | undefined;
    try {
      for (const each of remakes) await remake(corrected, this.#pathOf, each);
      for (const each of copies) await copyBase(corrected, this.#pathOf, each);
      for (const each of preambles) await this.#writePreamble(each);
      if (isChanged || cursors.length > 0) {
        aside = await MovedAside.make(this.#disk, this.#directory);
      }
      for (const name of cursors) await aside?.moveCursor(cursorFile(name));
      if (!isChanged) return aside?.path;
      await aside?.keepManifest(text);
      const kept = new Set(filesNamedBy(manifest));
      const dropped = filesNamedBy(before).filter((name) => !kept.has(name));
      await aside?.move(dropped);
      await this.#commit(manifest);
      return aside?.path;
    } catch (error) {
      const old = new Set(filesNamedBy(before));
      const made = filesNamedBy(manifest).filter((name) => !old.has(name));
      await this.#undo(text, made);
      throw error;
    }
  }

  /** Unless the new manifest is there, in which case it holds. */
  async #undo(before: string, made: readonly string[]): Promise<void> {
    try {
      const { text } = await findManifest(this.#disk, this.#directory);
      if (text !== before) return;
      await MovedAside.takeBack(this.#disk, this.#directory, text);
      for (const name of made) await this.#disk.remove(this.#pathOf(name));
    } catch {
      // What is told is the failure before; the next repair takes back what this could not.
    }
  }

  async #writePreamble(increment: Increment): Promise<void> {
    const path = this.#pathOf(increment.name);
    const bytes = preambleOf(increment);
    await orLogError(path, 'writing', async () => {
      const file = await this.#disk.open(path, 'write');
      try {
        for (let done = 0; done < bytes.length; ) {
          done += await file.write(bytes.subarray(done), done);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  async #commit(manifest: Manifest): Promise<void> {
    const path = this.#pathOf(MANIFEST_NAME);
    const text = Buffer.from(formatManifest(manifest));
    await orLogError(path, 'replacing', () => replaceFile(this.#disk, path, text));
  }

  readonly #pathOf = (name: string): string => pathIn(this.#directory, name);
}

const MANIFEST_MENDED = 'the manifest is written anew, as it was before one byte of it was changed';

function asItIs(manifest: Manifest): RepairPlan {
  return { manifest, remakes: [], copies: [], preambles: [], done: [], lost: [] };
}

function isDamaged({ findings }: Examined): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

function cursorMoved(name: string): string {
  return `the cursor ${name} is moved aside: its reader begins anew`;
}
