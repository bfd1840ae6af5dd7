import type { Inventory } from '@forebay/log';
import type { ReplicaDescription, ServerCounts, TrafficCounts } from '@forebay/primary';
import type { History, ReportedServer } from '@forebay/psync';
import type { Retain } from '../quantities.ts';
import type { LagStatus } from './lag.ts';
import type { LinkStatus } from './link-record.ts';
import type { RecentEvent } from './recent-events.ts';
import type { SyncTimesStatus } from './sync-times.ts';

/** Why nothing is read from the primary for the time being. */
export type PauseCause = 'disk-full' | 'max-disk';

/** A pause of replication: the log is still served, and replication resumes by itself when there is room. */
export interface PauseStatus {
  readonly cause: PauseCause;
  /** The failed operation, the file and the cause. */
  readonly reason: string;
  /** Bytes that have to be free (`disk-full`), or that `--max-disk` has to be (`max-disk`); 0: not known. */
  readonly needed: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Limits of the log: disk use and retention. */
export interface LimitsStatus {
  /** `--max-disk` in bytes; undefined before the file system was asked for its size. */
  readonly maxDisk: number | undefined;
  readonly retain: Retain;
}

/** Bases that were asked for since the start, besides those of full resyncs. */
export interface BaseCounts {
  readonly done: number;
  readonly failed: number;
}

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
  /** The last that was asked for did not come. */
  readonly baseFailed: boolean;
  /** Bytes of its files. */
  readonly bytes: number;
}

/** What is on the disk, as it was looked at last. */
export interface HeldStatus extends Inventory {
  /** When that was: milliseconds since 1970. */
  readonly seen: number;
}

/** How far the stream was written at a moment: milliseconds since 1970, an offset; null where there was none. */
interface Moment {
  readonly time: number | null;
  readonly written: number | null;
}

/** How late the event loop was of late, in seconds. */
export interface LoopDelay {
  readonly mean: number;
  readonly max: number;
}

/** Everything the daemon says of itself, as of one moment; INFO, ROLE and HTTP are made of nothing else. */
export interface Status {
  readonly version: string;
  /** 40 hexadecimal characters, other ones at each start. */
  readonly runId: string;
  /** Run ids of the forebays from here up to the primary, as far as they are known; this one first. */
  readonly runIds: readonly string[];
  /** Milliseconds since the start. */
  readonly uptime: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Where we listen. */
  readonly port: number;
  readonly upstream: { readonly host: string; readonly port: number };
  /** Which server is followed; undefined until it is known. */
  readonly primary: ReportedServer | undefined;
  /** Servers that may be followed, as `describeEndpoint` names them. */
  readonly candidates: readonly string[];
  readonly link: LinkStatus;
  readonly lag: LagStatus;
  /** Undefined while nothing is paused. */
  readonly paused: PauseStatus | undefined;
  readonly limits: LimitsStatus;
  readonly baseCounts: BaseCounts;
  /** Undefined where none is open. */
  readonly log: LogStatus | undefined;
  /** Undefined where nobody has looked yet: that is done for HTTP alone. */
  readonly held: HeldStatus | undefined;
  /** The last ten minutes, a second each, oldest first; empty where nobody observes. */
  readonly recent: readonly Moment[];
  readonly syncTimes: SyncTimesStatus;
  readonly replicas: readonly ReplicaDescription[];
  readonly clients: ServerCounts;
  readonly traffic: TrafficCounts;
  /** Bytes of the stream in memory for replicas. */
  readonly backlogSize: number;
  /** Bytes (`process.memoryUsage`) and microseconds (`process.cpuUsage`) of the process. */
  readonly memory: NodeJS.MemoryUsage;
  readonly cpu: NodeJS.CpuUsage;
  /** Undefined where nobody measures it: that is done for HTTP alone. */
  readonly loopDelay: LoopDelay | undefined;
  /** What was said last, oldest first; no secret is ever said. */
  readonly events: readonly RecentEvent[];
}
