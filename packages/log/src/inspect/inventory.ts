import type { Position } from '@forebay/psync';

/** What a directory holds. Times are milliseconds since 1970, sizes bytes; absent where not known. */
export interface Inventory {
  readonly directory: string;
  /** Oldest first; the last is the live one. */
  readonly segments: readonly SegmentInventory[];
  readonly cursors: readonly CursorInventory[];
  /** Files that the manifest names, and the bytes in them. */
  readonly files: number;
  readonly bytes: number;
  /** Bytes of the file system that are free to us. */
  readonly free: number;
}

/** A stretch of stream without a break. */
export interface SegmentInventory {
  readonly number: number;
  /** `replaced` by a full resync; `rewound`: the tail that a step back moved aside. */
  readonly state: 'live' | 'replaced' | 'rewound';
  /** From the oldest on, with the offset after which each began. */
  readonly ids: readonly { readonly id: string; readonly from: number }[];
  /** Offset of the last byte before the first that is held. */
  readonly from: number;
  /** Offset of the last byte. */
  readonly to: number;
  /** When its first and its last bytes arrived. */
  readonly first?: number;
  readonly last?: number;
  /** When it became the past, and why. */
  readonly ended?: number;
  readonly reason?: string;
  readonly bases: readonly BaseInventory[];
  readonly increments: readonly IncrementInventory[];
  readonly bytes: number;
}

export interface BaseInventory {
  readonly file: string;
  readonly offset: number;
  /** Absent where the file is not there. */
  readonly bytes?: number;
  /** When it was taken in. */
  readonly time: number;
}

export interface IncrementInventory {
  readonly file: string;
  readonly index: string;
  /** It holds the stream after `from`, up to `to`. */
  readonly from: number;
  readonly to: number;
  /** The database selected at its beginning. */
  readonly database: number;
  /** Of the file and the index; absent where one is not there. */
  readonly bytes?: number;
  /** When its first and its last bytes arrived, by the index. */
  readonly first?: number;
  readonly last?: number;
}

export interface CursorInventory {
  readonly name: string;
  /** Absent where the file cannot be read. */
  readonly position?: Position;
  /**
   * `readable`; `rewound`: readable, from where the step back went to; `ahead` of what is held, which
   * it waits for; `lost`: what comes next is not held any longer; `damaged`.
   */
  readonly state: 'readable' | 'rewound' | 'ahead' | 'lost' | 'damaged';
  /** Bytes of stream that it has still to read; absent where it cannot. */
  readonly behind?: number;
  /** When what it reads next arrived, by the index; absent where nothing waits for it, or it is too new. */
  readonly next?: number;
}
