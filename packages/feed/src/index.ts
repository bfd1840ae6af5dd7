// What a server is named by, and how a link to it is secured.
export type { Endpoint, TlsOptions } from '@forebay/replica';
export type {
  Change,
  FeedItem,
  Reset,
  Rewound,
  SnapshotBegin,
  SnapshotEnd,
  SnapshotEntry,
  SnapshotFunction,
  SnapshotKey,
  Transaction,
} from './change.ts';
export { FORMAT_VERSION } from './change.ts';
export type { DecoderStart } from './change-decoder.ts';
export { ChangeDecoder } from './change-decoder.ts';
export type { FeedErrorCode } from './errors.ts';
export { FeedError } from './errors.ts';
export { Feed, feed } from './feed.ts';
export type { ChangeFilter } from './filter.ts';
export type { FindOptions, FoundCommand, FoundCommands } from './find-commands.ts';
export { findCommands } from './find-commands.ts';
export { formatLine, linePieces } from './line.ts';
export type { FeedNotice } from './notice.ts';
export type { FeedOptions, FromLog, FromServer, StreamOptions } from './options.ts';
export type { Place } from './place.ts';
export { formatPlace, parsePlace } from './place.ts';
export { SnapshotDecoder } from './snapshot-decoder.ts';
export type { SourceItem, Start } from './source.ts';
export { Stream, streamFrom } from './stream.ts';
