import { readdirSync } from 'node:fs';
import type { ReplicaState } from '@forebay/replica';
import type { PauseCause, Status } from '../status/status.ts';
import type { SyncTimesStatus } from '../status/sync-times.ts';
import { COPY_CAUSES, LINK_ENDS, PARTIAL_CAUSES } from './causes.ts';
import type { Reader } from './readers.ts';
import { cursorsOf, nameOf, replicasOf } from './readers.ts';

/** A value, of what the labels say; undefined: it is not known, and nothing is told. */
export interface Reading<Label extends string = string> {
  readonly labels?: Readonly<Record<Label, string>>;
  readonly value: number | undefined;
}

interface Described {
  /** With its unit at the end, as Prometheus has it. */
  readonly name: `${'forebay' | 'process' | 'nodejs'}_${string}`;
  readonly help: string;
}

/** One metric: all that is said of it anywhere comes from here. */
export type Metric =
  | (Described & {
      readonly type: 'gauge' | 'counter';
      readonly labels?: readonly string[];
      readonly read: (status: Status) => number | undefined | readonly Reading[];
    })
  | (Described & {
      readonly type: 'histogram';
      readonly labels?: undefined;
      readonly read: (status: Status) => SyncTimesStatus;
    });

const STATES = [
  'idle',
  'connect',
  'handshake',
  'transfer',
  'stream',
  'waiting',
  'detached',
] satisfies ReplicaState[];

const PAUSE_CAUSES = ['disk-full', 'max-disk'] satisfies PauseCause[];

/** The labels of a replica below. */
const REPLICA = ['replica'] as const;

/** Every metric, in the order in which they are told. Counters are since the start. */
export const METRICS: readonly Metric[] = [
  {
    name: 'forebay_build_info',
    type: 'gauge',
    help: 'Always 1, with the version',
    labels: ['version'],
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: 'forebay_paused',
    type: 'gauge',
    help: '1 while replication is paused because the disk is full (disk-full) or the log has reached --max-disk (max-disk), else 0',
    labels: ['cause'],
    read: ({ paused }) =>
      PAUSE_CAUSES.map((cause) => ({ labels: { cause }, value: Number(paused?.cause === cause) })),
  },
  {
    name: 'forebay_paused_needed_bytes',
    type: 'gauge',
    help: 'Bytes needed to end a pause: free bytes (disk-full) or the value of --max-disk (max-disk); absent while not paused or if unknown',
    read: ({ paused }) => paused?.needed || undefined,
  },
  {
    name: 'forebay_max_disk_bytes',
    type: 'gauge',
    help: 'Hard limit on disk use (--max-disk)',
    read: ({ limits }) => limits.maxDisk,
  },
  {
    name: 'forebay_retain_seconds',
    type: 'gauge',
    help: 'Retention by time (--retain); absent if retention is by size',
    read: ({ limits: { retain } }) => ('time' in retain ? retain.time / 1000 : undefined),
  },
  {
    name: 'forebay_retain_bytes',
    type: 'gauge',
    help: 'Retention by size (--retain); absent if retention is by time',
    read: ({ limits: { retain } }) => ('size' in retain ? retain.size : undefined),
  },
  {
    name: 'forebay_link_up',
    type: 'gauge',
    help: '1 while the stream comes in from the server that is followed, else 0',
    read: ({ link }) => Number(link.downSince === undefined),
  },
  {
    name: 'forebay_link_state',
    type: 'gauge',
    help: '1 for the state that the link is in, 0 for the others',
    labels: ['state'],
    read: ({ link }) =>
      STATES.map((state) => ({ labels: { state }, value: Number(state === link.state) })),
  },
  {
    name: 'forebay_link_last_io_seconds',
    type: 'gauge',
    help: 'Seconds since something came over the link',
    read: ({ link, now }) =>
      link.lastIo === undefined ? undefined : Math.max(0, now - link.lastIo) / 1000,
  },
  {
    name: 'forebay_primary_offset_bytes',
    type: 'gauge',
    help: 'Offset of the last byte of the server that is followed, when it was asked last',
    read: ({ lag }) => lag.offset,
  },
  {
    name: 'forebay_written_offset_bytes',
    type: 'gauge',
    help: 'Offset of the last byte that is written',
    read: ({ log }) => (log?.history === undefined ? undefined : log.written),
  },
  {
    name: 'forebay_synced_offset_bytes',
    type: 'gauge',
    help: 'Offset of the last byte that is known to be on the disk',
    read: ({ log }) => (log?.history === undefined ? undefined : log.synced),
  },
  {
    name: 'forebay_lag_bytes',
    type: 'gauge',
    help: 'Bytes from what is written to what the server that is followed had when it was asked last; absent while the link is down',
    read: ({ lag, link }) => (link.downSince === undefined ? lag.bytes : undefined),
  },
  {
    name: 'forebay_lag_seconds',
    type: 'gauge',
    help: 'Seconds since that server was first seen ahead of what is written, or since the link is down; 0: everything that it is known to have is here; absent where it does not tell',
    read: ({ lag, link }) =>
      lag.bytes === undefined && link.downSince === undefined ? undefined : lag.seconds,
  },
  {
    name: 'forebay_received_stream_bytes_total',
    type: 'counter',
    help: 'Bytes of the replication stream that came in',
    read: ({ link }) => link.received.stream,
  },
  {
    name: 'forebay_received_commands_total',
    type: 'counter',
    help: 'Commands of the replication stream that came in whole',
    read: ({ link }) => link.received.commands,
  },
  {
    name: 'forebay_received_snapshot_bytes_total',
    type: 'counter',
    help: 'Bytes of full copies that came in over the link',
    read: ({ link }) => link.received.snapshots,
  },
  {
    name: 'forebay_transfer_read_bytes',
    type: 'gauge',
    help: 'Bytes of the full copy that is on its way; not there where there is none',
    read: ({ link }) => link.transfer?.read,
  },
  {
    name: 'forebay_transfer_size_bytes',
    type: 'gauge',
    help: 'Bytes that the full copy on its way will have; not there where the primary does not tell',
    read: ({ link }) => link.transfer?.total,
  },
  {
    name: 'forebay_syncs_total',
    type: 'counter',
    help: 'Syncs with the server that is followed: full copies by why nothing less would do, and partial ones by whether the stream went on under the same id',
    labels: ['kind', 'reason'],
    read: ({ link: { syncs } }) => [
      ...counted(COPY_CAUSES, syncs.full, (reason) => ({ kind: 'full', reason })),
      ...counted(PARTIAL_CAUSES, syncs.partial, (reason) => ({ kind: 'partial', reason })),
    ],
  },
  {
    name: 'forebay_reconnects_total',
    type: 'counter',
    help: 'Attempts to follow, and links, that have ended, by the code of what ended them',
    labels: ['code'],
    read: ({ link }) => counted(LINK_ENDS, link.reconnects, (code) => ({ code })),
  },
  {
    name: 'forebay_log_size_bytes',
    type: 'gauge',
    help: 'Bytes of all files of the log',
    read: ({ log, held }) => log?.bytes ?? held?.bytes,
  },
  {
    name: 'forebay_log_files',
    type: 'gauge',
    help: 'Files of the log',
    read: ({ held }) => held?.files,
  },
  {
    name: 'forebay_disk_free_bytes',
    type: 'gauge',
    help: 'Bytes of the file system that are free to us',
    read: ({ held }) => held?.free,
  },
  {
    name: 'forebay_log_first_offset_bytes',
    type: 'gauge',
    help: 'Offset of the oldest place of the present history that can be gone back to',
    read: ({ log }) => log?.lowest,
  },
  {
    name: 'forebay_log_window_bytes',
    type: 'gauge',
    help: 'Bytes of stream from there to what is written',
    read: ({ log }) => (log?.lowest === undefined ? undefined : log.written - log.lowest),
  },
  {
    name: 'forebay_log_window_seconds',
    type: 'gauge',
    help: 'How far the log can be gone back in, in seconds, when it was looked at last',
    read: ({ held, now }) => windowOf(held, now),
  },
  {
    name: 'forebay_log_base_time_seconds',
    type: 'gauge',
    help: 'When the newest base was taken in, since 1970',
    read: ({ log }) => (log?.base === undefined ? undefined : log.base.time / 1000),
  },
  {
    name: 'forebay_log_base_size_bytes',
    type: 'gauge',
    help: 'Bytes of the newest base',
    read: ({ log }) => log?.base?.size,
  },
  {
    name: 'forebay_base_failed',
    type: 'gauge',
    help: '1 if the last fetch of a base failed, else 0',
    read: ({ log }) => (log === undefined ? undefined : Number(log.baseFailed)),
  },
  {
    name: 'forebay_base_fetches_total',
    type: 'counter',
    help: 'Fetches of a base, besides full resyncs, by result',
    labels: ['result'],
    read: ({ baseCounts: { done, failed } }) => [
      { labels: { result: 'done' }, value: done },
      { labels: { result: 'failed' }, value: failed },
    ],
  },
  {
    name: 'forebay_fsync_seconds',
    type: 'histogram',
    help: 'How long each sync of the stream to the disk took',
    read: ({ syncTimes }) => syncTimes,
  },
  {
    name: 'forebay_replicas',
    type: 'gauge',
    help: 'Replicas that are served',
    read: ({ replicas }) => replicas.length,
  },
  {
    name: 'forebay_replica_online',
    type: 'gauge',
    help: '1 where the stream goes out to a replica below, 0 while it gets its copy',
    labels: REPLICA,
    read: ofReplicas(({ state }) => Number(state === 'online')),
  },
  {
    name: 'forebay_replica_lag_bytes',
    type: 'gauge',
    help: 'Bytes from what a replica below has acknowledged to what is written',
    labels: REPLICA,
    read: ofReplicas(({ behind }) => behind),
  },
  {
    name: 'forebay_replica_lag_seconds',
    type: 'gauge',
    help: 'Age of what a replica below is given next, in seconds',
    labels: REPLICA,
    read: ofReplicas(({ age }) => age),
  },
  {
    name: 'forebay_replica_last_ack_seconds',
    type: 'gauge',
    help: 'Seconds since something came from a replica below',
    labels: REPLICA,
    read: ({ replicas }) =>
      replicas.map((replica) => ({ labels: { replica: nameOf(replica) }, value: replica.lag })),
  },
  {
    name: 'forebay_replica_syncs_total',
    type: 'counter',
    help: 'Syncs that were given to replicas below, by kind',
    labels: ['kind'],
    read: ({ clients }) => [
      { labels: { kind: 'full' }, value: clients.fullResyncs },
      { labels: { kind: 'partial' }, value: clients.partialResyncs },
    ],
  },
  {
    name: 'forebay_replica_failed_resyncs_total',
    type: 'counter',
    help: 'Full resyncs that a downstream replica did not load: the connection ended before its first acknowledgement',
    read: ({ clients }) => clients.failedResyncs,
  },
  {
    name: 'forebay_cursor_lag_bytes',
    type: 'gauge',
    help: 'Bytes of stream that a named reader has still to read; not there where it is lost or damaged',
    labels: ['cursor'],
    read: ofCursors(({ behind }) => behind),
  },
  {
    name: 'forebay_cursor_lag_seconds',
    type: 'gauge',
    help: 'Age of what a named reader reads next, in seconds',
    labels: ['cursor'],
    read: ofCursors(({ age }) => age),
  },
  {
    name: 'forebay_cursor_readable',
    type: 'gauge',
    help: '1 where a named reader can go on, 0 where what it reads next is lost, or its file damaged',
    labels: ['cursor'],
    read: ofCursors(({ state }) => Number(state !== 'lost' && state !== 'damaged')),
  },
  {
    name: 'forebay_clients',
    type: 'gauge',
    help: 'Clients of the port that are connected, without replicas',
    read: ({ clients }) => clients.clients,
  },
  {
    name: 'forebay_connections_total',
    type: 'counter',
    help: 'Connections to the port that were let in',
    read: ({ clients }) => clients.connections,
  },
  {
    name: 'forebay_connections_refused_total',
    type: 'counter',
    help: 'Connections to the port that were turned away',
    read: ({ clients }) => clients.refused,
  },
  // These have the names and units of prom-client's default metrics, which dashboards know.
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'Start time of the process, in seconds since 1970',
    read: ({ now, uptime }) => (now - uptime) / 1000,
  },
  {
    name: 'process_cpu_user_seconds_total',
    type: 'counter',
    help: 'User CPU time spent',
    read: ({ cpu }) => cpu.user / 1e6,
  },
  {
    name: 'process_cpu_system_seconds_total',
    type: 'counter',
    help: 'System CPU time spent',
    read: ({ cpu }) => cpu.system / 1e6,
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'User and system CPU time spent',
    read: ({ cpu }) => (cpu.user + cpu.system) / 1e6,
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory size',
    read: ({ memory }) => memory.rss,
  },
  {
    name: 'process_open_fds',
    type: 'gauge',
    help: 'Open file descriptors; absent where the system has no /proc',
    read: openFiles,
  },
  {
    name: 'nodejs_heap_size_total_bytes',
    type: 'gauge',
    help: 'Process heap size from Node.js',
    read: ({ memory }) => memory.heapTotal,
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    help: 'Process heap size used from Node.js',
    read: ({ memory }) => memory.heapUsed,
  },
  {
    name: 'nodejs_external_memory_bytes',
    type: 'gauge',
    help: 'Node.js external memory size: buffers and the like',
    read: ({ memory }) => memory.external,
  },
  {
    name: 'nodejs_eventloop_lag_mean_seconds',
    type: 'gauge',
    help: 'Mean delay of the event loop in the last 15 to 30 seconds',
    read: ({ loopDelay }) => loopDelay?.mean,
  },
  {
    name: 'nodejs_eventloop_lag_max_seconds',
    type: 'gauge',
    help: 'Maximum delay of the event loop in the last 15 to 30 seconds',
    read: ({ loopDelay }) => loopDelay?.max,
  },
];

/** One for each cause that there may be: the first of a kind is seen to be counted only where a 0 was before it. */
function counted<Cause extends string>(
  causes: readonly Cause[],
  counts: ReadonlyMap<Cause, number>,
  labelsOf: (cause: Cause) => Readonly<Record<string, string>>,
): Reading[] {
  return causes.map((cause) => ({ labels: labelsOf(cause), value: counts.get(cause) ?? 0 }));
}

function ofReplicas(read: (replica: Reader) => number | undefined) {
  return (status: Status): Reading[] =>
    replicasOf(status).map((replica) => ({
      labels: { replica: replica.name },
      value: read(replica),
    }));
}

function ofCursors(read: (cursor: Reader) => number | undefined) {
  return (status: Status): Reading[] =>
    cursorsOf(status).map((cursor) => ({ labels: { cursor: cursor.name }, value: read(cursor) }));
}

function openFiles(): number | undefined {
  try {
    // One of them is that of this look.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}

function windowOf(held: Status['held'], now: number): number | undefined {
  const bases = held?.segments.at(-1)?.bases;
  const [oldest] = bases ?? [];
  return oldest === undefined ? undefined : Math.max(0, now - oldest.time) / 1000;
}
