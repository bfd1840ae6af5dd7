import type { Position } from '@forebay/psync';
import type { Reset, Rewound, SnapshotBegin } from './change.ts';

/** What a stream is made of, in order, wherever it comes from. */
export type SourceItem =
  /** The stream begins, for the first time or after a break. */
  | Start
  /** The next bytes of the stream; they are not changed any more. */
  | {
      readonly type: 'stream';
      readonly bytes: Uint8Array;
      /** Offset of the last of them. */
      readonly offset: number;
      /** The history they are of, by the id that it has now. */
      readonly id: string;
      /** Time of arrival by the clock: milliseconds since 1970. */
      readonly time: number;
    }
  | Reset
  | Rewound
  /** A snapshot begins; its bytes follow, and `start` after the last of them. */
  | SnapshotBegin
  /** The next bytes of its RDB; valid until the next item is asked for. */
  | { readonly type: 'rdb'; readonly bytes: Uint8Array };

/** Where a stream begins: between two commands, outside of a transaction. */
export interface Start {
  readonly type: 'start';
  readonly id: string;
  /** Of the last byte before the first. */
  readonly offset: number;
  readonly database: number;
  /** What comes up to this offset was asked for by nobody: it completes a command or a transaction. */
  readonly after: number;
}

/** Where a feed takes its stream from. */
export interface Source {
  /** Once; after `close` they end. @throws {FeedError} `NOT_COVERED`, `LOG`, `LINK` */
  items(): AsyncGenerator<SourceItem, void, void>;
  /** Keeps a place for the next time. @throws {FeedError} `INVALID_OPTION` where there is none to keep; `LOG` */
  keep(position: Position): Promise<void>;
  close(): Promise<void>;
}
