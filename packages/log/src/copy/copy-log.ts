import { dirname, join, resolve } from 'node:path';
import type { Position } from '@forebay/psync';
import { cursorFile, cursorNames, isPin } from '../cursors/cursor-file.ts';
import { syncName } from '../directory/open-directory.ts';
import { CURSOR_DIRECTORY, pathIn } from '../directory/paths.ts';
import type { Disk } from '../disk/disk.ts';
import { readWhole, writeWhole } from '../disk/durable.ts';
import { refuseFilled } from '../disk/refuse-filled.ts';
import { LogError, orLogError } from '../errors.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { sizeUpTo } from '../increment/preamble.ts';
import { formatManifest } from '../manifest/format.ts';
import { endOf, positionIn, segmentsOf } from '../manifest/lineage.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import {
  APPEND_DIRECTORY,
  filesNamedBy,
  lastIncrement,
  MANIFEST_NAME,
} from '../manifest/manifest.ts';
import { confirms, lastRecord } from '../recovery/last-records.ts';
import type { LeftOut } from '../recovery/settle-copy.ts';
import { isStill, settledIn } from '../recovery/settle-copy.ts';
import { Held } from '../restore/held.ts';
import type { CopyOptions } from './file-copies.ts';
import { FileCopies } from './file-copies.ts';

/** The copy of a log. */
export interface LogCopy {
  /** The last byte in the copy. */
  readonly position: Position;
  /** Bytes of all files, hard links included. */
  readonly bytes: number;
  /** Bytes of the bases that are hard links to those of the log. */
  readonly linked: number;
  /** Number of files: bases, increments, indexes, cursors and the manifest. */
  readonly files: number;
  /** Where the log is itself a copy made file by file: what it does not hold whole. */
  readonly notInCopy: readonly LeftOut[] | undefined;
}

/** Passes over the files of a log that changes. Each pass copies only what the passes before it did not. */
const PASSES = 50;
/** Where files are written, inside the directory of the copy, until all are complete and synced. */
const PARTIAL = 'copy.partial';

/**
 * Copies a log to the directory `out`, also while another process writes to it. The copy holds everything that was
 * synced before the call, and is a log that was closed cleanly. Bases are hard links where the file system allows
 * it, since they never change; increments share blocks where it allows that, and are synced. The directory has mode
 * 0700 where the call makes it. The files are renamed into place last, so that an interrupted copy is no log.
 *
 * @throws {LogError} `FOREIGN` where `directory` holds no log, or `out` is not empty; `LOCKED` where the log changes
 *   too fast; `CORRUPT` where the end of the log is damaged; `NEWER_VERSION`, `IO`. Nothing is left then.
 */
export async function copyLog(
  disk: Disk,
  directory: string,
  out: string,
  options: CopyOptions = {},
): Promise<LogCopy> {
  const target = resolve(out);
  const wasThere = await refuseFilled(disk, target);
  try {
    return await new LogCopying(disk, directory, target, options).run();
  } catch (error) {
    const made = [APPEND_DIRECTORY, CURSOR_DIRECTORY, PARTIAL].map((name) => join(target, name));
    // The first failure is reported, not a second one.
    for (const path of wasThere ? made : [target]) await disk.removeTree(path).catch(() => {});
    throw error;
  }
}

class LogCopying {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #out: string;
  readonly #partial: string;
  readonly #options: CopyOptions;
  readonly #files: FileCopies;

  constructor(disk: Disk, directory: string, out: string, options: CopyOptions) {
    this.#disk = disk;
    this.#directory = directory;
    this.#out = out;
    this.#partial = join(out, PARTIAL);
    this.#options = options;
    this.#files = new FileCopies(disk, directory, this.#partial, options);
  }

  async run(): Promise<LogCopy> {
    // A directory without a log leaves nothing at `out`.
    await settledIn(this.#disk, this.#directory);
    await orLogError(this.#out, 'making the directory', async () => {
      for (const each of [this.#out, this.#partial, join(this.#partial, APPEND_DIRECTORY)]) {
        await this.#disk.makeDirectory(each);
      }
      await syncName(this.#disk, this.#out);
    });
    const copied = await this.#unchanged();
    await this.#writeCursors(copied.cursors);
    await this.#confirmEnd(copied.manifest);
    await this.#writeManifest(copied.manifest);
    await this.#rename([CURSOR_DIRECTORY, APPEND_DIRECTORY]);
    return copied.copy;
  }

  /** Copies files until a pass sees no change of the manifest: its files are then those that it names. */
  async #unchanged(): Promise<Pass> {
    for (let passes = 1; passes <= PASSES; passes++) {
      const settled = await settledIn(this.#disk, this.#directory);
      const still = () => isStill(this.#disk, this.#directory, settled.manifest);
      try {
        const pass = await this.#pass(new Held(this.#disk, this.#directory, settled));
        if (await still()) return pass;
      } catch (error) {
        if (this.#options.signal?.aborted || (await still())) throw error;
      }
    }
    const message = `${this.#directory} changed during each of ${PASSES} passes over its files: stop the daemon, and copy again`;
    throw new LogError('LOCKED', this.#directory, message);
  }

  async #pass(held: Held): Promise<Pass> {
    // Read before the end of the stream, so that no cursor is ahead of the copy.
    const cursors = await this.#readCursors();
    const end = await held.liveEnd();
    const last = lastIncrement(held.manifest.live);
    const written = end.stream.offset;
    const streams = streamsOf(held.manifest, written);
    const bases = segmentsOf(held.manifest).flatMap((segment) => segment.bases);
    const sizes = [...bases.map(({ size }) => size), ...streams.map(({ size }) => size)];
    this.#files.begin(sizes.reduce((sum, size) => sum + size, 0));
    for (const base of bases) await this.#files.base(base);
    for (const { increment, size } of streams) {
      await this.#files.stream(increment, size);
      await this.#files.index(increment, increment === last ? end : undefined);
    }
    const { limit: _, ...named } = held.manifest;
    const manifest = { ...named, closedSize: sizeUpTo(last, written) };
    await this.#files.keepOnly(filesNamedBy(manifest));
    const small = [Buffer.from(formatManifest(manifest)), ...cursors.values()];
    return {
      manifest,
      cursors,
      copy: {
        position: positionIn(manifest.live, written),
        bytes: small.reduce((sum, { length }) => sum + length, this.#files.bytes),
        linked: this.#files.linked,
        files: filesNamedBy(manifest).length + small.length,
        notInCopy: held.leftOut,
      },
    };
  }

  /** Cursors by the names of their files, without the pins, which belong to readers of the log that run now. */
  async #readCursors(): Promise<Map<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>();
    for (const name of await cursorNames(this.#disk, this.#directory)) {
      if (isPin(name)) continue;
      const path = join(this.#directory, CURSOR_DIRECTORY, cursorFile(name));
      try {
        found.set(cursorFile(name), await readWhole(this.#disk, path));
      } catch (error) {
        const isRemoved = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (!isRemoved) await orLogError(path, 'reading', () => Promise.reject(error));
      }
    }
    return found;
  }

  async #writeCursors(cursors: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const folder = join(this.#partial, CURSOR_DIRECTORY);
    await orLogError(folder, 'writing', async () => {
      await this.#disk.makeDirectory(folder);
      for (const [name, bytes] of cursors) await writeWhole(this.#disk, join(folder, name), bytes);
      await this.#disk.syncDirectory(folder);
    });
  }

  /** The last span of the copy is what its CRC says. */
  async #confirmEnd({ live }: Manifest): Promise<void> {
    const pathOf = (name: string) => pathIn(this.#partial, name);
    const reader = await IncrementReader.open(this.#disk, pathOf, lastIncrement(live));
    try {
      const { number, record } = await lastRecord(reader);
      if (number === 0) return;
      const before = await reader.index.whole(number - 1);
      if (await confirms(reader, before.end, record)) return;
      const path = pathIn(this.#directory, reader.increment.name);
      const message = `${path} is damaged after offset ${before.end}: forebay check says more`;
      throw new LogError('CORRUPT', path, message);
    } finally {
      await reader.close();
    }
  }

  async #writeManifest(manifest: Manifest): Promise<void> {
    const path = pathIn(this.#partial, MANIFEST_NAME);
    await orLogError(path, 'writing', async () => {
      await writeWhole(this.#disk, path, Buffer.from(formatManifest(manifest)));
      await this.#disk.syncDirectory(dirname(path));
    });
  }

  /** Each rename is durable before the next: the last one makes the directory a log. */
  async #rename(names: readonly string[]): Promise<void> {
    await orLogError(this.#out, 'renaming', async () => {
      for (const name of names) {
        await this.#disk.rename(join(this.#partial, name), join(this.#out, name));
        await this.#disk.syncDirectory(this.#out);
      }
      await this.#disk.removeTree(this.#partial);
      await this.#disk.syncDirectory(this.#out);
    });
  }
}

/** What a pass over all files came to. */
interface Pass {
  readonly manifest: Manifest;
  /** By the names of their files. */
  readonly cursors: ReadonlyMap<string, Uint8Array>;
  readonly copy: LogCopy;
}

/** The increments of a manifest, and how many bytes of each belong to it. */
function streamsOf(manifest: Manifest, written: number): { increment: Increment; size: number }[] {
  return segmentsOf(manifest).flatMap((segment) =>
    segment.increments.map((increment, i) => {
      const end = segment.increments[i + 1]?.startOffset ?? endOf(segment, written);
      return { increment, size: sizeUpTo(increment, end) };
    }),
  );
}
