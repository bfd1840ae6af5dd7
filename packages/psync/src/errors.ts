/** What went wrong. */
export type PsyncErrorCode =
  /** The peer's fault: the stream is not a sequence of commands any more, or never was. */
  | 'DESYNCHRONIZED'
  /** The peer's fault: a reply line longer than the limit. */
  | 'LINE_TOO_LONG'
  /** The caller's fault: not a replication id, an offset out of range, an option that cannot be sent. */
  | 'INVALID_ARGUMENT'
  /** The caller's fault: bytes pushed into a handshake that has ended. */
  | 'ENDED';

/** The only error this package throws. */
export class PsyncError extends Error {
  override readonly name = 'PsyncError';
  readonly code: PsyncErrorCode;
  /** Replication offset of the command that could not be read; only with `DESYNCHRONIZED`. */
  readonly offset: number | undefined;

  constructor(
    code: PsyncErrorCode,
    message: string,
    options: { offset?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.offset = options.offset;
  }
}
