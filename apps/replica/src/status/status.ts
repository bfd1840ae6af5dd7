import type { ReplicaDescription, ServerCounts } from '@forebay/primary';
import type { History } from '@forebay/psync';
import type { LinkStatus } from './link-record.ts';

/** What the log holds; offsets are of the last byte. */
export interface LogStatus {
  readonly history: History | undefined;
  readonly written: number;
  readonly synced: number;
  /** Where the stream begins that is held. */
  readonly lowest: number | undefined;
  /** The newest data set; its time in milliseconds since 1970. */
  readonly base:
    | { readonly offset: number; readonly size: number; readonly time: number }
    | undefined;
  /** A fresh one is being fetched. */
  readonly fetchingBase: boolean;
}

/** Everything the daemon says of itself, as of one moment; INFO and ROLE are made of nothing else. */
export interface Status {
  readonly version: string;
  /** 40 hexadecimal characters, other ones at each start. */
  readonly runId: string;
  /** Milliseconds since the start. */
  readonly uptime: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Where we listen. */
  readonly port: number;
  readonly upstream: { readonly host: string; readonly port: number };
  readonly link: LinkStatus;
  /** Undefined where none is open. */
  readonly log: LogStatus | undefined;
  readonly replicas: readonly ReplicaDescription[];
  readonly clients: ServerCounts;
  /** Bytes of the stream in memory for replicas. */
  readonly backlogSize: number;
}
