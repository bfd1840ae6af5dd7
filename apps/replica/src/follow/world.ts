import { randomBytes } from 'node:crypto';
import type { Clock } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { Disk } from '@forebay/log';
import { nodeDisk } from '@forebay/log';
import { RdbFile, removeStaleTemporaries } from '@forebay/rdb-receiver/node';
import type { ReplicaOptions } from '@forebay/replica';
import type { Connection } from '@forebay/resp-server';
import type { BaseFile } from '../follow-log/follow.ts';

/** What the daemon stands on. A simulation gives its own. */
export interface World {
  readonly disk: Disk;
  readonly clock: Clock;
  /** This many random bytes: run ids, and marks that end a snapshot. */
  readonly random: (size: number) => Uint8Array;
  readonly createBase: (directory: string) => Promise<BaseFile>;
  /** Removes what a process that was killed has left of such files. */
  readonly removeStale: (directory: string) => Promise<unknown>;
  /** Transport and randomness of the links to servers; real ones by default. */
  readonly network: Pick<ReplicaOptions, 'transport' | 'backoff'>;
  /** Passes each connection from a client to `accept`; undefined: listens on the configured addresses. */
  readonly listen?: (accept: (connection: Connection) => void) => void;
}

export const realWorld: World = {
  disk: nodeDisk,
  clock: systemClock,
  random: randomBytes,
  createBase: (directory) => RdbFile.create(directory),
  removeStale: removeStaleTemporaries,
  network: {},
};
