/** What went wrong; `detail` has what the server or the peer said. */
export type ConformanceErrorCode =
  /** No installed server has that name. */
  | 'NO_SUCH_SERVER'
  /** A server ended before it was ready; its log is the detail. */
  | 'SERVER_EXITED'
  /** Something awaited did not come within its time. */
  | 'TIMED_OUT'
  /** Certificates could not be made. */
  | 'NO_CERTIFICATES'
  /** A directory to boot from is not laid out as a multi-part append-only directory. */
  | 'BAD_DIRECTORY'
  /** The replica sent something else than the script expects. */
  | 'UNEXPECTED_COMMAND'
  /** The replica closed the connection while the script waited for it. */
  | 'PEER_CLOSED'
  /** Scripts of a scripted primary failed; the causes are in `errors`. */
  | 'SCRIPT_FAILED';

/** The only error this package throws, besides what a client throws of a server's refusals. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
  readonly code: ConformanceErrorCode;
  readonly detail: string;
  /** Each script's own error, with `SCRIPT_FAILED`; empty otherwise. */
  readonly errors: readonly unknown[];

  constructor(
    code: ConformanceErrorCode,
    message: string,
    { detail = '', errors = [] }: { detail?: string; errors?: readonly unknown[] } = {},
  ) {
    super(detail === '' ? message : `${message}\n${detail}`, { cause: errors[0] });
    this.code = code;
    this.detail = detail;
    this.errors = errors;
  }
}
