import { LogError } from '@forebay/log';

/** What went wrong. */
export type FeedErrorCode =
  /** The caller's fault: an option that cannot be used, or a feed that is used out of turn. */
  | 'INVALID_OPTION'
  /** The position asked for is not held by the log, or not any longer. */
  | 'NOT_COVERED'
  /** The stream is no sequence of commands; `offset` says where. */
  | 'DESYNCHRONIZED'
  /** The snapshot is no RDB that can be read, or has a value that is too large; `cause` is the `RdbError`. */
  | 'SNAPSHOT'
  /** The log cannot be read or written to; `cause` is the `LogError`. */
  | 'LOG'
  /** The primary cannot be followed; `cause` is the `ReplicaError`. */
  | 'LINK';

/** The only error this package throws. */
export class FeedError extends Error {
  override readonly name = 'FeedError';
  readonly code: FeedErrorCode;
  /** Replication offset of the first byte of the command that could not be read; with `DESYNCHRONIZED`. */
  readonly offset: number | undefined;

  constructor(
    code: FeedErrorCode,
    message: string,
    options: { offset?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.offset = options.offset;
  }
}

/** Converts an error of a log to an error of this package; other errors are not changed. */
export function toFeedError(error: unknown): unknown {
  if (!(error instanceof LogError)) return error;
  const code = error.code === 'NOT_COVERED' ? 'NOT_COVERED' : 'LOG';
  return new FeedError(code, error.message, { cause: error });
}
