import type { CursorPlace } from '../cursors/cursor-file.ts';
import type { Places } from '../cursors/pins.ts';
import { readPlaces } from '../cursors/pins.ts';
import { pathIn } from '../directory/paths.ts';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { endOffsetOf } from '../increment/preamble.ts';
import { IndexReader } from '../index-file/index-reader.ts';
import { endOf, locate, segmentsOf, successorOf } from '../manifest/lineage.ts';
import type { Base, Increment, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import { filesNamedBy, lastIncrement, startOf } from '../manifest/manifest.ts';
import { isStill, settledIn } from '../recovery/settle-copy.ts';
import type {
  BaseInventory,
  CursorInventory,
  IncrementInventory,
  Inventory,
  SegmentInventory,
} from './inventory.ts';

/** How often a directory is looked at anew that has changed meanwhile. */
const TRIES = 5;

/**
 * Lists what a directory holds, by its manifest and what the files say themselves. Reads only, little
 * of each file, and takes no lock: the log may be written to meanwhile. Nothing is checked.
 *
 * @throws {LogError} `FOREIGN` where the directory has no log; `NEWER_VERSION`, `CORRUPT`, `IO`
 */
export async function inspect(disk: Disk, directory: string): Promise<Inventory> {
  for (let tries = 1; ; tries++) {
    const { manifest } = await settledIn(disk, directory);
    const isLast = tries === TRIES;
    try {
      const inventory = await new Inspection(disk, directory, manifest).run();
      if (isLast || (await isStill(disk, directory, manifest))) return inventory;
    } catch (error) {
      if (isLast || (await isStill(disk, directory, manifest))) throw error;
    }
  }
}

class Inspection {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #manifest: Manifest;

  constructor(disk: Disk, directory: string, manifest: Manifest) {
    this.#disk = disk;
    this.#directory = directory;
    this.#manifest = manifest;
  }

  async run(): Promise<Inventory> {
    // Before the end of the stream is looked up: no cursor is ahead of what is found then.
    const places = await readPlaces(this.#disk, this.#directory);
    const written = await this.#written();
    const segments: SegmentInventory[] = [];
    for (const segment of segmentsOf(this.#manifest)) {
      segments.push(await this.#segment(segment, written));
    }
    return {
      directory: this.#directory,
      segments,
      cursors: await this.#cursors(places, written),
      files: filesNamedBy(this.#manifest).length,
      bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      free: await this.#free(),
    };
  }

  /** Offset of the last byte of the live segment. */
  async #written(): Promise<number> {
    const last = lastIncrement(this.#manifest.live);
    const size = (await this.#sizeOf(last.name)) ?? 0;
    return Math.max(last.startOffset, endOffsetOf(last, size));
  }

  async #segment(segment: Segment | PastSegment, written: number): Promise<SegmentInventory> {
    const to = endOf(segment, written);
    const bases: BaseInventory[] = [];
    for (const base of segment.bases) bases.push(await this.#base(base));
    const increments: IncrementInventory[] = [];
    for (const [i, increment] of segment.increments.entries()) {
      const end = segment.increments[i + 1]?.startOffset ?? to;
      increments.push(await this.#increment(increment, end));
    }
    const first = increments.find((each) => each.first !== undefined)?.first;
    const last = increments.findLast((each) => each.last !== undefined)?.last;
    const bytes = [...bases, ...increments].reduce((sum, each) => sum + (each.bytes ?? 0), 0);
    return {
      number: segment.number,
      ...('by' in segment
        ? { state: segment.by === 'reset' ? 'replaced' : 'rewound' }
        : { state: 'live' }),
      ids: segment.ids,
      from: startOf(segment),
      to,
      ...timesOf(first, last),
      ...('by' in segment ? { ended: segment.ended, reason: segment.reason } : {}),
      bases,
      increments,
      bytes,
    };
  }

  async #base({ name, offset, time }: Base): Promise<BaseInventory> {
    const bytes = await this.#sizeOf(name);
    return { file: name, offset, ...(bytes === undefined ? {} : { bytes }), time };
  }

  async #increment(increment: Increment, to: number): Promise<IncrementInventory> {
    const { name, index, startOffset, database } = increment;
    const sizes = [await this.#sizeOf(name), await this.#sizeOf(index)] as const;
    const [size, indexSize] = sizes;
    const isThere = size !== undefined && indexSize !== undefined;
    return {
      file: name,
      index,
      from: startOffset,
      to,
      database,
      ...(isThere ? { bytes: size + indexSize } : {}),
      ...(indexSize === undefined ? {} : await this.#timesIn(index)),
    };
  }

  /** When the first and the last bytes came that an index speaks of. */
  async #timesIn(name: string): Promise<Pick<IncrementInventory, 'first' | 'last'>> {
    const index = await IndexReader.open(this.#disk, pathIn(this.#directory, name));
    try {
      const count = await index.count();
      const first = await index.at(0);
      for (let number = count - 1; number >= 0; number--) {
        const last = await index.at(number);
        if (last !== undefined) return timesOf(first?.time ?? last.time, last.time);
      }
      return {};
    } finally {
      await closeQuietly(index);
    }
  }

  async #cursors(places: Places, written: number): Promise<CursorInventory[]> {
    const cursors: CursorInventory[] = [];
    for (const [name, place] of places) {
      if (place === undefined) cursors.push({ name, state: 'damaged' });
      else cursors.push(await this.#cursor(place, written));
    }
    return cursors;
  }

  async #cursor(
    { name, position, segment }: CursorPlace,
    written: number,
  ): Promise<CursorInventory> {
    const found = locate(this.#manifest, written, position, segment);
    if (found.type === 'unknown') return { name, position, state: 'lost' };
    const behind = this.#behind(found.segment, found.offset, written);
    const held = behind < 0 ? 'ahead' : 'readable';
    const state = found.type === 'rewound' ? 'rewound' : held;
    const next = behind > 0 ? await this.#arrivalAfter(found.segment, found.offset) : undefined;
    const when = next === undefined ? {} : { next };
    return { name, position, state, behind: Math.max(0, behind), ...when };
  }

  /** When the byte after an offset came, by the index of the file that it is in. */
  async #arrivalAfter({ increments }: Segment, offset: number): Promise<number | undefined> {
    const increment = increments.findLast(({ startOffset }) => startOffset <= offset);
    if (increment === undefined) return undefined;
    const index = await IndexReader.open(this.#disk, pathIn(this.#directory, increment.index));
    try {
      const number = await index.find(offset + 1);
      return number === undefined ? undefined : (await index.at(number))?.time;
    } catch (error) {
      // A record on the way is not what was written: that is for `check`, and not the cursor's fault.
      if (error instanceof LogError && error.code === 'CORRUPT') return undefined;
      throw error;
    } finally {
      await closeQuietly(index);
    }
  }

  /** What comes after a place: the rest of its segment, and of those that came after that. */
  #behind(segment: Segment, offset: number, written: number): number {
    const rest = endOf(segment, written) - offset;
    if (segment === this.#manifest.live) return rest;
    const next = successorOf(this.#manifest, segment.number);
    return rest + this.#behind(next, next.bases[0]?.offset ?? startOf(next), written);
  }

  /** Bytes of a file; undefined where it is not there. */
  async #sizeOf(name: string): Promise<number | undefined> {
    const path = pathIn(this.#directory, name);
    try {
      return (await this.#disk.stat(path)).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      return orLogError(path, 'reading', () => Promise.reject(error));
    }
  }

  async #free(): Promise<number> {
    const directory = this.#directory;
    return (await orLogError(directory, 'reading', () => this.#disk.space(directory))).free;
  }
}

function timesOf(
  first: number | undefined,
  last: number | undefined,
): Pick<IncrementInventory, 'first' | 'last'> {
  return {
    ...(first === undefined ? {} : { first }),
    ...(last === undefined ? {} : { last }),
  };
}
