import type { TransitionTable } from '../transitions.ts';

/** The state of a replica at its primary. */
export type ServedReplicaState =
  /** A client that has not sent PSYNC or SYNC. */
  | 'handshake'
  /** It asked for a position beyond the end of what is held; the primary asks its own upstream first. */
  | 'checking-upstream'
  /** A full resync is due and has not started; it may be delayed. */
  | 'queued'
  /** The snapshot is being made. */
  | 'waiting-for-snapshot'
  /** The snapshot is being sent. */
  | 'transfer'
  /** A snapshot with an end mark is sent; the stream waits for the ACK that confirms it. */
  | 'awaiting-ack'
  /** The stream is sent, from the backlog or from the disk; not all of it has been sent yet. */
  | 'catching-up'
  /** The stream is sent, up to its newest byte. */
  | 'online'
  /** Nothing more is sent or received; the connection is about to close. */
  | 'closing'
  | 'gone';

/** Events that change the state. */
export type ServedReplicaTrigger =
  /** A command was received. */
  | 'command'
  | 'ack'
  /** PSYNC or SYNC got an error reply; the client may send it again. */
  | 'refuse'
  | 'check-upstream'
  | 'upstream-checked'
  | 'continue'
  | 'full-resync'
  | 'start-full-resync'
  | 'snapshot-opened'
  | 'snapshot-failed'
  /** A payload of a known length was sent: the stream follows at once. */
  | 'payload-sent'
  /** A payload with an end mark was sent. */
  | 'marked-payload-sent'
  /** A payload was sent that no stream follows (`rdb-only`). */
  | 'only-payload-sent'
  | 'caught-up'
  | 'fell-behind'
  /** The connection is about to close; the client stays a replica until it is closed. */
  | 'close'
  /** The client is no longer a replica, though its connection may still send what was written. */
  | 'cut-off'
  /** The connection has closed. */
  | 'closed';

const ENDS = { close: 'closing', 'cut-off': 'gone', closed: 'gone' } as const;

/** The life of a replica at its primary (`replication.c: syncCommand`, `replconfCommand`, `updateSlavesWaitingBgsave`). */
export const NEXT: TransitionTable<ServedReplicaState, ServedReplicaTrigger> = {
  handshake: {
    command: 'handshake',
    refuse: 'handshake',
    'check-upstream': 'checking-upstream',
    continue: 'catching-up',
    'full-resync': 'queued',
    closed: 'gone',
  },
  'checking-upstream': {
    'upstream-checked': 'checking-upstream',
    refuse: 'handshake',
    continue: 'catching-up',
    'full-resync': 'queued',
    closed: 'gone',
  },
  queued: {
    command: 'queued',
    ack: 'queued',
    'start-full-resync': 'waiting-for-snapshot',
    ...ENDS,
  },
  'waiting-for-snapshot': {
    command: 'waiting-for-snapshot',
    ack: 'waiting-for-snapshot',
    'snapshot-opened': 'transfer',
    'snapshot-failed': 'gone',
    ...ENDS,
  },
  transfer: {
    command: 'transfer',
    // An ACK before the mark confirms nothing.
    ack: 'transfer',
    'payload-sent': 'catching-up',
    'marked-payload-sent': 'awaiting-ack',
    'only-payload-sent': 'closing',
    ...ENDS,
  },
  'awaiting-ack': {
    command: 'awaiting-ack',
    ack: 'catching-up',
    ...ENDS,
  },
  'catching-up': {
    command: 'catching-up',
    ack: 'catching-up',
    'caught-up': 'online',
    'fell-behind': 'catching-up',
    ...ENDS,
  },
  online: {
    command: 'online',
    ack: 'online',
    'caught-up': 'online',
    'fell-behind': 'catching-up',
    ...ENDS,
  },
  // An operation that was running when the replica ended may still report its result.
  closing: {
    command: 'closing',
    'start-full-resync': 'closing',
    'snapshot-opened': 'closing',
    'snapshot-failed': 'gone',
    'payload-sent': 'closing',
    'marked-payload-sent': 'closing',
    'only-payload-sent': 'closing',
    'caught-up': 'closing',
    'fell-behind': 'closing',
    ...ENDS,
  },
  gone: {
    command: 'gone',
    'upstream-checked': 'gone',
    'start-full-resync': 'gone',
    'snapshot-opened': 'gone',
    'snapshot-failed': 'gone',
    'payload-sent': 'gone',
    'marked-payload-sent': 'gone',
    'only-payload-sent': 'gone',
    'caught-up': 'gone',
    'fell-behind': 'gone',
    close: 'gone',
    'cut-off': 'gone',
    closed: 'gone',
  },
};

/** The state of a replica in INFO (`replication.c: replstateToString`). */
export type ReportedReplicaState = 'wait_bgsave' | 'send_bulk' | 'online';

/** The state in INFO; undefined: not a replica, or the state shown before. */
export const REPORTED: Readonly<Record<ServedReplicaState, ReportedReplicaState | undefined>> = {
  handshake: undefined,
  'checking-upstream': undefined,
  queued: 'wait_bgsave',
  'waiting-for-snapshot': 'wait_bgsave',
  transfer: 'send_bulk',
  'awaiting-ack': 'send_bulk',
  'catching-up': 'online',
  online: 'online',
  closing: undefined,
  gone: undefined,
};
