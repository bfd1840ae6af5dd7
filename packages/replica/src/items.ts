import type { Boundary, CopyCause, History, Position } from '@forebay/psync';
import type { RdbVerdict } from '@forebay/rdb';
import type { ReplicaError } from './errors.ts';

/**
 * What a replica receives, in the order it came. `bytes` are valid until the next item is asked for.
 *
 * A full resync is `full-resync`, `snapshot` any number of times, and then `snapshot-end`, or
 * `snapshot-aborted` where the link was lost midway or the snapshot was refused. Until `snapshot-end` what was received before
 * stays the truth. `stream` items follow each other without a gap.
 */
export type ReplicaItem =
  /** A snapshot begins. */
  | {
      readonly type: 'full-resync';
      /** In bytes, undefined where the primary does not know it. */
      readonly length: number | undefined;
      /** What the primary says that the snapshot is of; undefined where it does not, or not well. */
      readonly position: Position | undefined;
      readonly cause: CopyCause;
      /** The same for people, in one line. */
      readonly reason: string;
    }
  /** The next bytes of the RDB. */
  | { readonly type: 'snapshot'; readonly bytes: Uint8Array }
  /** The snapshot is whole. From here on the history is this one. */
  | {
      readonly type: 'snapshot-end';
      readonly history: History;
      /** Offset of the last byte that the snapshot contains. */
      readonly offset: number;
      /** The database selected there. */
      readonly database: number;
      /** The RDB's auxiliary fields, as they stand before its first key. */
      readonly aux: ReadonlyMap<string, string>;
      /** What it is worth; undefined where `acceptedSnapshots` is `any`. */
      readonly verdict: RdbVerdict | undefined;
    }
  | { readonly type: 'snapshot-aborted'; readonly error: ReplicaError }
  /**
   * A partial resync: the stream goes on after `offset`. Where `history` has a new id, it is to be
   * kept before the first byte after it.
   */
  | { readonly type: 'continue'; readonly history: History; readonly offset: number }
  /** The next bytes of the stream; `offset` is that of the last of them. */
  | {
      readonly type: 'stream';
      readonly bytes: Uint8Array;
      readonly offset: number;
      /** Where the stream may be cut, at or before `offset`. */
      readonly boundary: Boundary;
    };
