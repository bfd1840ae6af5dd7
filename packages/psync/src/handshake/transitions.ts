import type { TransitionTable } from '../transitions.ts';
import type { ReplyClass } from './replies.ts';
import { classifyReply } from './replies.ts';

/** What the replica has sent and waits to have answered; in `report` it is the caller's turn. */
export type HandshakeState = 'ping' | 'auth' | 'replconf' | 'info' | 'report' | 'psync' | 'ended';

/** What a reply means in a state. */
export type ReplyMeaning =
  /** On to the next step. */
  | 'proceed'
  /** On to the next step; the refusal is told. */
  | 'proceed-refused'
  /** The report follows, in as many bytes as this line says. */
  | 'read-report'
  /** On to the next step without a report; the refusal is told with it. */
  | 'proceed-unreported'
  /** Stay: a sign of life. */
  | 'wait'
  | 'full-resync'
  | 'continue'
  /** PSYNC is not spoken here: send SYNC on the same link. */
  | 'fall-back-to-sync'
  | 'try-later'
  | 'denied'
  /** An error of another kind: drop the link. */
  | 'refused'
  /** Nothing a primary says here: drop the link. */
  | 'not-understood';

/** What leads to another state. */
export type HandshakeMove =
  | 'authenticate'
  | 'introduce'
  | 'ask-report'
  /** The report was received, or refused. */
  | 'report'
  /** PSYNC is sent. */
  | 'ask'
  /** The outcome is known. */
  | 'end';

type Row = Partial<Record<ReplyClass, ReplyMeaning>> & { readonly otherwise: ReplyMeaning };

/**
 * The whole negotiation (`replication.c: syncWithMaster`, `slaveTryPartialResynchronization`).
 * What differs from the servers, and why:
 * - `-transient` (also `-BUSY` and `-MASTERDOWN`) to PSYNC waits; servers before 4.0 fall to SYNC,
 *   which costs the primary a fork for what passes by itself.
 * - `-NOAUTH` to PSYNC ends the attempt: SYNC would be answered the same.
 * - `-MASTERDOWN` to PING proceeds: INFO names its upstream, and the reply to PSYNC names the fault.
 * - INFO is not asked by the servers. One that does not grant it can be followed all the same.
 */
const MEANINGS: Record<Exclude<HandshakeState, 'ended'>, Row> = {
  ping: {
    '+': 'proceed',
    '+FULLRESYNC': 'not-understood',
    '+CONTINUE': 'not-understood',
    '-NOAUTH': 'proceed',
    '-NOPERM': 'proceed',
    '-transient': 'try-later',
    '-MASTERDOWN': 'proceed',
    '-': 'refused',
    otherwise: 'not-understood',
  },
  auth: {
    '-NOAUTH': 'denied',
    '-NOPERM': 'denied',
    '-transient': 'try-later',
    '-MASTERDOWN': 'try-later',
    '-': 'denied',
    $: 'not-understood',
    empty: 'not-understood',
    junk: 'not-understood',
    otherwise: 'proceed',
  },
  replconf: {
    '+': 'proceed',
    $: 'not-understood',
    empty: 'not-understood',
    junk: 'not-understood',
    otherwise: 'proceed-refused',
  },
  info: {
    $: 'read-report',
    '-NOAUTH': 'denied',
    '-NOPERM': 'proceed-unreported',
    '-transient': 'try-later',
    '-MASTERDOWN': 'try-later',
    '-': 'proceed-unreported',
    otherwise: 'not-understood',
  },
  report: {
    otherwise: 'not-understood',
  },
  psync: {
    empty: 'wait',
    '+FULLRESYNC': 'full-resync',
    '+CONTINUE': 'continue',
    '-transient': 'try-later',
    '-MASTERDOWN': 'try-later',
    '-NOAUTH': 'denied',
    otherwise: 'fall-back-to-sync',
  },
};

/** What a reply line means at this step. */
export function meaningOf(step: Exclude<HandshakeState, 'ended'>, line: string): ReplyMeaning {
  const row = MEANINGS[step];
  return row[classifyReply(line)] ?? row.otherwise;
}

/** The event that each of them means. */
export const NEXT: TransitionTable<HandshakeState, HandshakeMove> = {
  ping: { authenticate: 'auth', introduce: 'replconf', end: 'ended' },
  auth: { introduce: 'replconf', end: 'ended' },
  replconf: { 'ask-report': 'info', ask: 'psync', end: 'ended' },
  info: { report: 'report', end: 'ended' },
  report: { ask: 'psync', end: 'ended' },
  psync: { end: 'ended' },
  ended: {},
};
