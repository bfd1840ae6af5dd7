/** The fields of `/status.json` that are shown; any of them may be absent in another version of the daemon. */
export interface StatusReport {
  readonly version?: string;
  readonly now?: number;
  readonly uptime?: number;
  readonly upstream?: {
    readonly host: string;
    readonly port: number;
    readonly server?: string | null;
    readonly version?: string | null;
    readonly offset: Maybe;
  };
  readonly paused?: { readonly reason: string; readonly since: number } | null;
  readonly alerts?: readonly { readonly severity: string; readonly message: string }[];
  readonly candidates?: readonly string[];
  readonly room?: { readonly bytes: number; readonly seconds: Maybe } | null;
  readonly limits?: {
    readonly maxDisk: Maybe;
    readonly retainTime: Maybe;
    readonly retainBytes: Maybe;
  };
  readonly link?: {
    readonly state: string;
    readonly since: Maybe;
    readonly downSince: Maybe;
    readonly transfer: { readonly read: number; readonly total: Maybe } | null;
    readonly syncs: { readonly full: Counts; readonly partial: Counts };
    readonly reconnects: Counts;
    readonly received: {
      readonly stream: number;
      readonly commands: number;
      readonly snapshots: number;
    };
  };
  readonly lag?: { readonly bytes: Maybe; readonly seconds: Maybe };
  readonly log?: LogReport | null;
  readonly held?: HeldReport | null;
  readonly fsync?: { readonly count: number; readonly sum: number; readonly last: Maybe };
  readonly replicas?: readonly ConsumerReport[];
  readonly cursors?: readonly ConsumerReport[];
  readonly memory?: { readonly resident: number };
  readonly loopDelay?: { readonly max: number } | null;
  readonly events?: readonly EventReport[];
}

interface LogReport {
  readonly id: string | null;
  readonly written: number;
  readonly synced?: number;
  readonly lowest: Maybe;
  readonly base: { readonly offset: number; readonly size: Maybe; readonly time: number } | null;
  readonly fetchingBase?: boolean;
  readonly baseFailed?: boolean;
}

interface HeldReport {
  readonly seen: number;
  readonly bytes: number;
  readonly files: number;
  readonly free: number;
  readonly segments: readonly SegmentReport[];
}

interface SegmentReport {
  readonly state: string;
  readonly from: number;
  readonly to: number;
  readonly first: Maybe;
  readonly last: Maybe;
  readonly bytes: number;
}

/** A replica or a cursor. */
export interface ConsumerReport {
  readonly name: string;
  readonly state: string;
  readonly offset: Maybe;
  readonly behind: Maybe;
  readonly next: Maybe;
  readonly age: Maybe;
}

export interface EventReport {
  readonly time: number;
  readonly tone: string;
  readonly message: string;
}

type Maybe = number | null;
type Counts = Readonly<Record<string, number>>;
