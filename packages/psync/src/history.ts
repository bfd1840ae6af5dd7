import { PsyncError } from './errors.ts';

/** The id of no history: what servers report as `master_replid2` when there is none. */
export const BLANK_ID: string = '0'.repeat(40);

/**
 * A replication history: a chain of ids that PSYNC2 shifts from one to the next, of which the last
 * two can be asked for (`server.h: replid, replid2, second_replid_offset`). A value: never changed.
 */
export interface History {
  /** 40 letters and digits; `BLANK_ID` where the primary named none that can be asked for again. */
  readonly id: string;
  /** The id before the last shift, `BLANK_ID` where there was none. */
  readonly secondId: string;
  /**
   * The highest offset that may be *asked for* under `secondId`, one past the last byte shared with
   * it (`second_repl_offset`); -1 without a second id.
   */
  readonly secondIdLimit: number;
}

/** A place in a history: `offset` bytes of its stream came before it. Safe integer, 0 or more. */
export interface Position {
  readonly id: string;
  readonly offset: number;
}

/** Whether `id` can name a history: 40 letters and digits (`CONFIG_RUN_ID_SIZE`). */
export function isReplicationId(id: string): boolean {
  return /^[0-9a-zA-Z]{40}$/.test(id);
}

/** Whether two ids name the same history: without regard to case, and nobody shares the blank one. */
export function sameId(a: string | undefined, b: string): boolean {
  return a !== undefined && b !== BLANK_ID && a.toLowerCase() === b.toLowerCase();
}

/**
 * A history that begins with `id`, as after a full resync (`replication.c: clearReplicationId2`).
 *
 * @throws {PsyncError} `INVALID_ARGUMENT` if `id` is not a replication id, or the blank one
 */
export function startHistory(id: string): History {
  return { id: checkedId(id), secondId: BLANK_ID, secondIdLimit: -1 };
}

/**
 * The history under a new id from `offset` on, the last byte that both ids share: the old id stays
 * valid for requests up to `offset + 1` (`replication.c: shiftReplicationId`, and the `+CONTINUE`
 * of `slaveTryPartialResynchronization`). The same id again changes nothing.
 *
 * @throws {PsyncError} `INVALID_ARGUMENT`
 */
export function shiftHistory(history: History, id: string, offset: number): History {
  if (id === history.id) return history;
  return { id: checkedId(id), secondId: history.id, secondIdLimit: checkedOffset(offset) + 1 };
}

/** A position as people and files write it: `<id>:<offset>`. */
export function formatPosition({ id, offset }: Position): string {
  return `${id}:${offset}`;
}

/**
 * The inverse of `formatPosition`.
 *
 * @throws {PsyncError} `INVALID_ARGUMENT`
 */
export function parsePosition(text: string): Position {
  const [id = '', offset = '', ...more] = text.split(':');
  if (more.length > 0 || !/^\d+$/.test(offset)) {
    throw new PsyncError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not <id>:<offset>`);
  }
  return { id: checkedId(id), offset: checkedOffset(Number(offset)) };
}

function checkedId(id: string): string {
  if (!isReplicationId(id) || id === BLANK_ID) {
    const what = JSON.stringify(id);
    throw new PsyncError('INVALID_ARGUMENT', `${what} is not a replication id of 40 characters`);
  }
  return id;
}

function checkedOffset(offset: number): number {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new PsyncError('INVALID_ARGUMENT', `${offset} is not a replication offset`);
  }
  return offset;
}
