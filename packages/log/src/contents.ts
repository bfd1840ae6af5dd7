import type { Change, Current, LogContext } from './changes/change.ts';
import { supersededBytes } from './changes/split.ts';
import { closeQuietly } from './disk/close-quietly.ts';
import { replaceFile } from './disk/durable.ts';
import { LogError, orLogError } from './errors.ts';
import type { LogSize } from './log-types.ts';
import { formatManifest } from './manifest/format.ts';
import type { Manifest } from './manifest/manifest.ts';
import { MANIFEST_NAME } from './manifest/manifest.ts';
import { requiredBy, sizesOf, totalOf } from './retention/retain.ts';

/** What a log holds, and the one place where that changes: by a rename of the manifest. */
export class Contents {
  readonly directory: string;
  readonly #context: LogContext;
  #current: Current | undefined;
  /** All files except the one that is being written, and its index. */
  #complete: LogSize = { total: 0, required: 0 };
  #unnamed = 0;

  constructor(directory: string, context: LogContext, current: Current | undefined) {
    this.directory = directory;
    this.#context = context;
    this.#current = current;
  }

  get current(): Current | undefined {
    return this.#current;
  }

  get size(): LogSize {
    const { total, required } = this.#complete;
    const growing = this.#current?.writer.bytes ?? 0;
    return { total: total + growing, required: required + growing };
  }

  /** Bytes of the files that no manifest names: the manifest itself, and those that are kept for a while. */
  get unnamed(): number {
    return this.#unnamed;
  }

  /** Finds the sizes of what is not written to any more. @throws {LogError} `IO` */
  async measure(): Promise<void> {
    if (this.#current === undefined) return;
    const { manifest, writer } = this.#current;
    const sizes = await sizesOf(this.#context, manifest);
    // Between the two a sync may add a record: these are counted as they grow.
    sizes.set(writer.increment.name, 0);
    sizes.set(writer.increment.index, 0);
    const kept = supersededBytes(this.#context.superseded);
    this.#unnamed = Buffer.byteLength(formatManifest(manifest)) + kept;
    this.#complete = {
      total: this.#unnamed + totalOf(manifest, sizes),
      required: this.#unnamed + totalOf(requiredBy(manifest), sizes),
    };
  }

  /** @throws {LogError} `MISUSE` before the first base */
  get needed(): Current {
    if (this.#current !== undefined) return this.#current;
    throw new LogError('MISUSE', this.directory, 'the log has no base yet');
  }

  /**
   * Commits a change, lets its writer take over, and clears up behind it. `onCommitted` is called
   * before anyone can see what has changed.
   *
   * @throws {LogError} `IO`
   */
  async apply(change: Change, onCommitted: () => void = () => {}): Promise<void> {
    const { manifest, writer, afterwards } = change;
    const before = this.#current?.writer;
    try {
      await this.#commit(manifest);
    } catch (error) {
      if (writer !== before) await closeQuietly(writer);
      throw error;
    }
    this.#current = { manifest, writer };
    onCommitted();
    if (before !== writer) await before?.close();
    await afterwards?.();
    await this.measure();
  }

  /** Syncs everything, and notes where the stream ends. @throws {LogError} `IO` */
  async seal(): Promise<void> {
    if (this.#current === undefined) return;
    const { manifest, writer } = this.#current;
    await writer.flush();
    await writer.settle();
    if (manifest.closedSize !== undefined) return;
    await this.#commit({ ...manifest, closedSize: writer.size });
  }

  async close(): Promise<void> {
    await this.#current?.writer.close();
  }

  async #commit(manifest: Manifest): Promise<void> {
    const { disk, pathOf } = this.#context;
    const path = pathOf(MANIFEST_NAME);
    const text = Buffer.from(formatManifest(manifest));
    await orLogError(path, 'replacing', () => replaceFile(disk, path, text));
  }
}
