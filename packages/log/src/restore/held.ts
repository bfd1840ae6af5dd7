import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk } from '../disk/disk.ts';
import { sizeUpTo } from '../increment/preamble.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import { lastIncrement } from '../manifest/manifest.ts';
import { IncrementReader } from '../reading/spans.ts';
import { checkPreamble, pathIn } from '../recovery/open-directory.ts';
import type { RecoveredEnd } from '../recovery/recover-end.ts';
import { recoverEnd } from '../recovery/recover-end.ts';
import type { Way } from './ways.ts';
import { waysOf } from './ways.ts';

/** What a directory holds by one manifest of it. Reads only. */
export class Held {
  readonly disk: Disk;
  readonly directory: string;
  readonly manifest: Manifest;
  /** The newest first. */
  readonly ways: readonly [Way, ...Way[]];
  #liveEnd: RecoveredEnd | undefined;

  constructor(disk: Disk, directory: string, manifest: Manifest) {
    this.disk = disk;
    this.directory = directory;
    this.manifest = manifest;
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

  open(increment: Increment): Promise<IncrementReader> {
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
    this.#liveEnd ??= await this.withReader(increment, async (reader) => {
      await checkPreamble(reader);
      const end = await recoverEnd(this.disk, reader, closedSize);
      // A log that was closed has a record of everything.
      const recorded =
        closedSize === undefined || sizeUpTo(increment, end.index.spanEnd) >= closedSize;
      if (!recorded) throw reader.index.damaged(end.index.records);
      // A daemon fetches such bytes again; here they are nowhere else.
      if (end.damaged) await refuseDamaged(reader, end);
      return end;
    });
    return this.#liveEnd;
  }

  /**
   * When the bytes arrived that are younger than the index; undefined where there are none, or where
   * `liveEnd`, without which nothing leads there, was not needed.
   */
  get tailTime(): number | undefined {
    return this.manifest.closedSize === undefined ? this.#liveEnd?.index.time : undefined;
  }
}

/** The first record that is not confirmed, or what it speaks of. */
async function refuseDamaged(reader: IncrementReader, { index }: RecoveredEnd): Promise<never> {
  await reader.checked(index.spanEnd, await reader.index.whole(index.records));
  throw reader.index.damaged(index.records);
}
