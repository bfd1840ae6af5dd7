import type { Position } from '@forebay/psync';
import type { DataType } from '@forebay/rdb';

/** The version of what a change holds, and of its line: raised when a reader has to know. */
export const FORMAT_VERSION = 1;

/** One command of the stream that changes something: of a client, a script, an expiry or an eviction. */
export interface Change {
  readonly type: 'change';
  readonly v: typeof FORMAT_VERSION;
  /** The replication id of the history it belongs to. */
  readonly id: string;
  /** Offset of the command's last byte. */
  readonly offset: number;
  /** The database it goes to. */
  readonly database: number;
  /** Its name, in capitals. */
  readonly command: string;
  /**
   * The keys among its arguments, by the servers' key specifications, in the order of the arguments;
   * none where it takes none (`FLUSHALL`). Undefined where the command is not known: a module's, or newer.
   */
  readonly keys: readonly Uint8Array[] | undefined;
  /** All its arguments, without the name. They are not changed by anyone, and valid for good. */
  readonly args: readonly Uint8Array[];
  /** What transaction it is part of; undefined outside of any. */
  readonly tx: Transaction | undefined;
  /**
   * Time of arrival by the clock: milliseconds since 1970. Out of a log, that of the span of at most a
   * quarter of a second that its last byte is in. Undefined if the decoder did not get it.
   */
  readonly time: number | undefined;
}

/**
 * A change's place in its transaction: MULTI and EXEC, a script or a function, a command with several
 * effects. `begin` and `end` count what a filter lets through, so that each transaction of which
 * anything is seen has both, or one `only`.
 */
export interface Transaction {
  /** Offset of the last byte of its MULTI: no other transaction of the history has the same. */
  readonly id: number;
  readonly mark: 'begin' | 'inside' | 'end' | 'only';
}

/**
 * The history broke off: what follows belongs on a snapshot at `to`, not on what came before. Changes
 * in between may have been missed.
 */
export interface Reset {
  readonly type: 'reset';
  readonly v: typeof FORMAT_VERSION;
  readonly from: Position;
  readonly to: Position;
  readonly reason: string;
  /** When it did, milliseconds since 1970; from a server, when it was noticed. */
  readonly time?: number | undefined;
}

/** What came after `to` is no part of the history that is followed now, after a failover say. */
export interface Rewound {
  readonly type: 'rewound';
  readonly v: typeof FORMAT_VERSION;
  readonly from: Position;
  readonly to: Position;
  /** When the log stepped back, milliseconds since 1970. */
  readonly time?: number | undefined;
}

/**
 * A snapshot begins, of all keys that there are: whatever came before is of no use any more. It is told at
 * the beginning of a feed that was asked for one, and then in place of `reset` and `rewound`.
 */
export interface SnapshotBegin {
  readonly type: 'snapshot';
  readonly v: typeof FORMAT_VERSION;
  /** What it is of; undefined where a server says so at the end only (before 2.8). */
  readonly at: Position | undefined;
  /** Why there is one. */
  readonly reason: string;
  /** When the snapshot began to arrive, or was taken into the log: milliseconds since 1970. */
  readonly time?: number | undefined;
}

/** A library of functions, in the snapshot (7.0 and later). */
export interface SnapshotFunction {
  readonly type: 'function';
  readonly v: typeof FORMAT_VERSION;
  readonly code: Uint8Array;
}

/** A key of the snapshot, whole. */
export interface SnapshotKey {
  readonly type: 'key';
  readonly v: typeof FORMAT_VERSION;
  readonly database: number;
  readonly key: Uint8Array;
  readonly dataType: DataType;
  /** How it is kept in the RDB, in the words of `OBJECT ENCODING`; of a string always `raw`. */
  readonly encoding: string;
  /** Milliseconds since 1970 at which it expires; it may have. Undefined: it does not. */
  readonly expiresAt: number | undefined;
  /** Seconds that it was not used (`maxmemory-policy` LRU). */
  readonly idle: number | undefined;
  /** How often it was used, 0 to 255, logarithmic (LFU). */
  readonly frequency: number | undefined;
  /** Its value, in the form that `DUMP` gives and `RESTORE` takes; `payloadElements` of `@forebay/rdb` reads it. */
  readonly payload: Uint8Array;
}

/** The snapshot is whole, and was found to be what was written. What follows are the changes since. */
export interface SnapshotEnd {
  readonly type: 'snapshot-end';
  readonly v: typeof FORMAT_VERSION;
  /** What it is of. */
  readonly at: Position;
}

/** What a snapshot consists of. */
export type SnapshotEntry = SnapshotKey | SnapshotFunction;

export type FeedItem = Change | Reset | Rewound | SnapshotBegin | SnapshotEntry | SnapshotEnd;
