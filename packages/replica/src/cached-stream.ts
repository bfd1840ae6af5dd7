import type { History, StreamTracker } from '@forebay/psync';

/** What a replica remembers between links: the servers' cached primary. */
export interface CachedStream {
  readonly history: History;
  /** Offset of the last byte of the snapshot that the stream follows, or of the resume. */
  readonly start: number;
  /** The stream received so far. */
  readonly tracker: StreamTracker;
}
