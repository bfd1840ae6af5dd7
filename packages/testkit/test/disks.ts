import type { SimulatedDiskOptions, SimulatedFile } from '../src/index.ts';
import { bytesOf, randomFrom, SimulatedDisk, textOf } from '../src/index.ts';

export const SEEDS: readonly number[] = Array.from({ length: 300 }, (_, seed) => seed);

/** A disk whose writes are taken at once and whole, unless told. */
export function newDisk(
  seed = 1,
  options: Omit<SimulatedDiskOptions, 'random'> = {},
): SimulatedDisk {
  return new SimulatedDisk({ random: randomFrom(seed), slowWriteRate: 0, ...options });
}

/** An open file `/f` of this text, with its name synced, and its bytes too. */
export async function syncedFile(disk: SimulatedDisk, text = ''): Promise<SimulatedFile> {
  const file = await disk.open('/f', 'create');
  await append(file, text);
  await file.sync();
  await disk.syncDirectory('/');
  return file;
}

export async function append(file: SimulatedFile, text: string): Promise<void> {
  const bytes = bytesOf(text);
  const end = await file.size();
  for (let done = 0; done < bytes.length; ) {
    done += await file.write(bytes.subarray(done), end + done);
  }
}

export function textIn(disk: SimulatedDisk, path = '/f'): string {
  return textOf(disk.peek(path));
}

/** What a power cut may leave of a disk, over all seeds. */
export async function afterPowerCuts(
  prepare: (disk: SimulatedDisk) => Promise<unknown>,
  look: (disk: SimulatedDisk) => string,
): Promise<Set<string>> {
  const seen = new Set<string>();
  for (const seed of SEEDS) {
    const disk = newDisk(seed);
    await prepare(disk);
    disk.crash('power');
    seen.add(look(disk));
  }
  return seen;
}
