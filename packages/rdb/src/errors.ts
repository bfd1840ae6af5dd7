/** What went wrong. All but `INVALID_OPTION` and `AUX_TOO_LONG` say that the bytes are no RDB. */
export type RdbErrorCode =
  /** The first bytes are neither `REDIS` nor `VALKEY`. */
  | 'BAD_MAGIC'
  /** The version that follows is not made of digits, or is 0. */
  | 'BAD_VERSION'
  /** The bytes contradict themselves: an unknown encoding, or compressed data that is not whole. */
  | 'CORRUPT'
  /** The bytes ended in the middle. */
  | 'TRUNCATED'
  /** A key or value of an aux field is longer than the caller's limit. */
  | 'AUX_TOO_LONG'
  /** The caller gave an option that is outside of its range. */
  | 'INVALID_OPTION';

/** The only error this package throws. */
export class RdbError extends Error {
  override readonly name = 'RdbError';
  readonly code: RdbErrorCode;
  /** Where in the RDB the fault is, in bytes from its beginning. */
  readonly position: number;

  constructor(code: RdbErrorCode, position: number, message: string) {
    super(message);
    this.code = code;
    this.position = position;
  }
}
