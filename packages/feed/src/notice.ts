import type { FeedError } from './errors.ts';
import type { Place } from './place.ts';

/** What a person may want to know of a feed, and a program need not. */
export type FeedNotice =
  /** The server has been reached; what is said to it comes next. */
  | { readonly type: 'connected' }
  /** The stream begins here, for the first time or after a break. */
  | { readonly type: 'begin'; readonly place: Place }
  /** The link was lost or not made; it is tried again after `delay` milliseconds. */
  | { readonly type: 'retry'; readonly error: FeedError; readonly delay: number }
  /**
   * The server does not leave the snapshot away: all of it is sent, and skipped. `reply`: why not, which is
   * an unknown option before 7.0, or a right that is missing.
   */
  | { readonly type: 'whole-snapshot'; readonly reply: string };
