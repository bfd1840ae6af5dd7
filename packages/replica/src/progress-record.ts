import type { ReplicaProgress } from './acknowledgement.ts';
import type { CachedStream } from './cached-stream.ts';
import { ReplicaError } from './errors.ts';

/**
 * What the one who stores has told, and whether that is of what was received: progress is of the
 * snapshot taken last.
 */
export class ProgressRecord {
  #progress: ReplicaProgress | undefined;
  #snapshotsReceived = 0;
  #snapshotsTaken = 0;

  /** @throws {ReplicaError} `INVALID_OPTION` if an offset is none */
  tell(progress: ReplicaProgress): void {
    const { written, synced = 0 } = progress;
    if (!Number.isSafeInteger(written) || !Number.isSafeInteger(synced)) {
      const message = `progress to ${written} and ${synced} names no offsets`;
      throw new ReplicaError('INVALID_OPTION', message);
    }
    this.#progress = progress;
  }

  /** All up to `offset` is stored, and nothing beyond. */
  resumedAt(offset: number): void {
    const synced = this.#progress?.synced;
    this.#progress = {
      written: offset,
      ...(synced === undefined ? {} : { synced: Math.min(synced, offset) }),
    };
  }

  onSnapshotReceived(): void {
    this.#snapshotsReceived++;
  }

  /** What was told before was told of another history. */
  onSnapshotTaken(): void {
    this.#snapshotsTaken++;
    this.#progress = undefined;
  }

  get snapshotReceived(): boolean {
    return this.#snapshotsReceived > 0;
  }

  /** What may be acknowledged: offsets of the history received, and none from before its snapshot. */
  of(cached: CachedStream | undefined): ReplicaProgress | undefined {
    const progress = this.#progress;
    if (progress === undefined || cached === undefined) return undefined;
    if (this.#snapshotsTaken !== this.#snapshotsReceived) return undefined;
    const { written } = progress;
    return written >= cached.start && written <= cached.tracker.offset ? progress : undefined;
  }
}
