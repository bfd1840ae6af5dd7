import type { History, Position } from '@forebay/psync';

/** Where a new base goes before it is adopted: no manifest names the path yet. */
export interface BaseTarget {
  readonly directory: string;
  readonly path: string;
  readonly sequence: number;
}

/** A snapshot that stands at `target.path`, whole and synced. */
export interface NewBase {
  readonly target: BaseTarget;
  readonly size: number;
  /** CRC-32 of the file. */
  readonly crc: number;
}

/** A snapshot that begins a history. */
export interface FirstBase extends NewBase {
  readonly history: History;
  /** Offset of the last byte that the base contains. */
  readonly offset: number;
  /** The database selected there (aux `repl-stream-db`); 0 where the stream begins with a SELECT. */
  readonly database: number;
  /** Why there is one, for whoever reads on from the history before. */
  readonly reason: string;
}

/** A snapshot of the history that is being followed, made while it went on. */
export interface FreshBase extends NewBase {
  /** Where it was made. */
  readonly position: Position;
}
