import type { Position } from '@forebay/psync';
import { formatPosition, PsyncError, parsePosition } from '@forebay/psync';
import { FeedError } from './errors.ts';

/** A position, and the database selected there. */
export interface Place extends Position {
  /** Undefined where it is to be found out: a log knows it, and a primary does not say. */
  readonly database?: number | undefined;
}

/** `<id>:<offset>`, or `<id>:<offset>:<db>` where the database is known. */
export function formatPlace(place: Place): string {
  const { database } = place;
  return database === undefined ? formatPosition(place) : `${formatPosition(place)}:${database}`;
}

/**
 * The inverse of `formatPlace`.
 *
 * @throws {FeedError} `INVALID_OPTION`
 */
export function parsePlace(text: string): Place {
  const [, position = text, database] = /^([^:]*:[^:]*):(\d{1,10})$/.exec(text) ?? [];
  try {
    const { id, offset } = parsePosition(position);
    if (database === undefined) return { id, offset };
    if (Number(database) < 2 ** 31) return { id, offset, database: Number(database) };
  } catch (error) {
    if (!(error instanceof PsyncError)) throw error;
  }
  const what = JSON.stringify(text);
  throw new FeedError('INVALID_OPTION', `${what} is not a position: give <id>:<offset>[:<db>]`);
}
