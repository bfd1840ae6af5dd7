import type { Disk } from '../disk/disk.ts';
import type { Manifest } from '../manifest/manifest.ts';

/** What a reader sees of a log that is written to meanwhile. */
export interface WatchedLog {
  readonly directory: string;
  readonly disk: Disk;
  readonly manifest: Manifest;
  /** Offset of the last byte of the live segment that may be read. */
  readonly written: number;
  /** Whether reading has ended: the log was closed, or discards unsynced bytes after a failed sync. */
  readonly closed: boolean;
  readonly pathOf: (name: string) => string;
  /** Finds out what has changed, where nobody tells. @throws {LogError} */
  look(): Promise<void>;
  /** Calls `wake` once, at the next change. */
  onChange(wake: () => void): void;
  /** Registers a reader: what it still needs is not dropped while it reads. */
  seat(seat: ReaderSeat): () => void;
}

/** Where a reader is. */
export interface ReaderSeat {
  /** The number of the segment. */
  readonly segment: number;
  /** The id that its place is called by; empty before it has found that. */
  readonly id: string;
  /** Offset of the last byte it has taken, or will not need again. */
  readonly offset: number;
  /** What it is called; undefined where it has no name. */
  readonly name: string | undefined;
  /** The stream was taken back to `offset` of the segment. */
  steppedBack(segment: number, offset: number): void;
  /** What it needs was dropped. */
  cutOff(): void;
  /** The log closes: no file is to stay open. */
  close(): Promise<void>;
}
