/** What failed. An invalid request of a client is not among these: the client gets an error reply. */
export type RespServerErrorCode =
  /** An error of the caller: `listen` was not called, or TLS has no certificate. */
  | 'MISUSE'
  /** The system refuses the address; `cause` is its error. */
  | 'NOT_LISTENING'
  /** A command of that name is registered already. */
  | 'DUPLICATE_COMMAND';

/** The only error class of this package. */
export class RespServerError extends Error {
  override readonly name = 'RespServerError';
  readonly code: RespServerErrorCode;

  constructor(code: RespServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
