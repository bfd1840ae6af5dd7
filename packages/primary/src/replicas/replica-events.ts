import type { ReportedReplicaState } from '@forebay/psync';
import type { DelayedResync } from './resync-backoff.ts';

/** Events of replicas and clients, for logs; `reason` is one line for people. */
export interface ReplicaEvents {
  /** A replica continues from `offset`. */
  onPartialResync?(replica: ReplicaDescription, offset: number): void;
  /** A full resync of a replica starts. */
  onFullResync?(replica: ReplicaDescription, reason: string): void;
  /** The full resync of a replica is delayed, because it did not load the last ones. */
  onFullResyncDelayed?(replica: ReplicaDescription, delayed: DelayedResync): void;
  /** A replica is online. */
  onOnline?(replica: ReplicaDescription): void;
  /** A replica is no longer served. */
  onGone?(replica: ReplicaDescription, reason: string | undefined): void;
  /** The client at `host:port` sent HTTP and was disconnected: a web page may have sent it. */
  onForeign?(address: string): void;
  /** The source or one of these functions threw an error, and a client was disconnected. */
  onFault?(error: unknown): void;
}

/** One replica that is served. */
export interface ReplicaDescription {
  /** The id of its connection, for `drop`, `stall` and `CLIENT KILL ID`. */
  readonly id: number;
  readonly host: string;
  /** As announced; 0 if it announced none. */
  readonly port: number;
  /** As announced (Valkey from 8.0 on); undefined if it announced none. */
  readonly version: string | undefined;
  readonly state: ReportedReplicaState;
  /** Offset of the last byte acknowledged. */
  readonly offset: number;
  /** Offset of the last byte on its disk; undefined if it does not report it. */
  readonly synced: number | undefined;
  /** Seconds since the last bytes came from it. */
  readonly lag: number;
  /** Bytes of the stream that were not written to its connection yet. */
  readonly behind: number;
}
