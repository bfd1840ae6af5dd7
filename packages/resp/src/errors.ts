/** What a peer sent that is no RESP. The stream cannot be read on: its framing is lost. */
export type RespPeerErrorCode =
  /** A byte that begins no value, or no argument (`$` is expected), or nothing at this place. */
  | 'INVALID_TYPE'
  /** The count of an aggregate or of a command's arguments is no decimal number in its range. */
  | 'INVALID_COUNT'
  /** The length of a bulk is no decimal number in its range. */
  | 'INVALID_LENGTH'
  /** Where CR LF has to be, something else is. */
  | 'INVALID_FRAMING'
  /** A line that is no number, double, big number, boolean or null, though its type says so. */
  | 'INVALID_NUMBER'
  | 'INVALID_DOUBLE'
  | 'INVALID_BIG_NUMBER'
  | 'INVALID_BOOLEAN'
  | 'INVALID_NULL'
  /** A verbatim string without the three characters of its format and a colon. */
  | 'INVALID_VERBATIM'
  /** A streamed map that ends after a key. */
  | 'INVALID_MAP'
  /** An inline command with a quote that is not closed, or closed before more text, or with a NUL. */
  | 'INVALID_INLINE';

/** What a peer sent that is more than the options allow. */
export type RespLimitErrorCode =
  | 'TOO_MANY_ARGUMENTS'
  | 'TOO_MANY_ELEMENTS'
  | 'BULK_TOO_LONG'
  | 'LINE_TOO_LONG'
  | 'TOO_DEEP'
  /** The part of one command that has to be kept is more than can be kept in one piece. */
  | 'COMMAND_TOO_LARGE';

/** What the caller did that cannot be done; the stream is as it was. */
export type RespCallerErrorCode =
  /** An option that is not a whole number in its range. */
  | 'INVALID_OPTION'
  /** A value that cannot be encoded, or what is pushed is no bytes. */
  | 'INVALID_VALUE'
  /** An argument that the current command does not have. */
  | 'NO_SUCH_ARGUMENT'
  /** An argument that the retention options left out. */
  | 'NOT_RETAINED'
  /** An argument with more text than a string can hold. */
  | 'TEXT_TOO_LONG'
  /** `takeRest` in the middle of a value, part of which is decoded already. */
  | 'INSIDE_VALUE';

/** Every code: what the peer did, what a limit stopped, what the caller did. */
export type RespErrorCode = RespPeerErrorCode | RespLimitErrorCode | RespCallerErrorCode;

/** The only error this package throws. */
export class RespError extends Error {
  override readonly name = 'RespError';
  readonly code: RespErrorCode;
  /**
   * Where in the stream the refused byte is, counted from 0 at the first byte pushed; for a number
   * over its limit, where the number begins. Undefined where it is no matter of the stream.
   */
  readonly offset: number | undefined;
  /** The message without the offset. */
  readonly reason: string;

  constructor(code: RespErrorCode, reason: string, offset?: number) {
    super(offset === undefined ? reason : `${reason} (at byte ${offset})`);
    this.code = code;
    this.reason = reason;
    this.offset = offset;
  }
}
