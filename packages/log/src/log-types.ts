import type { Clock } from '@forebay/clock';
import type { Position } from '@forebay/psync';
import type { Disk } from './disk/disk.ts';
import type { LogError } from './errors.ts';
import type { SyncPolicy } from './increment/syncer.ts';
import type { LogEnd } from './recovery/log-end.ts';
import type { ClockStep } from './watched-clock.ts';

/** How far the log has come: offsets of the last byte written and of the last byte synced. */
export interface LogProgress {
  readonly written: number;
  readonly synced: number;
}

/**
 * Bytes of the files of a log, of its manifest, and of former indexes that are kept for a while; the file that is
 * written to counts as it grows.
 */
export interface LogSize {
  readonly total: number;
  /** Of these, what `retain` never removes: the newest base, what follows it, the manifest, and former indexes. */
  readonly required: number;
}

/** Functions that a log calls when it is written to. */
export interface LogListener {
  /** Called when `written` or `synced` has moved. */
  readonly onProgress?: (progress: LogProgress) => void;
  /**
   * Called once, after a failed write or sync: the log then accepts no more writes. After a failed write
   * the log can still be read, after a failed sync not.
   */
  readonly onFailure?: (error: LogError) => void;
}

export interface LogOptions extends LogListener {
  /** `everysec` by default: see `SyncPolicy`. */
  readonly fsync?: SyncPolicy;
  /** Bytes of stream after which a file is followed by a new one, at a boundary, or what tells them; 1 GiB by default. */
  readonly rotateAt?: number | (() => number);
  /** Called after each sync of the stream that went well, with the milliseconds that it took. */
  readonly onSyncTime?: (milliseconds: number) => void;
  /**
   * Called when the clock shows at least a second less than it did before, to this process or to the
   * one that wrote the log last: what arrives until it shows more than before has no certain time.
   */
  readonly onClockStep?: (step: ClockStep) => void;
  /** `nodeDisk` by default. */
  readonly disk?: Disk;
  /** The system's by default. */
  readonly clock?: Clock;
}

/** What a step back came to. */
export interface StepBack extends LogEnd {
  readonly from: Position;
  readonly to: Position;
}
