import type { History, Position } from '../history.ts';
import { sameId } from '../history.ts';
import type { ResyncRequest } from './request.ts';

/** What one who serves replicas holds of a stream. */
export interface ServedStream {
  readonly history: History;
  /**
   * Further ids that a replica may be continued under, each with the offset of the last byte that is shared
   * with it; none unless given. Servers know two ids only.
   */
  readonly olderIds?: readonly Position[];
  /** Offset of the first byte held; one past `offset` where none is (`repl_backlog_first_byte_offset`). */
  readonly firstByte: number;
  /** Offset of the last byte (`master_repl_offset`). */
  readonly offset: number;
  /**
   * Whether more of this history is on its way from above, so that a replica may hold bytes that are
   * missing only here. False of the top of a chain.
   */
  readonly growing?: boolean;
}

/** Why a replica cannot be continued. */
export type FullResyncCause =
  /** It asked for it: `?`. */
  | 'asked-for'
  /** It holds another history. */
  | 'unknown-id'
  /** It holds bytes that came under the old id after the new one began. */
  | 'past-shift'
  /** What it lacks is not held any longer. */
  | 'too-old'
  /** It holds more than there is. */
  | 'past-end';

/** How a request is answered. `reason` is one line, for people. */
export type ResyncDecision =
  /** Send what comes after `after`: the last byte that the replica holds. */
  | { readonly type: 'continue'; readonly after: number }
  /** `-NOMASTERLINK`: what it holds already will come here too. */
  | { readonly type: 'later'; readonly reason: string }
  | { readonly type: 'full'; readonly cause: FullResyncCause; readonly reason: string };

/** `psync2`: since 4.0. `psync1`: 2.8 to 3.2, which know a single id (the `runid`). */
export type ResyncRules = 'psync1' | 'psync2';

/**
 * Whether a replica can be continued: the window is the same by both sets of rules, and its end belongs
 * to it: one past the last byte is continued with nothing, two past is a full resync. Ids are compared
 * without case (`replication.c: masterTryPartialResynchronization`). The answer `later`, to a replica
 * that is ahead of a relay, is ours: a full copy would cost it what it has. (A server in the middle
 * answers so to everybody while its own link is down.)
 */
export function decideResync(
  request: ResyncRequest,
  held: ServedStream,
  rules: ResyncRules = 'psync2',
): ResyncDecision {
  const { id, offset: next } = request;
  const { firstByte, offset } = held;
  if (id.startsWith('?'))
    return full('asked-for', 'it holds no history, and asked for a full copy');
  const limit = limitUnder(id, held, rules);
  if (limit === undefined) {
    const reason = `its history ${printable(id)} is not ours`;
    // Another id is on its way here too where a primary above was promoted: the replica has heard of it
    // already, and goes on from where this ends, or after that.
    if (held.growing && next > offset) return { type: 'later', reason: `${reason}, as yet` };
    return full('unknown-id', reason);
  }
  if (next > limit) {
    const shared = `the history shared under that id ends before ${limit}`;
    return full('past-shift', `it asks for ${next} under a former id, but ${shared}`);
  }
  if (next > offset + 1) {
    const reason = `it asks for ${next}, and we have come to ${offset}`;
    return held.growing ? { type: 'later', reason } : full('past-end', reason);
  }
  if (next < firstByte) {
    return full('too-old', `it asks for ${next}, and what is held begins at ${firstByte}`);
  }
  return { type: 'continue', after: next - 1 };
}

/** The highest offset that may be asked for under an id (`second_repl_offset`); undefined: none. */
function limitUnder(
  id: string,
  { history, olderIds = [] }: ServedStream,
  rules: ResyncRules,
): number | undefined {
  if (sameId(id, history.id)) return Infinity;
  if (rules === 'psync1') return undefined;
  if (history.secondIdLimit >= 0 && sameId(id, history.secondId)) return history.secondIdLimit;
  const older = olderIds.find((each) => sameId(id, each.id));
  return older && older.offset + 1;
}

/**
 * What is said to a replica that is continued: the id only to one that announced `capa psync2`, since
 * older ones take the line as it stands.
 */
export function continueLine(history: History, psync2: boolean): string {
  return psync2 ? `+CONTINUE ${history.id}` : '+CONTINUE';
}

/** What is said before a full copy that contains the stream up to `offset`. */
export function fullResyncLine({ id }: Pick<History, 'id'>, offset: number): string {
  return `+FULLRESYNC ${id} ${offset}`;
}

function full(cause: FullResyncCause, reason: string): ResyncDecision {
  return { type: 'full', cause, reason };
}

/** An id is what a peer sent: no line of ours is to be broken by it, nor grow without end. */
function printable(id: string): string {
  return JSON.stringify(id.slice(0, 40));
}
