import { join } from 'node:path';
import type { Disk } from '../disk/disk.ts';
import { readWhole, writeWhole } from '../disk/durable.ts';
import { orLogError } from '../errors.ts';
import { APPEND_DIRECTORY, MANIFEST_NAME, sequenceOf } from '../manifest/manifest.ts';
import { CURSOR_DIRECTORY } from './paths.ts';

const NAME = /^damaged-(\d+)$/;

/**
 * A directory for what a repair leaves out, beside the log's. Files are moved before the manifest that
 * does without them is committed, for whoever opens the log afterwards removes what it does not name.
 *
 * Invariant: one that holds a copy of the manifest that is still in force is of a repair that was cut
 * short, and what it holds belongs back.
 */
export class MovedAside {
  readonly path: string;
  readonly #disk: Disk;
  readonly #directory: string;

  private constructor(disk: Disk, directory: string, path: string) {
    this.#disk = disk;
    this.#directory = directory;
    this.path = path;
  }

  /** Makes the directory, under a number that no other has. @throws {LogError} `IO` */
  static async make(disk: Disk, directory: string): Promise<MovedAside> {
    const numbers = (await numbered(disk, directory)).map(([number]) => number);
    const path = join(directory, `damaged-${Math.max(0, ...numbers) + 1}`);
    await orLogError(path, 'making the directory', async () => {
      await disk.makeDirectory(path);
      await disk.syncDirectory(directory);
    });
    return new MovedAside(disk, directory, path);
  }

  /** Moves back what was moved under this manifest. @throws {LogError} `IO` */
  static async takeBack(disk: Disk, directory: string, manifest: string): Promise<void> {
    for (const [, path] of await numbered(disk, directory)) {
      const aside = new MovedAside(disk, directory, path);
      if ((await aside.#keptManifest()) === manifest) await aside.#takeBackAll();
    }
  }

  /** Keeps the manifest of before, a character a byte. @throws {LogError} `IO` */
  async keepManifest(text: string): Promise<void> {
    const path = join(this.path, MANIFEST_NAME);
    await orLogError(path, 'writing', async () => {
      await writeWhole(this.#disk, path, Buffer.from(text, 'latin1'));
      await this.#disk.syncDirectory(this.path);
    });
  }

  /** Moves files of the log, those that are there. @throws {LogError} `IO` */
  async move(names: readonly string[]): Promise<void> {
    const from = join(this.#directory, APPEND_DIRECTORY);
    const there = new Set(await orLogError(from, 'reading', () => this.#disk.list(from)));
    await this.#moveAll(
      from,
      this.path,
      names.filter((name) => there.has(name)),
    );
  }

  /** Moves the file of a cursor. @throws {LogError} `IO` */
  async moveCursor(file: string): Promise<void> {
    await this.#moveAll(join(this.#directory, CURSOR_DIRECTORY), this.path, [file]);
  }

  async #keptManifest(): Promise<string | undefined> {
    const path = join(this.path, MANIFEST_NAME);
    try {
      return Buffer.from(await readWhole(this.#disk, path)).toString('latin1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      return orLogError(path, 'reading', () => Promise.reject(error));
    }
  }

  async #takeBackAll(): Promise<void> {
    const to = join(this.#directory, APPEND_DIRECTORY);
    const names = await orLogError(this.path, 'reading', () => this.#disk.list(this.path));
    const there = new Set(await orLogError(to, 'reading', () => this.#disk.list(to)));
    const ours = names.filter((name) => sequenceOf(name) !== undefined && !there.has(name));
    await this.#moveAll(this.path, to, ours);
  }

  async #moveAll(from: string, to: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await orLogError(to, 'moving files to', async () => {
      for (const name of names) await this.#disk.rename(join(from, name), join(to, name));
      await this.#disk.syncDirectory(to);
      await this.#disk.syncDirectory(from);
    });
  }
}

/** The directories of all repairs, with their numbers. */
async function numbered(disk: Disk, directory: string): Promise<[number: number, path: string][]> {
  const names = await orLogError(directory, 'reading', () => disk.list(directory));
  return names.flatMap((name): [number, string][] => {
    const number = NAME.exec(name)?.[1];
    return number === undefined ? [] : [[Number(number), join(directory, name)]];
  });
}
