import { opened } from '../changes/change.ts';
import { MovedAside } from '../directory/moved-aside.ts';
import { pathIn } from '../directory/paths.ts';
import { statNamed } from '../directory/stat-named.ts';
import type { Disk } from '../disk/disk.ts';
import { replaceFile, truncate } from '../disk/durable.ts';
import { orLogError } from '../errors.ts';
import { sizeUpTo } from '../increment/preamble.ts';
import { formatManifest } from '../manifest/format.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { filesNamedBy, lastIncrement, MANIFEST_NAME } from '../manifest/manifest.ts';
import type { Settled } from './settle-copy.ts';

/**
 * Turns a copy into a writable log: the corrected manifest is committed and synced. Files that
 * are left out are moved aside. A crash on the way leaves a copy that comes to the same.
 *
 * @returns the manifest that was committed
 * @throws {LogError} `IO`
 */
export async function adoptCopy(
  disk: Disk,
  directory: string,
  named: Manifest,
  { manifest: { limit, ...settled } }: Settled,
): Promise<Manifest> {
  const pathOf = (name: string) => pathIn(directory, name);
  const manifest = opened(settled);
  // The files of a copy may not be synced.
  for (const name of filesNamedBy(manifest)) await syncFile(disk, pathOf(name));
  const last = lastIncrement(manifest.live);
  const path = pathOf(last.name);
  if (limit !== undefined && (await statNamed(disk, path)).size > sizeUpTo(last, limit)) {
    await truncate(disk, path, sizeUpTo(last, limit));
  }
  const [before, after] = [formatManifest(named), formatManifest(manifest)];
  if (before === after) return manifest;
  const kept = new Set(filesNamedBy(manifest));
  const dropped = filesNamedBy(named).filter((name) => !kept.has(name));
  if (dropped.length > 0) {
    const aside = await MovedAside.make(disk, directory);
    await aside.keepManifest(before);
    await aside.move(dropped);
  }
  const target = pathOf(MANIFEST_NAME);
  await orLogError(target, 'replacing', () => replaceFile(disk, target, Buffer.from(after)));
  return manifest;
}

async function syncFile(disk: Disk, path: string): Promise<void> {
  await orLogError(path, 'syncing', async () => {
    const file = await disk.open(path, 'read');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  });
}
