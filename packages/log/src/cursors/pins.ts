import type { Disk } from '../disk/disk.ts';
import { LogError } from '../errors.ts';
import { locate, segmentsOf } from '../manifest/lineage.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { CursorPlace } from './cursor-file.ts';
import { cursorNames, readCursor } from './cursor-file.ts';

/** The cursors of a directory; of one whose file cannot be read, the name alone. */
export type Places = ReadonlyMap<string, CursorPlace | undefined>;

/** @throws {LogError} `IO` where it is not even known which there are */
export async function readPlaces(disk: Disk, directory: string): Promise<Places> {
  const places = new Map<string, CursorPlace | undefined>();
  for (const name of await cursorNames(disk, directory)) {
    try {
      const place = await readCursor(disk, directory, name);
      // A cursor that was removed meanwhile needs no data.
      if (place !== undefined) places.set(name, place);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      places.set(name, undefined);
    }
  }
  return places;
}

/** What cursors still need: where that is not known, everything. */
export function pinsOf(places: Places, manifest: Manifest, written: number): Pin[] {
  return [...places].flatMap(([name, place]) => {
    if (place === undefined) {
      return segmentsOf(manifest).map(({ number }) => ({ name, segment: number, offset: -1 }));
    }
    const found = locate(manifest, written, place.position, place.segment);
    if (found.type === 'unknown') return [];
    return [{ name, segment: found.segment.number, offset: found.offset }];
  });
}

/** Who still needs what comes after a place. */
export interface Pin {
  readonly name: string | undefined;
  /** The number of the segment. */
  readonly segment: number;
  readonly offset: number;
}
