import { formatBytes } from '../../reporter.ts';

/**
 * The hard limit on disk use, as a pure function of sizes and times. The `Keeper` measures, asks, and
 * carries out; nothing here reads a clock, a file, or a socket.
 *
 * Of the limit, room for the next base is kept free, for the stream after the newest base can be removed
 * only when a newer base is whole. What is left is for that stream:
 *
 *     | newest base | stream since  ...fetch...  ...pause | room for the next base | slack |
 *
 * Invariant: bytes on disk never exceed the limit, unless the limit was lowered below the size of the log.
 */

/** Milliseconds between two fetches at the limit, at least; doubled after each that failed. */
export const FETCH_INTERVAL = 10_000;
/** At most; where the primary sent a snapshot that was refused, which costs it a fork and helps nobody. */
const LONGEST_FETCH_INTERVAL = 300_000;
const LONGEST_AFTER_REFUSAL = 3_600_000;

/** Time in milliseconds until the primary announces the offset of a requested base. */
const PATIENCE = 30_000;

/** Bytes for what is written beside the stream: records of an index, a second manifest while it is replaced. */
const MOST_SLACK = 512 * 1024;
/** Bytes of stream that have to fit between two bases; with less, a fetch would follow a fetch. */
const LEAST_STREAM = 8 * 1024 * 1024;
/** Bytes of one file of the stream. */
const SMALLEST_FILE = 4 * 1024 * 1024;
const LARGEST_FILE = 1024 ** 3;
/** Bytes for data in memory when a base is requested: the stream must reach the offset of the base. */
export const LEAST_LEAD = 2 * 1024 * 1024;

/** Files on disk and in transfer. Sizes in bytes, times in milliseconds of `Clock.elapsed`. */
export interface DiskState {
  readonly now: number;
  /** `--max-disk`; infinite where it is a share of a file system that does not tell its size. */
  readonly limit: number;
  /** Of the log, and of bases that are being received. */
  readonly total: number;
  /** Of these, the bytes that retention cannot remove. */
  readonly required: number;
  /** The newest base; 0 before the first. */
  readonly base: number;
  /** Milliseconds since the newest base was made, by the wall clock: negative after it jumped back. */
  readonly baseAge: number | undefined;
  /** Expected size of the next base. */
  readonly expected: number;
  /** Received of bases on their way. */
  readonly received: number;
  /** `announced`: the offset of the base is known; `placed`: the stream has reached that offset. */
  readonly fetch: 'none' | 'asked' | 'announced' | 'placed';
  /** Bytes of stream before the earliest offset of the next base, if known. */
  readonly ahead: number;
  /** When the last fetch began; undefined: none has yet. */
  readonly fetchedAt: number | undefined;
  /** Fetches that failed one after another. */
  readonly failures: number;
  /** Whether the last of them brought a snapshot that was refused. */
  readonly refused: boolean;
  /** Bytes of stream a second, of late. */
  readonly rate: number;
}

/** The decision about bytes to be written. */
export type Verdict =
  | { readonly type: 'write' }
  /** Retention has to bring the log down to `to` bytes first. */
  | { readonly type: 'retain'; readonly to: number }
  /** A base has to be fetched; the bytes wait. */
  | { readonly type: 'fetch' }
  /** They wait for a base on its way, or until the next may be fetched. */
  | {
      readonly type: 'wait';
      readonly reason: string;
      readonly needed: number;
      readonly until?: number;
    }
  /** No fetch makes room for them: following pauses. */
  | { readonly type: 'pause'; readonly reason: string; readonly needed: number };

/** Bytes reserved for files other than the stream. */
export function slackOf(limit: number): number {
  return Math.min(MOST_SLACK, Math.floor(limit / 64));
}

/** Bytes of stream that fit between the newest base and the next; less than `LEAST_STREAM`: too few. */
function streamRoom({ limit, base, expected }: DiskState): number {
  return limit - slackOf(limit) - base - expected;
}

function isHoldable(state: DiskState): boolean {
  return state.base > 0 && streamRoom(state) >= LEAST_STREAM;
}

/** Bytes of the stream after the newest base. */
function streamSince({ required, base, received }: DiskState): number {
  return required - base - received;
}

/** The most that may be on disk after the stream is written. */
function streamMark(state: DiskState): number {
  // A share of it is infinite too, and a difference of the two is no number.
  if (state.limit === Infinity) return Infinity;
  const most = state.limit - slackOf(state.limit);
  if (state.fetch !== 'none') return most - Math.max(0, state.expected - state.received);
  if (!isHoldable(state)) return most;
  return most - state.expected - Math.max(LEAST_LEAD, streamRoom(state) / 8);
}

/** The decision about `bytes` of the stream. */
export function verdictOn(state: DiskState, bytes: number): Verdict {
  const mark = streamMark(state);
  if (state.total + bytes <= mark) return { type: 'write' };
  if (state.total > state.required) {
    // Some more goes at once: else each append would wait for a retention.
    const to = mark - bytes - Math.max(0, mark - state.required - bytes) / 8;
    return { type: 'retain', to: Math.floor(to) };
  }
  if (!isHoldable(state)) {
    return { type: 'pause', reason: tooSmall(state), needed: neededFor({ ...state, rate: 0 }) };
  }
  const needed = neededFor(state);
  if (state.fetch === 'placed') {
    return { type: 'wait', reason: 'reached; a fresh base is being received', needed };
  }
  if (state.fetch !== 'none') return verdictBefore(state, needed);
  if (!canFetch(state)) {
    const reason =
      'reached; a fresh base and the stream up to it do not fit beside the present log';
    return { type: 'pause', reason, needed };
  }
  const until = fetchableAt(state);
  if (until <= state.now) return { type: 'fetch' };
  const seconds = Math.ceil((until - state.now) / 1000);
  const why =
    state.failures > 0 ? 'the last fetch of a base failed' : 'bases are fetched 10 s apart';
  return {
    type: 'wait',
    reason: `reached; ${why}, the next fetch starts in ${seconds} s`,
    needed,
    until,
  };
}

/** There may be no room for the stream up to the offset of the base in transfer. */
function verdictBefore({ now, fetch, fetchedAt = now }: DiskState, needed: number): Verdict {
  const until = fetchedAt + PATIENCE;
  if (fetch === 'asked' && now < until) {
    return { type: 'wait', reason: 'reached; a fresh base was requested', needed, until };
  }
  return {
    type: 'pause',
    reason: 'reached; the stream reaches the limit before a fresh base can be fetched',
    needed,
  };
}

/** Whether a base is to be fetched because of the limit, however young the last one is. */
export function isFetchUrgent(state: DiskState): boolean {
  if (state.fetch !== 'none' || !isHoldable(state) || !canFetch(state)) return false;
  const since = streamSince(state);
  return since > 0 && since >= streamRoom(state) / 2 && fetchableAt(state) <= state.now;
}

/** Whether a fetch can succeed: there is room for another base, and for the stream up to the earliest offset of that base. */
export function canFetch(state: DiskState): boolean {
  return fitsBase(state) && fitsStream(state, state.ahead);
}

/** Whether there is room for another base beside the files that cannot be removed. */
export function fitsBase({ limit, required, expected }: DiskState): boolean {
  return required + expected <= limit - slackOf(limit);
}

/** Whether that many bytes of the stream fit before the next base. */
export function fitsStream(state: DiskState, bytes: number): boolean {
  const reserved = isHoldable(state) ? state.expected : 0;
  return state.required + bytes <= state.limit - slackOf(state.limit) - reserved;
}

/** The size to which retention must reduce the log so that the stream and the next base still fit. */
export function retainTarget(state: DiskState): number {
  const mark = streamMark(state);
  if (mark === Infinity) return Infinity;
  return Math.floor(mark - Math.max(0, mark - state.required) / 8);
}

/** Bytes after which a new file begins: retention removes files, and what consumers still need goes with them. */
export function fileSizeUnder(limit: number): number {
  return Math.min(LARGEST_FILE, Math.max(SMALLEST_FILE, Math.floor(limit / 8)));
}

/** Whether retention should run now, before bytes have to wait for it. */
export function isRetentionDue(state: DiskState): boolean {
  return state.total > state.required && state.total > retainTarget(state);
}

/** The `--max-disk` that the present base, and the stream between two fetches, need. */
export function neededFor({ limit, required, base, expected, rate }: DiskState): number {
  const stream = Math.max(LEAST_STREAM, 2 * LEAST_LEAD + (4 * rate * FETCH_INTERVAL) / 1000);
  const needed = Math.max(base + stream, required + LEAST_STREAM) + expected + MOST_SLACK;
  // It did not hold: that more is needed is known, whatever the rate was measured to be.
  return Math.ceil(Math.max(needed, limit * 1.25));
}

/** When the next base may be fetched at the limit, or after a failure. */
export function fetchableAt({ now, fetchedAt, failures, refused }: DiskState): number {
  if (fetchedAt === undefined) return now;
  const longest = refused ? LONGEST_AFTER_REFUSAL : LONGEST_FETCH_INTERVAL;
  const interval = Math.min(longest, FETCH_INTERVAL * 2 ** failures);
  return fetchedAt + interval;
}

function tooSmall({ base }: DiskState): string {
  return `two bases of ${formatBytes(base)} and the stream between them do not fit`;
}

/** Why a limit can never work; undefined: it can. */
export function complaintAbout(state: DiskState): { reason: string; needed: number } | undefined {
  if (state.base === 0 || isHoldable(state)) return undefined;
  return {
    reason: tooSmall(state),
    needed: neededFor({ ...state, required: 0, rate: 0, limit: 0 }),
  };
}
