import type { SecureOptions } from '@forebay/resp-server';
import { ExitError } from '../exit.ts';
import type { Certified } from '../http/server.ts';
import { checkPem } from './pem.ts';
import type { Resolved } from './resolve.ts';
import { codeFor } from './resolve.ts';
import type { ClientCertificates } from './settings.ts';

const CLIENTS: Readonly<Record<ClientCertificates, SecureOptions['clientCertificates']>> = {
  yes: 'required',
  no: 'none',
  optional: 'optional',
};

/**
 * How `tls-port` is secured, by the files as they are now.
 *
 * @throws {ExitError} usage, or configuration where a file or a variable is at fault
 */
export function servedTlsOf({ values, given, files }: Resolved): SecureOptions {
  const text = (name: 'tls-cert-file' | 'tls-key-file' | 'tls-ca-cert-file'): string => {
    const { [name]: path } = values;
    if (path) return files.read(name, path);
    throw new ExitError(codeFor(given.get('tls-port')), `--tls-port needs --${name}`);
  };
  const clients = values['tls-auth-clients'];
  const certified = clients !== 'no' || Boolean(values['tls-ca-cert-file']);
  const passphrase = values['tls-key-file-pass'];
  const pem = {
    cert: text('tls-cert-file'),
    key: text('tls-key-file'),
    ...(passphrase ? { passphrase } : {}),
    ...(certified ? { ca: text('tls-ca-cert-file') } : {}),
  };
  try {
    checkPem(pem);
  } catch (error) {
    if (!(error instanceof ExitError) || !pem.key.includes('ENCRYPTED')) throw error;
    const fault = passphrase ? 'does not open' : 'is needed to open';
    throw new ExitError(
      error.exitCode,
      `--tls-key-file-pass ${fault} the key of --tls-key-file`,
      error,
    );
  }
  return { ...pem, clientCertificates: CLIENTS[clients] };
}

/**
 * How HTTP is secured, by the files as they are now; undefined: not at all.
 *
 * @throws {ExitError} usage, or configuration where a file or a variable is at fault
 */
export function httpTlsOf({ values, given, files }: Resolved): Certified | undefined {
  const { 'http-tls-cert-file': cert, 'http-tls-key-file': key } = values;
  if (!cert && !key) return undefined;
  if (!cert || !key) {
    const one = given.get(cert ? 'http-tls-cert-file' : 'http-tls-key-file');
    throw new ExitError(
      codeFor(one),
      '--http-tls-cert-file and --http-tls-key-file must be set together',
    );
  }
  const pem = {
    cert: files.read('http-tls-cert-file', cert),
    key: files.read('http-tls-key-file', key),
  };
  checkPem(pem);
  return pem;
}
