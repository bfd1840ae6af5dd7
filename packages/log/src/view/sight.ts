import { manifestIn } from '../directory/no-log.ts';
import { pathIn } from '../directory/paths.ts';
import type { Disk } from '../disk/disk.ts';
import { orLogError } from '../errors.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { endOffsetOf } from '../increment/preamble.ts';
import { formatManifest } from '../manifest/format.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import { bootedError } from '../manifest/parse.ts';
import { recoverEnd } from '../recovery/recover-end.ts';
import { settleCopy } from '../recovery/settle-copy.ts';

/** How often a directory is looked at anew that has changed meanwhile. */
const TRIES = 20;

/** What one look at a directory has shown. */
export interface Sight {
  readonly manifest: Manifest;
  /** The manifest as text: what tells two of them apart. */
  readonly text: string;
  /** Offset of the last byte of the live segment. */
  readonly written: number;
  readonly isCopy: boolean;
}

/**
 * Looks at a directory that may be written to meanwhile: reads the manifest, and how long the file is
 * that it says is written to. If the manifest is another one after that, bytes may have come under an id
 * that it did not have yet, and all is looked at anew.
 *
 * @throws {LogError} `FOREIGN` where there is no log, or where a server has written to it;
 *   `NEWER_VERSION`, `CORRUPT`, `IO`
 */
export async function lookAt(disk: Disk, directory: string, before?: Sight): Promise<Sight> {
  for (let tries = 1; ; tries++) {
    const named = await manifestIn(disk, directory);
    const [seen] = await Promise.allSettled([sightOf(disk, directory, named, before)]);
    const isSteady = formatManifest(named) === formatManifest(await manifestIn(disk, directory));
    if (seen.status === 'rejected') {
      if (isSteady || tries >= TRIES) throw seen.reason;
    } else if (isSteady) return seen.value;
  }
}

export function isSameSight(a: Sight, b: Sight): boolean {
  return a.written === b.written && a.text === b.text;
}

async function sightOf(
  disk: Disk,
  directory: string,
  named: Manifest,
  before: Sight | undefined,
): Promise<Sight> {
  // A directory stays a copy until a daemon writes to it; no other directory becomes one.
  const isKnownToBeNone = before?.isCopy === false;
  const { manifest, isCopy } = isKnownToBeNone
    ? { manifest: named, isCopy: false }
    : await settleCopy(disk, directory, named);
  const written = isCopy
    ? await copiedEnd(disk, directory, manifest)
    : await writtenBy(disk, directory, manifest);
  return { manifest, text: formatManifest(manifest), written, isCopy };
}

/** Of a copy, what checksums confirm. */
async function copiedEnd(disk: Disk, directory: string, manifest: Manifest): Promise<number> {
  const pathOf = (name: string) => pathIn(directory, name);
  const reader = await IncrementReader.open(disk, pathOf, lastIncrement(manifest.live));
  try {
    return (await recoverEnd(disk, reader, manifest)).stream.offset;
  } finally {
    await reader.close();
  }
}

async function writtenBy(
  disk: Disk,
  directory: string,
  { live, closedSize }: Manifest,
): Promise<number> {
  const last = lastIncrement(live);
  const path = pathIn(directory, last.name);
  const { size } = await orLogError(path, 'reading', () => disk.stat(path));
  // Whoever opens the log takes the size back before the first append.
  if (closedSize !== undefined && size !== closedSize) {
    throw bootedError(path, `had ${closedSize} bytes when it was closed, and has changed since`);
  }
  return Math.max(last.startOffset, endOffsetOf(last, size));
}
