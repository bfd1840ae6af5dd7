import type { RdbVerdict } from '@forebay/rdb';

/** Why an attempt to follow the primary ended, or why it cannot be made. */
export type ReplicaErrorCode =
  /** The caller's fault: a URL or option that cannot be used. */
  | 'INVALID_OPTION'
  /** No connection: refused, no route, no such socket. */
  | 'UNREACHABLE'
  /** The host's name is not known. */
  | 'UNRESOLVED'
  /** The link could not be secured (certificate, name), or one side speaks TLS and the other does not. */
  | 'TLS'
  /** Nothing came for longer than the time-out of the phase. */
  | 'TIMEOUT'
  /** Credentials are missing, wrong, or do not reach. */
  | 'DENIED'
  /** The primary is well and cannot serve just now: loading, busy, its own link down, or behind us. */
  | 'TRY_LATER'
  /** The server's stream comes from us: it is this process, or it follows it. `onUpstream` decided so. */
  | 'LOOP'
  /** The primary answered with an error of another kind. */
  | 'REFUSED'
  /** What answers is no Redis or Valkey. */
  | 'NOT_UNDERSTOOD'
  /** The primary sent what is no payload, or a snapshot that is refused: then `verdict` says why. */
  | 'BAD_PAYLOAD'
  /** The stream turned into something else; its history is not asked for again. */
  | 'DESYNCHRONIZED'
  /** The primary, or the network, closed the link. */
  | 'LINK_LOST'
  /** Another primary is to be followed: `retarget` was called. */
  | 'RETARGETED'
  /** The signal given was aborted, or `detach` was called. */
  | 'STOPPED';

/** Why TLS failed, if a change of the peer or of an option corrects it. */
export type TlsFault =
  /** The port expects TLS. */
  | 'expected'
  /** The port does not speak TLS. */
  | 'not-spoken'
  /** The certificate is signed by an unknown authority: `ca`. */
  | 'unknown-authority'
  /** The certificate is for another host: `servername`. */
  | 'other-name'
  /** The certificate has expired. */
  | 'expired'
  /** The server requires a client certificate: `cert` and `key`. */
  | 'no-client-certificate';

/** The only error this package throws. Its message never contains a password. */
export class ReplicaError extends Error {
  override readonly name = 'ReplicaError';
  readonly code: ReplicaErrorCode;
  /** The primary's own line, where it gave one. */
  readonly reply: string | undefined;
  /** What a snapshot that was refused is worth. */
  readonly verdict: RdbVerdict | undefined;
  /** With `TLS` only; undefined for another fault. */
  readonly tlsFault: TlsFault | undefined;

  constructor(
    code: ReplicaErrorCode,
    message: string,
    options: {
      reply?: string | undefined;
      cause?: unknown;
      verdict?: RdbVerdict;
      tlsFault?: TlsFault | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reply = options.reply;
    this.verdict = options.verdict;
    this.tlsFault = options.tlsFault;
  }
}
