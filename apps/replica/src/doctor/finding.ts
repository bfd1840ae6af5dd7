import { ReplicaError } from '@forebay/replica';
import type { ExitCode } from '../exit.ts';
import { EXIT, linkExitCodeOf } from '../exit.ts';

/** What a check has come to. */
export interface Finding {
  /** `bad`: it does not work; `warning`: it does, and something is to be looked at; `untried`: not known. */
  readonly verdict: 'good' | 'warning' | 'bad' | 'untried';
  readonly message: string;
  /** What to change: commands for the server, or flags and variables for forebay. */
  readonly advice: readonly string[];
  /** What forebay ends with because of it; of `bad` only. */
  readonly exitCode?: ExitCode;
  /** A part of a successful check that was not tried. */
  readonly untried?: string;
  /** What needs this check cannot be tried; so it is after `bad` and `untried` always. */
  readonly blocks?: true;
}

export function good(message: string): Finding {
  return { verdict: 'good', message, advice: [] };
}

export function warning(message: string, ...advice: string[]): Finding {
  return { verdict: 'warning', message, advice };
}

export function bad(exitCode: ExitCode, message: string, ...advice: string[]): Finding {
  return { verdict: 'bad', exitCode, message, advice };
}

export function untried(message: string, ...advice: string[]): Finding {
  return { verdict: 'untried', message, advice };
}

const NO_TLS = 'use its TLS port (tls-port), or redis:// without --tls';

const CACERT = '--cacert <file>: the certificate of the authority that signed it';

/** What to do about a link that could not be secured, by the code of Node's error. */
const TLS_ADVICE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: CACERT,
  SELF_SIGNED_CERT_IN_CHAIN: CACERT,
  UNABLE_TO_GET_ISSUER_CERT: CACERT,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CACERT,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CACERT,
  CERT_HAS_EXPIRED: 'there: a certificate that is still valid',
  ERR_TLS_CERT_ALTNAME_INVALID: '--sni <name>: one that the certificate bears',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  TLS_NOT_SPOKEN: NO_TLS,
  TLS_EXPECTED: 'use rediss://, or --tls',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    '--cert <file> --key <file>: it wants a certificate of ours',
};

/** What an error of a link means. Others are thrown on. */
export function findingOf(error: unknown): Finding {
  if (!(error instanceof ReplicaError)) throw error;
  const { code, message, cause } = error;
  const advice = TLS_ADVICE[(cause as NodeJS.ErrnoException | undefined)?.code ?? ''];
  return bad(
    linkExitCodeOf(code) ?? EXIT.runtime,
    message,
    ...(advice === undefined ? [] : [advice]),
  );
}
