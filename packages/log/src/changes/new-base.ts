import type { History, Position } from '@forebay/psync';
import type { Base } from '../manifest/manifest.ts';
import { baseName } from '../manifest/manifest.ts';

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

/** The base as the manifest names it; it contains the stream up to `offset`. `time`: milliseconds since 1970. */
export function baseOf({ target, size, crc }: NewBase, offset: number, time: number): Base {
  return { name: baseName(target.sequence), sequence: target.sequence, offset, size, crc, time };
}
