/** What went wrong. What a peer does wrong is answered to the peer, and is none of these. */
export type PrimaryErrorCode =
  /** The caller's fault: an option that cannot be used. */
  | 'INVALID_OPTION'
  /** The caller's fault: it is closed, or not listening, or there is no such replica. */
  | 'MISUSE'
  /** The address cannot be listened on. */
  | 'NOT_LISTENING';

/** The only error this package throws. */
export class PrimaryError extends Error {
  override readonly name = 'PrimaryError';
  readonly code: PrimaryErrorCode;

  constructor(code: PrimaryErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
