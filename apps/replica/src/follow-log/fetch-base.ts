import type { Log } from '@forebay/log';
import type { Position } from '@forebay/psync';
import type { RdbVerdict } from '@forebay/rdb';
import { RdbFile } from '@forebay/rdb-receiver/node';
import type { ReplicaOptions } from '@forebay/replica';
import { Replica } from '@forebay/replica';
import type { BaseFile } from './follow.ts';

/** How a fetch of a base stores the base, and what it waits for. */
export interface FetchBaseOptions {
  /** Creates the file that receives the snapshot in a directory; `RdbFile.create` by default. */
  readonly createBase?: (directory: string) => Promise<BaseFile>;
  /** Called with the position of the base; resolves when the log holds the stream up to there. */
  readonly reached: (position: Position) => Promise<void>;
}

/** A base that was fetched. */
export interface FetchedBase {
  /** In bytes. */
  readonly size: number;
  /** Undefined if the options accept any snapshot. */
  readonly verdict: RdbVerdict | undefined;
}

/**
 * Fetches a snapshot over a connection of its own, while another replica is followed into the log, and makes it the
 * newest base. It costs the primary a fork.
 *
 * @throws {ReplicaError} @throws {LogError} @throws {RdbReceiverError} the log is as before @throws the rejection of `reached`
 */
export async function fetchBase(
  log: Log,
  replicaOptions: ReplicaOptions,
  { createBase = RdbFile.create, reached }: FetchBaseOptions,
): Promise<FetchedBase> {
  const target = log.awaitBase();
  await using replica = new Replica({ ...replicaOptions, rdbOnly: true });
  let file: BaseFile | undefined;
  try {
    for await (const item of replica) {
      if (item.type === 'full-resync') {
        const { position } = item;
        if (position === undefined) throw new Error('the primary names no position for it');
        await reached(position);
        await log.splitFor(position);
        file = await createBase(target.directory);
      } else if (item.type === 'snapshot') await file?.write(item.bytes);
      else if (item.type === 'snapshot-aborted') throw item.error;
      else if (item.type === 'snapshot-end' && file !== undefined) {
        const { history, offset, verdict } = item;
        await file.commit(target.path);
        const { length: size, crc } = file;
        await log.addBase({ target, size, crc, position: { id: history.id, offset } });
        return { size, verdict };
      }
    }
    throw new Error('the link ended before it was whole');
  } finally {
    log.abandonBase(target);
    await file?.abort();
  }
}
