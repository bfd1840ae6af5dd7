import type { StreamTracker } from '@forebay/psync';
import type { FoundIndex } from '../increment/increment-writer.ts';

/** Where the stream in a directory ends that may be vouched for. */
export interface RecoveredEnd {
  /** The stream followed up to there. */
  readonly stream: StreamTracker;
  readonly index: FoundIndex;
  /** Bytes after it that nothing vouches for. */
  readonly dropped: number;
  /** Whether something was changed that this run of the machine wrote: no power cut explains that. */
  readonly damaged: boolean;
  /** Whether the file is a copy of the one that was written. */
  readonly isCopy: boolean;
}
