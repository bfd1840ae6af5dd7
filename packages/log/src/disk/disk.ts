/**
 * What a log needs of a file system and of the machine. `nodeDisk` is the real one; a test may give one
 * that loses what was not synced.
 *
 * Everything that is refused rejects with the system's error (`code` is `ENOSPC`, `ENOENT`, …).
 */
export interface Disk {
  /** Names this run of the machine: what was written under the same one is still in its memory. */
  readonly bootId: string;
  /**
   * Opens a file: `read`; `write`, which also reads, and has to be there; `create`, which makes it
   * anew and empty.
   */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile>;
  stat(path: string): Promise<DiskStat>;
  /** Names in a directory, in no order. */
  list(directory: string): Promise<string[]>;
  /** Makes a directory, and its parents, where they are not there; its own mode is 0700. */
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name, which must not be there. Rejects where the file system has no hard links. */
  link(from: string, to: string): Promise<void>;
  /** Makes a file that shares the blocks of another until one of them is written to. Rejects where that cannot be. */
  clone(from: string, to: string): Promise<void>;
  /** Removes a file. That it is gone already is no failure. */
  remove(path: string): Promise<void>;
  /** Removes a directory and all that is in it. That it is gone already is no failure. */
  removeTree(path: string): Promise<void>;
  /** Makes what was made, renamed or removed in a directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Locks a file, made where it is not there, against other processes; undefined where one has it. */
  lock(path: string): Promise<DiskLock | undefined>;
  /** Bytes of the file system, and of these, free to us. */
  space(directory: string): Promise<{ readonly total: number; readonly free: number }>;
}

export interface DiskStat {
  readonly size: number;
  /** Milliseconds since 1970, by the wall clock. */
  readonly modified: number;
  /** Whether that was in this run of the machine, as far as its clocks tell. */
  readonly ofThisRun: boolean;
  /** Identifies the file while it exists, independent of its name: a copy has another identity. */
  readonly identity: string;
  /** Identifies the file system until the next reboot. */
  readonly device: string;
}

/** An open file. One write at a time. */
export interface DiskFile {
  /** Writes at `place`; returns, or promises, how many bytes were taken, which may be fewer. */
  write(bytes: Uint8Array, place: number): number | Promise<number>;
  /** Reads at `place` until `into` is full or the file ends; how many bytes came. */
  read(into: Uint8Array, place: number): Promise<number>;
  size(): Promise<number>;
  truncate(size: number): Promise<void>;
  /** Waits until what was written before the call survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A lock that is held until it is released, or the process ends in whatever way. */
export interface DiskLock {
  release(): Promise<void>;
}
