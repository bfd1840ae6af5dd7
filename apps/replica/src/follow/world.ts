import type { Clock } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { Disk } from '@forebay/log';
import { nodeDisk } from '@forebay/log';
import { RdbFile, removeStaleTemporaries } from '@forebay/rdb-receiver/node';
import type { ReplicaOptions } from '@forebay/replica';

/** A snapshot on its way to the disk: what `RdbFile` is. */
export interface BaseFile {
  readonly length: number;
  /** CRC-32 of the bytes so far. */
  readonly crc: number;
  write(bytes: Uint8Array): undefined | Promise<void>;
  commit(path: string): Promise<void>;
  abort(): Promise<void>;
}

/** What the daemon stands on. A simulation gives its own. */
export interface World {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly createBase: (directory: string) => Promise<BaseFile>;
  /** Removes what a process that was killed has left of such files. */
  readonly removeStale: (directory: string) => Promise<unknown>;
  /** Transport and randomness of the links to servers; the real ones where empty. */
  readonly network: Pick<ReplicaOptions, 'transport' | 'backoff'>;
}

export const realWorld: World = {
  disk: nodeDisk,
  clock: systemClock,
  createBase: (directory) => RdbFile.create(directory),
  removeStale: removeStaleTemporaries,
  network: {},
};
