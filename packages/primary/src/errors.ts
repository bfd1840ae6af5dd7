/** What went wrong. What a peer does wrong is answered to the peer, and is none of these. */
export type PrimaryErrorCode =
  /** The caller's fault: an option that cannot be used. */
  | 'INVALID_OPTION'
  /** An error of the caller: there is no such replica. */
  | 'MISUSE';

/** The only error class of this package. */
export class PrimaryError extends Error {
  override readonly name = 'PrimaryError';
  readonly code: PrimaryErrorCode;

  constructor(code: PrimaryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
