/** What failed. A wrong request is answered to the client and is none of these. */
export type RespServerErrorCode =
  /** Wrong use by the caller: nothing is listened on, or TLS without a certificate. */
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
