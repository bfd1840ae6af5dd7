import type { TlsFault } from '@forebay/replica';
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

/** What to do about a link that could not be secured. */
const TLS_ADVICE: Readonly<Record<TlsFault, string>> = {
  expected: 'use rediss://, or --tls',
  'not-spoken': NO_TLS,
  'unknown-authority': CACERT,
  'other-name': '--sni <name>: one that the certificate bears',
  expired: 'there: a certificate that is still valid',
  'no-client-certificate': '--cert <file> --key <file>: it wants a certificate of ours',
};

/** What an error of a link means. Others are thrown on. */
export function findingOf(error: unknown): Finding {
  if (!(error instanceof ReplicaError)) throw error;
  const { code, message, tlsFault } = error;
  const exitCode = linkExitCodeOf(code) ?? EXIT.runtime;
  return tlsFault === undefined
    ? bad(exitCode, message)
    : bad(exitCode, message, TLS_ADVICE[tlsFault]);
}
