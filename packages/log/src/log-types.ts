import type { History, StreamTracker } from '@forebay/psync';
import type { LogError } from './errors.ts';
import type { SyncPolicy } from './syncer.ts';

/** How far the log has come: offsets of the last byte written and of the last byte synced. */
export interface LogProgress {
  readonly written: number;
  readonly synced: number;
}

export interface LogOptions {
  /** `everysec` by default: see `SyncPolicy`. */
  readonly fsync?: SyncPolicy;
  /** Called when `written` or `synced` has moved. */
  readonly onProgress?: (progress: LogProgress) => void;
  /** Called once if a sync in the background fails; appends are refused from then on. */
  readonly onFailure?: (error: LogError) => void;
}

/** Where a new base goes before `adoptBase`: no manifest names the path yet. */
export interface BaseTarget {
  readonly directory: string;
  readonly path: string;
}

/** Where the stream goes on after a base. */
export interface BaseStart {
  readonly history: History;
  /** Offset of the last byte that the base contains. */
  readonly offset: number;
  /** The database selected there (aux `repl-stream-db`); 0 where the stream begins with a SELECT. */
  readonly database: number;
}

/** What the log ends with, for the one who goes on from there. */
export interface LogEnd {
  readonly history: History;
  /** Offset of the last byte held, anywhere in a command. */
  readonly offset: number;
  /** The stream followed up to there: in the middle of a command it knows of which. */
  readonly stream: StreamTracker;
}
