import type { CursorInventory } from '@forebay/log';
import type { ReplicaDescription } from '@forebay/primary';
import type { Status } from '../status/status.ts';

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
  const { replicas, log } = status;
  return replicas.map((replica) => {
    const { state, offset } = replica;
    const isKnown = log !== undefined && offset > 0;
    const behind = isKnown ? Math.max(0, log.written - offset) : undefined;
    const next = behind ? arrivalAfter(status, offset) : undefined;
    return {
      name: nameOf(replica),
      state,
      offset: isKnown ? offset : undefined,
      behind,
      next,
      age: ageOf(status.now, behind, next),
    };
  });
}

/** Several of one host may tell no port: each is another all the same. */
export function nameOf({ id, host, port }: ReplicaDescription): string {
  return port === 0 ? `${host}:0 (client ${id})` : `${host}:${port}`;
}

/** Cursors at the last inspection of the directory: later bytes do not count for their lag. */
export function cursorsOf(status: Status): Reader[] {
  const { held } = status;
  if (held === undefined) return [];
  return held.cursors.map((cursor) => {
    const { name, state, position, behind } = cursor;
    const offset = position?.offset;
    const next = behind && offset !== undefined ? nextOf(status, cursor, offset) : undefined;
    return { name, state, offset, behind, next, age: ageOf(held.seen, behind, next) };
  });
}

function nextOf(status: Status, { next }: CursorInventory, offset: number): number | undefined {
  return next ?? arrivalAfter(status, offset);
}

function ageOf(
  now: number,
  behind: number | undefined,
  next: number | undefined,
): number | undefined {
  if (behind === 0) return 0;
  return next === undefined ? undefined : Math.max(0, now - next) / 1000;
}

/** How far the stream had come, and when. */
interface Mark {
  readonly time: number;
  readonly offset: number;
}

/**
 * When the byte after an offset of the live segment came in, about: between two moments that are known the
 * stream is taken to have been even.
 */
function arrivalAfter({ held, recent, log, now }: Status, offset: number): number | undefined {
  const files = held?.segments.at(-1)?.increments ?? [];
  const sampled = recent.flatMap(({ time, written }) => markOf(time, written));
  const [oldest] = sampled;
  const filed = files.flatMap(({ from, to, first, last }) => [
    ...markOf(first, from),
    ...markOf(last, to),
  ]);
  const marks = [
    ...(oldest === undefined ? filed : filed.filter(({ time }) => time <= oldest.time)),
    ...sampled,
    ...markOf(now, log?.written),
  ];
  const after = marks.findIndex((mark) => mark.offset > offset);
  const [from, to] = [marks[after - 1], marks[after]];
  if (from === undefined || to === undefined) return to?.time;
  return from.time + ((offset - from.offset) / (to.offset - from.offset)) * (to.time - from.time);
}

function markOf(time: number | null | undefined, offset: number | null | undefined): Mark[] {
  return time == null || offset == null ? [] : [{ time, offset }];
}
