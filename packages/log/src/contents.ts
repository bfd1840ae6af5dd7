import type { Change, Current, Workshop } from './changes/change.ts';
import { closeQuietly } from './disk/close-quietly.ts';
import { replaceFile } from './disk/durable.ts';
import { LogError, orLogError } from './errors.ts';
import { formatManifest } from './manifest/format.ts';
import type { Manifest } from './manifest/manifest.ts';
import { MANIFEST_NAME } from './manifest/manifest.ts';

/** What a log holds, and the one place where that changes: by a rename of the manifest. */
export class Contents {
  readonly directory: string;
  readonly #workshop: Workshop;
  #current: Current | undefined;

  constructor(directory: string, workshop: Workshop, current: Current | undefined) {
    this.directory = directory;
    this.#workshop = workshop;
    this.#current = current;
  }

  get current(): Current | undefined {
    return this.#current;
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
    const { disk, pathOf } = this.#workshop;
    const path = pathOf(MANIFEST_NAME);
    const text = Buffer.from(formatManifest(manifest));
    await orLogError(path, 'replacing', () => replaceFile(disk, path, text));
  }
}
