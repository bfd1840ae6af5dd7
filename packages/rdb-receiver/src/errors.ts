/** What went wrong. The first group is the peer's doing, the second the machine's, the third the caller's. */
export type RdbReceiverErrorCode =
  /** The line where a header was due is none of the forms the protocol knows. */
  | 'BAD_HEADER'
  /** The length is negative or beyond the limit, or a payload without one has grown beyond it. */
  | 'LENGTH_OUT_OF_RANGE'
  /** More than 1,023 bytes came without the end of the header line. */
  | 'HEADER_TOO_LONG'
  /** A payload of 0 bytes, which no RDB is. */
  | 'EMPTY_PAYLOAD'
  /** The bytes ended before the payload did. */
  | 'CUT_SHORT'
  /** The peer answered with an error line in place of a payload. */
  | 'REFUSED'
  /** What the bytes are read from failed; `cause` is its error. */
  | 'SOURCE'

  /** A file could not be made, written, synced, renamed or removed; `cause` is the system's error. */
  | 'IO'

  /** An option is outside of its range. */
  | 'INVALID_OPTION'
  /** `takeRest` was called before the payload had ended. */
  | 'NOT_ENDED'
  /** A call on a file while the promise of a former one was not settled. */
  | 'BUSY'
  /** A call on a file that was committed or aborted. */
  | 'CLOSED'
  /** The caller's signal ended the receive; `cause` is its reason. */
  | 'ABORTED';

/** What is known of an error besides its code; which of it is there depends on the code. */
export interface RdbReceiverErrorDetails {
  /** The peer's line, without its line end, one character a byte. */
  readonly line?: string;
  /** How many bytes of the payload had been read. */
  readonly read?: number;
  /** How many bytes of payload were announced. */
  readonly total?: number;
  /** The system's name of the error, such as `ENOSPC`. */
  readonly systemCode?: string;
  /** The file or directory that it happened to. */
  readonly path?: string;
  readonly cause?: unknown;
}

/** The only error this package throws. */
export class RdbReceiverError extends Error {
  override readonly name = 'RdbReceiverError';
  readonly code: RdbReceiverErrorCode;
  readonly line: string | undefined;
  readonly read: number | undefined;
  readonly total: number | undefined;
  readonly systemCode: string | undefined;
  readonly path: string | undefined;

  constructor(code: RdbReceiverErrorCode, message: string, details: RdbReceiverErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.line = details.line;
    this.read = details.read;
    this.total = details.total;
    this.systemCode = details.systemCode;
    this.path = details.path;
  }
}
