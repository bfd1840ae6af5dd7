/** What went wrong. `BAD_…`, `CORRUPT` and `TRUNCATED` say that the bytes are no RDB. */
export type RdbErrorCode =
  /** The first bytes are neither `REDIS` nor `VALKEY`. */
  | 'BAD_MAGIC'
  /** The version that follows is not made of digits, or is 0. */
  | 'BAD_VERSION'
  /** The bytes contradict themselves: an unknown encoding, or compressed data that is not whole. */
  | 'CORRUPT'
  /** The bytes ended in the middle. */
  | 'TRUNCATED'
  /** A string is longer than the caller's limit; or what a writer would have to hold is. */
  | 'TOO_LONG'
  /** A value is of a type, or an opcode is of a kind, that this code does not know. */
  | 'UNKNOWN_TYPE'
  /** The checksum at the end is not that of the bytes. */
  | 'BAD_CHECKSUM'
  /** The version of RDB to write, or client commands, cannot express the data. */
  | 'UNSUPPORTED'
  /** Only `RESTORE` can create the key. */
  | 'NEEDS_RESTORE'
  /** The key is too large for one `RESTORE`. */
  | 'TOO_LARGE_FOR_RESTORE'
  /** What is to be written has no such form in any version. */
  | 'INVALID_VALUE'
  /** It was called when it cannot be. */
  | 'MISUSE'
  /** The caller gave an option that is outside of its range. */
  | 'INVALID_OPTION';

/** The only error this package throws. */
export class RdbError extends Error {
  override readonly name = 'RdbError';
  readonly code: RdbErrorCode;
  /** Where in the RDB the fault is, in bytes from its beginning; of a writer, how far it was. */
  readonly position: number;

  constructor(code: RdbErrorCode, position: number, message: string) {
    super(message);
    this.code = code;
    this.position = position;
  }
}
