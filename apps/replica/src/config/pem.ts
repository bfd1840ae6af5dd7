import type { TlsOptions } from '@forebay/replica';
import { checkTlsOptions, ReplicaError } from '@forebay/replica';
import { EXIT, ExitError } from '../exit.ts';

/** @throws {ExitError} configuration: they cannot be read, or do not belong together */
export function checkPem(pem: Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'passphrase'>): void {
  try {
    checkTlsOptions(pem);
  } catch (error) {
    if (!(error instanceof ReplicaError)) throw error;
    throw new ExitError(EXIT.configuration, error.message, error);
  }
}
