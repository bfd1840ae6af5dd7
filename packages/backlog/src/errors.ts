/** What went wrong; all of it is the caller's doing, for a backlog reads nothing from the wire. */
export type BacklogErrorCode =
  /** A size that is not a whole number of 1 byte or more. */
  | 'INVALID_SIZE'
  /** An offset that is negative, fractional, or past 2^53 - 1. */
  | 'INVALID_OFFSET'
  /** An offset whose byte the backlog no longer holds, or does not hold yet. */
  | 'NOT_COVERED';

/** The only error this package throws. */
export class BacklogError extends Error {
  override readonly name = 'BacklogError';
  readonly code: BacklogErrorCode;
  /** The size or offset that was refused. */
  readonly value: number;

  constructor(code: BacklogErrorCode, value: number, message: string) {
    super(message);
    this.code = code;
    this.value = value;
  }
}
