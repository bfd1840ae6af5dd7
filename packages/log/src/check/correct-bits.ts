import { pathIn } from '../directory/paths.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { CheckProgress, Examined } from './check.ts';
import { examine } from './check.ts';
import type { Finding } from './finding.ts';
import type { Flip } from './flipped-bit.ts';

/** What a log is when its flipped bits are corrected. */
export interface Corrected {
  /** What is found then. */
  readonly examined: Examined;
  /** By the name of the file: the bits to correct. */
  readonly flips: ReadonlyMap<string, readonly Flip[]>;
  /** Gives the files as they are when these bits are corrected; what it writes is written as it stands. */
  readonly disk: Disk;
}

/**
 * Bytes of a base that its CRC-32 alone proves to be corrected: among the bits of 64 KiB, one explains a
 * damage of another kind with a chance of 1 in 8192. A larger base needs its own checksum too.
 */
const PROVEN_SIZE = 64 * 1024;

/**
 * Looks at a log as if its flipped bits were corrected. A correction holds only if nothing is wrong with what
 * it covers afterwards: a span has to consist of commands, a base has to be a snapshot with a right checksum.
 *
 * @throws {LogError} `IO`
 */
export async function correctBits(
  disk: Disk,
  directory: string,
  found: Examined,
  said: { readonly manifest: Manifest; readonly text: string },
  onProgress?: (progress: CheckProgress) => void,
): Promise<Corrected> {
  let flips = flipsOf(found);
  // Each round gives up the corrections that the one before has refuted.
  while (flips.size > 0) {
    const overlay = correctedDisk(disk, directory, flips);
    const examined = await examine(overlay, directory, said, onProgress);
    const held = flipsThatHold(flips, examined);
    if (countOf(held) === countOf(flips)) return { examined, flips, disk: overlay };
    flips = held;
  }
  return { examined: found, flips, disk };
}

function flipsOf({ stretches, bases }: Examined): Map<string, readonly Flip[]> {
  const flips = new Map<string, readonly Flip[]>();
  for (const [name, { flip }] of bases) if (flip !== undefined) flips.set(name, [flip]);
  for (const [name, state] of stretches) if (state.flips.length > 0) flips.set(name, state.flips);
  return flips;
}

function flipsThatHold(
  flips: ReadonlyMap<string, readonly Flip[]>,
  { bases, stretches }: Examined,
): Map<string, readonly Flip[]> {
  const held = new Map<string, readonly Flip[]>();
  for (const [name, all] of flips) {
    const base = bases.get(name);
    const findings = (base ?? stretches.get(name))?.findings ?? [];
    const kept = all.filter((flip) => {
      if (base !== undefined && !base.isProven && flip.to > PROVEN_SIZE) return false;
      return !findings.some((finding) => isIn(flip, finding));
    });
    if (kept.length > 0) held.set(name, kept);
  }
  return held;
}

/** Whether a finding refutes a correction: a base is judged as a whole. */
function isIn({ from, to, offset }: Flip, { severity, place }: Finding): boolean {
  return severity === 'error' && (offset === undefined || (place >= from && place < to));
}

function countOf(flips: ReadonlyMap<string, readonly Flip[]>): number {
  return [...flips.values()].reduce((sum, { length }) => sum + length, 0);
}

function correctedDisk(
  disk: Disk,
  directory: string,
  flips: ReadonlyMap<string, readonly Flip[]>,
): Disk {
  const byPath = new Map([...flips].map(([name, all]) => [pathIn(directory, name), all]));
  return {
    bootId: disk.bootId,
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      const all = mode === 'read' ? byPath.get(path) : undefined;
      return all === undefined ? file : correctedFile(file, all);
    },
    stat: (path) => disk.stat(path),
    list: (path) => disk.list(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => disk.rename(from, to),
    link: (from, to) => disk.link(from, to),
    clone: (from, to) => disk.clone(from, to),
    remove: (path) => disk.remove(path),
    removeTree: (path) => disk.removeTree(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: (path) => disk.lock(path),
    space: (path) => disk.space(path),
  };
}

function correctedFile(file: DiskFile, flips: readonly Flip[]): DiskFile {
  return {
    read: async (into, at) => {
      const length = await file.read(into, at);
      for (const { place, bit } of flips) {
        if (place >= at && place < at + length) into[place - at]! ^= 1 << bit;
      }
      return length;
    },
    write: (bytes, place) => file.write(bytes, place),
    size: () => file.size(),
    truncate: (size) => file.truncate(size),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}
