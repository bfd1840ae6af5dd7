import type { History } from '@forebay/psync';
import { BLANK_ID, isReplicationId, StreamTracker } from '@forebay/psync';
import { ReplicaError } from './errors.ts';

/** Where to go on: what has been stored. */
export interface Resume {
  readonly history: History;
  /** Offset of the last byte stored, anywhere in a command. */
  readonly offset: number;
  /**
   * The stream followed up to `offset`. Needed where that lies inside a command or a transaction, or
   * in another database than 0.
   */
  readonly stream?: StreamTracker;
}

/** What a replica remembers between links: the servers' cached primary. */
export interface CachedStream {
  readonly history: History;
  /** Offset of the last byte of the snapshot that the stream follows, or of the resume. */
  readonly start: number;
  /** The stream received so far. */
  readonly tracker: StreamTracker;
}

/**
 * What was received by one who has stored that much.
 *
 * @throws {ReplicaError} `INVALID_OPTION`
 */
export function cachedAt({ history, offset, stream }: Resume): CachedStream {
  const named = isReplicationId(history.id) && history.id !== BLANK_ID;
  if (!named || !Number.isSafeInteger(offset) || offset < 0) {
    throw new ReplicaError('INVALID_OPTION', 'resume names no position of a history');
  }
  if (stream !== undefined && stream.offset !== offset) {
    throw new ReplicaError('INVALID_OPTION', 'resume.stream was not followed to resume.offset');
  }
  return { history, start: offset, tracker: stream ?? new StreamTracker({ offset }) };
}
