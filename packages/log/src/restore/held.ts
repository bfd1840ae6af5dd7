import { pathIn } from '../directory/paths.ts';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk } from '../disk/disk.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { sizeUpTo } from '../increment/preamble.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import { checkPreamble } from '../recovery/check-files.ts';
import { recoverEnd } from '../recovery/recover-end.ts';
import type { RecoveredEnd } from '../recovery/recovered-end.ts';
import type { LeftOut, Settled } from '../recovery/settle-copy.ts';
import type { Way } from './ways.ts';
import { waysOf } from './ways.ts';

/** What a directory holds by one manifest of it. Reads only. */
export class Held {
  readonly disk: Disk;
  readonly directory: string;
  readonly manifest: Manifest;
  /** Files that are incomplete in a copy; undefined if the directory is not a copy. */
  readonly copied: readonly LeftOut[] | undefined;
  /** The newest first. */
  readonly ways: readonly [Way, ...Way[]];
  #liveEnd: RecoveredEnd | undefined;

  constructor(disk: Disk, directory: string, { manifest, isCopy, leftOut }: Settled) {
    this.disk = disk;
    this.directory = directory;
    this.manifest = manifest;
    this.copied = isCopy ? leftOut : undefined;
    this.ways = waysOf(manifest);
  }

  pathOf(name: string): string {
    return pathIn(this.directory, name);
  }

  async withReader<T>(
    increment: Increment,
    run: (reader: IncrementReader) => Promise<T>,
  ): Promise<T> {
    const reader = await this.open(increment);
    try {
      return await run(reader);
    } finally {
      await closeQuietly(reader);
    }
  }

  async open(increment: Increment): Promise<IncrementReader> {
    const reader = await this.#open(increment);
    const { live } = this.manifest;
    if (this.copied === undefined || increment.name !== lastIncrement(live).name) return reader;
    try {
      // The index of a copy may continue after the end of its stream.
      reader.index.limitTo((await this.liveEnd()).index.records);
      return reader;
    } catch (error) {
      await closeQuietly(reader);
      throw error;
    }
  }

  #open(increment: Increment): Promise<IncrementReader> {
    return IncrementReader.open(this.disk, (name) => this.pathOf(name), increment);
  }

  /**
   * Where the stream ends that is written to, or was last. Looked for when it is needed: damage at
   * the end is no hindrance to who wants what came before.
   *
   * @throws {LogError} `FOREIGN`, `CORRUPT`, `IO`
   */
  async liveEnd(): Promise<RecoveredEnd> {
    const { live, closedSize } = this.manifest;
    const increment = lastIncrement(live);
    if (this.#liveEnd !== undefined) return this.#liveEnd;
    const reader = await this.#open(increment);
    try {
      await checkPreamble(reader);
      const end = await recoverEnd(this.disk, reader, this.manifest);
      // A log that was closed has a record of everything.
      const recorded =
        end.isCopy ||
        closedSize === undefined ||
        sizeUpTo(increment, end.index.spanEnd) >= closedSize;
      if (!recorded) throw reader.index.damaged(end.index.records);
      // A daemon fetches such bytes again; here they are nowhere else.
      if (end.damaged) await refuseDamaged(reader, end);
      this.#liveEnd = end;
      return end;
    } finally {
      await closeQuietly(reader);
    }
  }

  /** Files that are incomplete in a copy, the end of its stream included; undefined if the directory is not a copy. */
  get leftOut(): readonly LeftOut[] | undefined {
    const { dropped = 0, stream } = this.#liveEnd ?? {};
    if (this.copied === undefined || dropped === 0) return this.copied;
    const what = `no checksum confirms the ${dropped} bytes after offset ${stream?.offset}`;
    return [...this.copied, { file: lastIncrement(this.manifest.live).name, what }];
  }

  /**
   * When the bytes arrived that are younger than the index; undefined where there are none, or where
   * `liveEnd`, without which nothing leads there, was not needed.
   */
  get tailTime(): number | undefined {
    const isWhole = this.manifest.closedSize !== undefined || this.copied !== undefined;
    return isWhole ? undefined : this.#liveEnd?.index.time;
  }
}

/** The first record that is not confirmed, or what it speaks of. */
async function refuseDamaged(reader: IncrementReader, { index }: RecoveredEnd): Promise<never> {
  await reader.checked(index.spanEnd, await reader.index.whole(index.records));
  throw reader.index.damaged(index.records);
}
