import type { History } from './history.ts';
import { BLANK_ID, sameId, startHistory } from './history.ts';
import type { ReplicationReport } from './report.ts';

/** What one who follows holds of a stream. */
export interface HeldStream {
  readonly history: History;
  /** Offset of the last byte held. */
  readonly offset: number;
  /** The lowest offset that can be stepped back to: that of the oldest base. */
  readonly lowest: number;
}

/**
 * Why nothing less than a full copy is the way on: nothing is held; the server is behind us under our own
 * id; what is shared ends below our oldest base; its backlog does not reach back; neither of its ids is
 * ours; the stream cannot be gone back in; it did not grant what was asked for; it knows no PSYNC; or
 * whoever follows has decided so.
 */
export type CopyCause =
  | 'nothing-held'
  | 'behind'
  | 'below-base'
  | 'backlog'
  | 'history'
  | 'not-covered'
  | 'refused'
  | 'no-psync'
  | 'decided';

/** What to ask a server for; each `reason` is one line, for people. */
export type ResumePlan =
  /** Ask for the next byte under the id held. `note`: why nothing better is known. */
  | { readonly type: 'continue'; readonly note: string | undefined }
  /** Drop what comes after `to`, then ask for the next byte under `history.id`. */
  | {
      readonly type: 'step-back';
      /** Offset of the last byte that is shared; that of the last one held where only the id differs. */
      readonly to: number;
      /** What is held then. */
      readonly history: History;
      /** The id that the server is under now. */
      readonly upstreamId: string;
      readonly reason: string;
    }
  /** The server is behind, and on its way, or has nothing just now: ask it again. */
  | { readonly type: 'wait'; readonly reason: string }
  /** Nothing that is held can be gone on from: a full copy. */
  | { readonly type: 'full'; readonly cause: CopyCause; readonly reason: string };

const UNREPORTED = 'INFO is denied, so that stepping back is not possible';
const UNNAMED = 'INFO names no history (before 4.0), so that stepping back is not possible';

/** The last byte that is shared with a server, and the id under which it is. */
interface SharedPoint {
  readonly offset: number;
  readonly id: string;
}

/**
 * How to go on from what is held at the server that gave `report`, so that it grants a partial resync
 * (`replication.c: masterTryPartialResynchronization`): all that both have under an id that both know
 * is shared. Whether a replica's own link stands is left to its answer to PSYNC.
 *
 * @param report undefined where INFO was denied
 */
export function planResume(held: HeldStream, report: ReplicationReport | undefined): ResumePlan {
  if (report === undefined) return { type: 'continue', note: UNREPORTED };
  const { id, offset } = report;
  if (id === undefined || offset === undefined) return { type: 'continue', note: UNNAMED };
  // A forebay that is about to take another id, or nothing yet; no server is ever without one.
  if (id === BLANK_ID) return { type: 'wait', reason: 'it has no history to go on from just now' };
  if (sameId(id, held.history.id) && held.offset > offset) return planAhead(held, report, offset);
  const point = sharedPoint(held, report, offset);
  if (point === undefined)
    return { type: 'full', cause: 'history', reason: strangers(held, report) };
  return planFrom(point, held, report, id);
}

/** We hold more of the server's own history than it does. */
function planAhead(held: HeldStream, { role }: ReplicationReport, offset: number): ResumePlan {
  const places = `it has come to ${offset}, we to ${held.offset}`;
  if (role === 'replica') {
    return { type: 'wait', reason: `it is a replica under our id, and behind: ${places}` };
  }
  const reason = `it is a primary under our id, and behind: ${places}; its history cannot be trusted`;
  return { type: 'full', cause: 'behind', reason };
}

function planFrom(
  point: SharedPoint,
  held: HeldStream,
  { backlog }: ReplicationReport,
  upstreamId: string,
): ResumePlan {
  const { offset: to } = point;
  if (to < held.lowest) {
    const reason = `what is shared ends at ${to}, below our base at ${held.lowest}`;
    return { type: 'full', cause: 'below-base', reason };
  }
  // One past the end is granted: the stream goes on with what is not there yet.
  const { active, firstByte, length } = backlog;
  if (!active || to + 1 < firstByte || to + 1 > firstByte + length) {
    const reach = active ? `goes from ${firstByte}, ${length} bytes long` : 'is not there';
    const reason = `its backlog does not reach back to ${to + 1}: it ${reach}`;
    return { type: 'full', cause: 'backlog', reason };
  }
  if (to === held.offset && point.id === held.history.id) {
    return { type: 'continue', note: undefined };
  }
  const reason = `it shares our history up to ${to}, we hold ${held.offset - to} bytes more`;
  return { type: 'step-back', to, history: historyAt(point, held.history), upstreamId, reason };
}

/** The highest of them; our own id goes first. */
function sharedPoint(
  { history, offset }: HeldStream,
  report: ReplicationReport,
  reportedOffset: number,
): SharedPoint | undefined {
  const ours = [
    { id: history.id, last: offset },
    { id: history.secondId, last: Math.min(offset, history.secondIdLimit - 1) },
  ];
  const theirs = [
    { id: report.id, last: reportedOffset },
    { id: report.secondId, last: Math.min(reportedOffset, report.secondIdLimit - 1) },
  ];
  let highest: SharedPoint | undefined;
  for (const our of ours) {
    for (const their of theirs) {
      const last = Math.min(our.last, their.last);
      if (!sameId(their.id, our.id) || last < 0) continue;
      if (highest === undefined || last > highest.offset) highest = { offset: last, id: our.id };
    }
  }
  return highest;
}

/** What is held after a step back: under the second id, what came before it is not known any more. */
function historyAt({ id, offset }: SharedPoint, history: History): History {
  if (id !== history.id) return startHistory(id);
  return { ...history, secondIdLimit: Math.min(history.secondIdLimit, offset + 1) };
}

/** A restart keeps the id only in an RDB, and only since 7.0 (`rdb.c: rdbPopulateSaveInfo`). */
function strangers(
  { history }: HeldStream,
  { id, secondId = BLANK_ID }: ReplicationReport,
): string {
  const ids = `the primary shares no history with the log of replication id ${history.id}: its replication id is ${id}`;
  if (secondId === BLANK_ID) {
    return (
      `${ids}, without a previous id; it probably restarted without its data or from an AOF ` +
      '(before 7.0 also from an RDB), or it is another server'
    );
  }
  return (
    `${ids}, the previous one ${secondId}; it was promoted or restarted more than once since the last ` +
    'link, or it is another server'
  );
}
