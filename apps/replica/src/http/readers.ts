import type { CursorInventory, IncrementInventory } from '@forebay/log';
import type { HeldStatus, Status } from '../status/status.ts';

/** Somebody who reads what is held: a replica below, or a cursor of the log. */
export interface Reader {
  readonly name: string;
  /** Of the replica, as servers have it, or of the cursor. */
  readonly state: string;
  /** Offset of the last byte that it has; undefined where that is not known. */
  readonly offset: number | undefined;
  /** Bytes that it has still to get; undefined where that is not known, or it cannot. */
  readonly behind: number | undefined;
  /** When what it gets next came in, in milliseconds since 1970; undefined where that is not known. */
  readonly next: number | undefined;
  /** How old that is, in seconds; 0 where there is nothing left. */
  readonly age: number | undefined;
}

/** Replicas below. One that gets its copy has acknowledged nothing yet, and its place is not known. */
export function replicasOf(status: Status): Reader[] {
  const { replicas, log, held } = status;
  return replicas.map(({ host, port, state, offset }) => {
    const name = `${host}:${port}`;
    const isKnown = log !== undefined && offset > 0;
    const behind = isKnown ? Math.max(0, log.written - offset) : undefined;
    const next = behind ? arrivalAfter(held, offset, log!.written) : undefined;
    return { name, state, ...placed(status, isKnown ? offset : undefined, behind, next) };
  });
}

/** Cursors, where they were when it was looked last, against what is written now. */
export function cursorsOf(status: Status): Reader[] {
  const { held, log } = status;
  if (held === undefined) return [];
  const since = Math.max(0, (log?.written ?? 0) - (held.segments.at(-1)?.to ?? 0));
  return held.cursors.map((cursor: CursorInventory) => {
    const { name, state, position } = cursor;
    const behind = cursor.behind === undefined ? undefined : cursor.behind + since;
    const next = behind ? (cursor.next ?? held.seen) : undefined;
    return { name, state, ...placed(status, position?.offset, behind, next) };
  });
}

function placed(
  { now }: Status,
  offset: number | undefined,
  behind: number | undefined,
  next: number | undefined,
): Pick<Reader, 'offset' | 'behind' | 'next' | 'age'> {
  const waits = next === undefined ? undefined : Math.max(0, now - next) / 1000;
  return { offset, behind, next, age: behind === 0 ? 0 : waits };
}

/**
 * When the byte after an offset of the live segment came in, about: between the first and the last bytes
 * of a file the stream is taken to have been even.
 */
function arrivalAfter(
  held: HeldStatus | undefined,
  offset: number,
  written: number,
): number | undefined {
  const files = held?.segments.at(-1)?.increments ?? [];
  const file = files.findLast(({ from }) => from <= offset);
  if (held === undefined || file === undefined) return undefined;
  return between(file, file === files.at(-1) ? { to: written, last: held.seen } : file, offset);
}

function between(
  { from, first }: IncrementInventory,
  { to, last = first }: Pick<IncrementInventory, 'to' | 'last'>,
  offset: number,
): number | undefined {
  if (first === undefined || last === undefined) return undefined;
  const share = to > from ? Math.min(1, (offset - from) / (to - from)) : 1;
  return first + share * (last - first);
}
