import type { BaseTarget, Log } from '@forebay/log';
import type { History } from '@forebay/psync';
import type { RdbVerdict } from '@forebay/rdb';
import { RdbFile } from '@forebay/rdb-receiver/node';
import type { Replica, ReplicaError, ReplicaItem } from '@forebay/replica';

type Item<T extends ReplicaItem['type']> = Extract<ReplicaItem, { type: T }>;

/** A file that receives a snapshot; `RdbFile` is one. */
export interface BaseFile {
  readonly length: number;
  /** CRC-32 of the bytes so far. */
  readonly crc: number;
  write(bytes: Uint8Array): undefined | Promise<void>;
  commit(path: string): Promise<void>;
  abort(): Promise<void>;
}

/** The data set that a full resync replaces. */
export interface ReplacedDataSet {
  readonly history: History;
  /** Offset of its last byte. */
  readonly offset: number;
  /** Its newest base. */
  readonly base: { readonly offset: number; readonly size: number };
}

/** A resync is complete: the log continues with the stream of the primary. */
export type Resynced =
  | {
      readonly type: 'full';
      readonly history: History;
      /** Bytes of the new base. */
      readonly size: number;
      /** Undefined if the replica accepts any snapshot. */
      readonly verdict: RdbVerdict | undefined;
      /** Undefined: the log was empty. */
      readonly replaced: ReplacedDataSet | undefined;
    }
  | {
      readonly type: 'partial';
      readonly history: History;
      readonly offset: number;
      /** The replication id before; `history` has the same id unless the primary changed it. */
      readonly previousId: string | undefined;
    };

/** Conditions on what is written, and notifications. An error that one of these functions throws ends `follow`. */
export interface FollowOptions {
  /** Creates the file that receives a snapshot in a directory; `RdbFile.create` by default. */
  readonly createBase?: (directory: string) => Promise<BaseFile>;
  /**
   * Called before bytes of the stream are written. Undefined admits them at once; a promise admits them when it
   * resolves to true. If it resolves to false, they are dropped and the replica detaches: the next link receives them
   * again.
   */
  readonly admitStream?: (bytes: number) => undefined | Promise<boolean>;
  /** Called before the file of a snapshot is created, with its length if the primary knows it; rejects if there is no room. */
  readonly admitSnapshot?: (length: number | undefined) => Promise<void>;
  /** Runs a change of the log's history; until it is done, the caller must not serve the log. */
  readonly changeHistory?: <T>(change: () => Promise<T>) => Promise<T>;
  /** A full resync (`full-resync`) or a partial one (`continue`) has begun; the log is as before. */
  readonly onResync?: (item: Item<'full-resync'> | Item<'continue'>) => void;
  readonly onResynced?: (resynced: Resynced) => void;
  /** The link was lost before the snapshot was whole, or the snapshot was refused: the log is as before. */
  readonly onSnapshotAborted?: (error: ReplicaError) => void;
  /** Bytes of the stream are in the log; they are valid until the function returns. */
  readonly onStored?: (bytes: Uint8Array) => void;
  /** More of the log is written or synced, and was acknowledged to the primary. */
  readonly onProgress?: () => void;
}

/**
 * Writes what a replica receives into a log: a snapshot as its newest base, the stream verbatim. What the log has
 * written and synced is acknowledged to the primary. A slow disk slows the socket: an item is written before the next
 * is taken.
 *
 * The replica must resume at `log.found`. Resolves when the items end, after `replica.detach()`: everything received
 * is written then, and the log is still open.
 *
 * @throws {LogError} @throws {RdbReceiverError} if the log or the file of a snapshot fails
 * @throws {ReplicaError} as the iteration of the replica does
 */
export async function follow(
  replica: Replica,
  log: Log,
  options: FollowOptions = {},
): Promise<void> {
  const writer = new ItemWriter(replica, log, options);
  let { failure } = log;
  const unsubscribe = log.subscribe({
    onProgress: () => writer.acknowledge(),
    onFailure: (error) => {
      failure = error;
      void replica.detach();
    },
  });
  try {
    if (failure !== undefined) throw failure;
    writer.acknowledge();
    for await (const item of replica) if (!(await writer.write(item))) break;
    if (failure !== undefined) throw failure;
  } finally {
    unsubscribe();
    await writer.abandonTransfer();
  }
}

/** A snapshot in transfer. */
interface Transfer {
  readonly target: BaseTarget;
  readonly file: BaseFile;
  /** The reason of the full resync, which is stored with the base. */
  readonly reason: string;
}

class ItemWriter {
  readonly #replica: Replica;
  readonly #log: Log;
  readonly #options: FollowOptions;
  #transfer: Transfer | undefined;
  /** While a snapshot becomes the newest base, the progress of the log may still belong to the old history. */
  #adopting = false;

  constructor(replica: Replica, log: Log, options: FollowOptions) {
    this.#replica = replica;
    this.#log = log;
    this.#options = options;
  }

  acknowledge(): void {
    const { history, written, synced } = this.#log;
    if (history === undefined || this.#adopting) return;
    this.#replica.progress({ written, synced });
    this.#options.onProgress?.();
  }

  /** Writes an item; false: no later item may be written. */
  write(item: ReplicaItem): Promise<boolean> {
    switch (item.type) {
      case 'stream':
        return this.#append(item);
      case 'snapshot':
        return this.#receive(item);
      case 'full-resync':
        return this.#beginTransfer(item);
      case 'snapshot-end':
        return this.#adopt(item);
      case 'snapshot-aborted':
        return this.#onAborted(item);
      case 'continue':
        return this.#continue(item);
    }
  }

  async abandonTransfer(): Promise<void> {
    const transfer = this.#transfer;
    this.#transfer = undefined;
    if (transfer === undefined) return;
    this.#log.abandonBase(transfer.target);
    await transfer.file.abort();
  }

  async #append({ bytes, boundary }: Item<'stream'>): Promise<boolean> {
    const admitted = this.#options.admitStream?.(bytes.length);
    if (admitted !== undefined && !(await admitted)) return false;
    const { written } = this.#log;
    try {
      await this.#log.append(bytes, boundary);
    } finally {
      // After a failed write, the part before the failure is in the log.
      const stored = this.#log.written - written;
      if (stored > 0) this.#options.onStored?.(bytes.subarray(0, stored));
    }
    return true;
  }

  async #beginTransfer(item: Item<'full-resync'>): Promise<true> {
    this.#options.onResync?.(item);
    await this.#options.admitSnapshot?.(item.length);
    const { createBase = RdbFile.create } = this.#options;
    const target = this.#log.awaitBase();
    try {
      const file = await createBase(target.directory);
      this.#transfer = { target, file, reason: item.reason };
    } catch (error) {
      this.#log.abandonBase(target);
      throw error;
    }
    return true;
  }

  async #receive({ bytes }: Item<'snapshot'>): Promise<true> {
    await this.#transfer!.file.write(bytes);
    return true;
  }

  async #adopt({ history, offset, database, verdict }: Item<'snapshot-end'>): Promise<true> {
    const { target, file, reason } = this.#transfer!;
    this.#adopting = true;
    await file.commit(target.path);
    this.#transfer = undefined;
    const { length: size, crc } = file;
    const replaced = replacedDataSet(this.#log);
    const base = { target, size, crc, history, offset, database, reason };
    await this.#changeHistory(() => this.#log.beginHistory(base));
    this.#adopting = false;
    this.acknowledge();
    this.#options.onResynced?.({ type: 'full', history, size, verdict, replaced });
    return true;
  }

  async #onAborted({ error }: Item<'snapshot-aborted'>): Promise<true> {
    await this.abandonTransfer();
    this.#options.onSnapshotAborted?.(error);
    return true;
  }

  async #continue(item: Item<'continue'>): Promise<true> {
    this.#options.onResync?.(item);
    const { history, offset } = item;
    const previousId = this.#log.history?.id;
    // The log records a new id before the first byte under it.
    if (previousId !== history.id) await this.#changeHistory(() => this.#log.setHistory(history));
    this.#options.onResynced?.({ type: 'partial', history, offset, previousId });
    return true;
  }

  #changeHistory(change: () => Promise<void>): Promise<void> {
    return this.#options.changeHistory?.(change) ?? change();
  }
}

function replacedDataSet({ history, written, base }: Log): ReplacedDataSet | undefined {
  if (history === undefined || base === undefined) return undefined;
  return { history, offset: written, base };
}
