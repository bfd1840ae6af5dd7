import type { History, StreamTracker } from '@forebay/psync';
import type { LeftOut } from './settle-copy.ts';

/** What the log ends with, for the one who goes on from there. */
export interface LogEnd {
  readonly history: History;
  /** Offset of the last byte held, anywhere in a command. */
  readonly offset: number;
  /** The stream followed up to there: in the middle of a command it knows of which. */
  readonly stream: StreamTracker;
  /** Bytes that no record or checksum confirmed, after a power loss or in a copy. */
  readonly dropped: number;
  /**
   * If the directory is a copy made during writes: the files that are incomplete in the copy and
   * ignored. Absent in any other directory.
   */
  readonly copied?: readonly LeftOut[];
}
