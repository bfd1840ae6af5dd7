import type { ReplicaConfig } from '../../config.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import type { DiskState } from './disk-policy.ts';
import { complaintAbout } from './disk-policy.ts';

/** Warns of disk limits that cannot work, once for each combination of settings. */
export class LimitWarnings {
  readonly #reporter: Reporter;
  /** The settings for which a warning was logged, by the kind of the warning. */
  readonly #logged = new Map<string, string>();

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** `free`: bytes of the file system that are free; `Infinity` if unknown. */
  check(state: DiskState, free: number, { retain, maxDisk }: ReplicaConfig): void {
    const settings = `${state.limit} ${JSON.stringify(retain)}`;
    const limit = formatBytes(state.limit);
    const complaint = complaintAbout(state);
    if (complaint === undefined) this.#logged.delete('two bases');
    else {
      const { reason, needed } = complaint;
      const message =
        `--max-disk ${limit} is too small: ${reason}; ` +
        `replication will pause at the limit; set at least ${formatBytes(needed)}`;
      this.#warn('two bases', settings, message, needed);
    }
    if ('size' in retain && retain.size > state.limit) {
      const message = `--retain ${formatBytes(retain.size)} exceeds --max-disk ${limit}`;
      this.#warn('retain', settings, message, retain.size);
    }
    const room = state.total + free;
    if ('size' in maxDisk && state.limit > room) {
      const message =
        `--max-disk ${limit} exceeds the space on the disk: the log has ${formatBytes(state.total)}, ` +
        `${formatBytes(free)} are free; replication pauses when the disk is full`;
      this.#warn('disk', settings, message, room);
    }
  }

  #warn(kind: string, settings: string, message: string, bytes: number): void {
    if (this.#logged.get(kind) === settings) return;
    this.#logged.set(kind, settings);
    this.#reporter.trouble(message, { event: 'limit-too-small', bytes });
  }
}
