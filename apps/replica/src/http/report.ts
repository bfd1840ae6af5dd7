import type { SegmentInventory } from '@forebay/log';
import type { Alert } from '../status/alerts.ts';
import { alertsOf } from '../status/alerts.ts';
import type { RecentEvent } from '../status/recent-events.ts';
import { roomOf } from '../status/room.ts';
import type { Status } from '../status/status.ts';
import type { Reader } from './readers.ts';
import { cursorsOf, replicasOf } from './readers.ts';

/** One field of `/status.json`: all that is said of it anywhere comes from here. */
interface Field<From> {
  readonly type: string;
  readonly description: string;
  readonly read: (from: From) => unknown;
}

/** An object of fields, or a list of such. */
interface Group<From> {
  readonly fields: (from: From) => unknown;
  readonly rows: readonly FieldRow[];
}

/** A field as the reference tells it. */
export interface FieldRow {
  /** `link.state`; `replicas[].name`. */
  readonly path: string;
  readonly type: string;
  readonly description: string;
}

type Shape<From> = Readonly<Record<string, Field<From> | Group<From>>>;

/** Times are in milliseconds since 1970; offsets are of the last byte; what is not known is null. */
const SHAPE = group<Status>({
  version: text('version of forebay', ({ version }) => version),
  runId: text('40 hexadecimal characters, other ones at each start', ({ runId }) => runId),
  now: number('when this was said', ({ now }) => now),
  uptime: number('milliseconds since the start', ({ uptime }) => uptime),
  port: number('where replicas are served; 0: nowhere', ({ port }) => port),
  upstream: group<Status>({
    host: text('whom it follows: a host, or the path of a socket', ({ upstream }) => upstream.host),
    port: number('its port', ({ upstream }) => upstream.port),
    server: text(
      'redis, valkey or redict; null until it is known',
      ({ primary }) => primary?.flavour,
    ),
    version: text(
      'version of the primary; null until it is known',
      ({ primary }) => primary?.version,
    ),
    offset: number('its offset, when it was asked last', ({ lag }) => lag.offset),
    asked: number('when that was', ({ lag }) => lag.asked),
  }),
  paused: optional(({ paused }: Status) => paused, {
    cause: text(
      'disk-full: the disk refused a write; max-disk: the log has reached its limit',
      ({ cause }) => cause,
    ),
    reason: text('the failed operation, the file and the cause', ({ reason }) => reason),
    needed: number(
      'bytes that must be free (disk-full), or the --max-disk that is needed (max-disk); 0: unknown',
      ({ needed }) => needed,
    ),
    since: number('when the pause began', ({ since }) => since),
  }),
  alerts: list(alertsOf, {
    severity: text(
      'critical: replication has stopped; warning: an operator should act',
      ({ severity }: Alert) => severity,
    ),
    message: text('what is wrong, and what to do', ({ message }: Alert) => message),
  }),
  candidates: object('servers that may be followed, `host:port`', ({ candidates }) => candidates),
  room: optional(roomOf, {
    bytes: number('bytes to --max-disk or to the end of the free space', ({ bytes }) => bytes),
    seconds: number(
      'seconds until the limit at the rate of the last ten minutes; null if the log does not grow',
      ({ seconds }) => seconds,
    ),
  }),
  limits: group<Status>({
    maxDisk: number('hard limit on disk use, in bytes', ({ limits }) => limits.maxDisk),
    retainTime: number('retention in milliseconds; null if retention is by size', ({ limits }) =>
      'time' in limits.retain ? limits.retain.time : undefined,
    ),
    retainBytes: number('retention in bytes; null if retention is by time', ({ limits }) =>
      'size' in limits.retain ? limits.retain.size : undefined,
    ),
  }),
  link: group<Status>({
    state: text(
      'idle, connect, handshake, transfer, stream, waiting or detached',
      ({ link }) => link.state,
    ),
    since: number('when it came into this state', ({ link }) => link.since),
    lastIo: number('when something came over it last', ({ link }) => link.lastIo),
    downSince: number('when it was lost; null while it stands', ({ link }) => link.downSince),
    transfer: optional(({ link }: Status) => link.transfer, {
      read: number('bytes of the full copy that have come', ({ read }) => read),
      total: number('bytes that it has', ({ total }) => total),
    }),
    syncs: object(
      'full copies by reason, and partial ones by whether the id stayed, since the start',
      ({ link: { syncs } }) => ({
        full: Object.fromEntries(syncs.full),
        partial: Object.fromEntries(syncs.partial),
      }),
    ),
    reconnects: object('attempts that have ended, by the code of why', ({ link }) =>
      Object.fromEntries(link.reconnects),
    ),
    received: group<Status>({
      stream: number('bytes of the stream since the start', ({ link }) => link.received.stream),
      commands: number('its commands', ({ link }) => link.received.commands),
      snapshots: number('bytes of full copies', ({ link }) => link.received.snapshots),
    }),
  }),
  lag: group<Status>({
    bytes: number(
      'bytes from what is written to the offset of whom it follows',
      ({ lag }) => lag.bytes,
    ),
    seconds: number(
      'seconds since that one was first seen ahead of what is written, or since the link is down',
      ({ lag }) => lag.seconds,
    ),
  }),
  log: optional(({ log }: Status) => log, {
    id: text('id of the history that is held', ({ history }) => history?.id),
    written: number('offset that is written', ({ written }) => written),
    synced: number('offset that is known to be on the disk', ({ synced }) => synced),
    lowest: number(
      'oldest offset of this history that can be gone back to',
      ({ lowest }) => lowest,
    ),
    base: optional(({ base }: NonNullable<Status['log']>) => base, {
      offset: number('where the newest base stands', ({ offset }) => offset),
      size: number('its bytes', ({ size }) => size),
      time: number('when it was taken in', ({ time }) => time),
    }),
    fetchingBase: truth('whether a fresh one is on its way', ({ fetchingBase }) => fetchingBase),
    baseFailed: truth('whether the last that was asked for did not come', (log) => log.baseFailed),
    bytes: number('bytes of all files of the log', ({ bytes }) => bytes),
  }),
  held: optional(({ held }: Status) => held, {
    seen: number('when the directory was looked at', ({ seen }) => seen),
    bytes: number('bytes of all files', ({ bytes }) => bytes),
    files: number('how many there are', ({ files }) => files),
    free: number('bytes of the file system that are free', ({ free }) => free),
    segments: list(({ segments }: NonNullable<Status['held']>) => segments, {
      state: text('live, replaced or rewound', ({ state }: SegmentInventory) => state),
      from: number('offset before its first byte', ({ from }: SegmentInventory) => from),
      to: number('offset of its last byte', ({ to }: SegmentInventory) => to),
      first: number('when its first bytes came', ({ first }: SegmentInventory) => first),
      last: number('when its last bytes came', ({ last }: SegmentInventory) => last),
      ended: number('when it became the past', ({ ended }: SegmentInventory) => ended),
      bytes: number('bytes of its files', ({ bytes }: SegmentInventory) => bytes),
      bases: object('its bases: offset, bytes and time of each', ({ bases }: SegmentInventory) =>
        bases.map(({ offset, bytes, time }) => ({ offset, bytes: bytes ?? null, time })),
      ),
    }),
  }),
  fsync: group<Status>({
    count: number('syncs since the start', ({ syncTimes }) => syncTimes.count),
    sum: number('seconds that they took', ({ syncTimes }) => syncTimes.sum),
    last: number('seconds that the last one took', ({ syncTimes }) => syncTimes.last),
  }),
  replicas: list(replicasOf, readerFields('the replica, HOST:PORT')),
  cursors: list(cursorsOf, readerFields('the cursor')),
  memory: group<Status>({
    resident: number('bytes of the process that are in use', ({ memory }) => memory.rss),
    heapUsed: number('bytes that objects take', ({ memory }) => memory.heapUsed),
  }),
  loopDelay: optional(({ loopDelay }: Status) => loopDelay, {
    mean: number('seconds that the event loop was late of late', ({ mean }) => mean),
    max: number('the same at most', ({ max }) => max),
  }),
  events: list(({ events }: Status) => events, {
    number: number('counts on from 1', ({ number: each }: RecentEvent) => each),
    time: number('when it was said', ({ time }: RecentEvent) => time),
    tone: text('step, good or trouble', ({ tone }: RecentEvent) => tone),
    message: text('what was said, for people', ({ message }: RecentEvent) => message),
  }),
});

/** The fields of `/status.json`, as the reference tells them. */
export const REPORT_FIELDS: readonly FieldRow[] = SHAPE.rows;

/** A status as `/status.json` has it. */
export function reportOf(status: Status): unknown {
  return SHAPE.fields(status);
}

function readerFields(name: string): Shape<Reader> {
  return {
    name: text(name, (reader) => reader.name),
    state: text('its state', ({ state }) => state),
    offset: number('offset that it has', ({ offset }) => offset),
    behind: number('bytes that it has still to get', ({ behind }) => behind),
    next: number('when what it gets next came in', ({ next }) => next),
    age: number('how old that is, in seconds', ({ age }) => age),
  };
}

function field<From>(type: string) {
  return (description: string, read: (from: From) => unknown): Field<From> => ({
    type,
    description,
    read,
  });
}

function text<From>(description: string, read: (from: From) => string | undefined): Field<From> {
  return field<From>('string')(description, read);
}

function number<From>(description: string, read: (from: From) => number | undefined): Field<From> {
  return field<From>('number')(description, read);
}

function truth<From>(description: string, read: (from: From) => boolean): Field<From> {
  return field<From>('boolean')(description, read);
}

function object<From>(description: string, read: (from: From) => object): Field<From> {
  return field<From>('object')(description, read);
}

function group<From>(shape: Shape<From>): Group<From> {
  const entries = Object.entries(shape);
  return {
    fields: (from) =>
      Object.fromEntries(
        entries.map(([name, node]) => [
          name,
          'fields' in node ? node.fields(from) : (node.read(from) ?? null),
        ]),
      ),
    rows: entries.flatMap(([path, node]) => {
      if (!('rows' in node)) return [{ path, type: node.type, description: node.description }];
      return node.rows.map((row) => ({ ...row, path: join(path, row.path) }));
    }),
  };
}

/** Null where there is none. */
function optional<From, To>(of: (from: From) => To | undefined, shape: Shape<To>): Group<From> {
  const { fields, rows } = group(shape);
  return {
    fields: (from) => {
      const there = of(from);
      return there === undefined ? null : fields(there);
    },
    rows,
  };
}

function list<From, To>(of: (from: From) => readonly To[], shape: Shape<To>): Group<From> {
  const { fields, rows } = group(shape);
  return {
    fields: (from) => of(from).map(fields),
    rows: rows.map((row) => ({
      ...row,
      path: `[]${row.path.startsWith('[]') ? '' : '.'}${row.path}`,
    })),
  };
}

function join(path: string, below: string): string {
  return below.startsWith('[]') ? path + below : `${path}.${below}`;
}
