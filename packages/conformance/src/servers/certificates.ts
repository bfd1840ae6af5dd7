import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConformanceError } from '../errors.ts';

/** Paths of PEM files: one authority, and a key and certificate of it for either side. */
export interface Certificates {
  readonly ca: string;
  readonly serverKey: string;
  readonly serverCert: string;
  readonly clientKey: string;
  readonly clientCert: string;
}

const run = promisify(execFile);

/**
 * Makes a test authority in `directory`, and a server's and a client's certificate of it, for
 * `localhost` and 127.0.0.1, valid for two days. Keys are on the curve P-256: some 50 ms in all.
 *
 * @throws {ConformanceError} `NO_CERTIFICATES` if the `openssl` program is missing or refuses
 */
export async function makeCertificates(directory: string): Promise<Certificates> {
  const path = (name: string): string => join(directory, name);
  try {
    await openssl([
      'req',
      '-x509',
      ...newKey(path('ca.key')),
      '-out',
      path('ca.crt'),
      '-subj',
      '/CN=test authority',
      '-days',
      '2',
    ]);
    await writeFile(path('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    await Promise.all(['server', 'client'].map((who) => certificate(path, who)));
  } catch (error) {
    const detail = (error as { stderr?: string }).stderr ?? String(error);
    throw new ConformanceError('NO_CERTIFICATES', 'openssl made no certificates', { detail });
  }
  return {
    ca: path('ca.crt'),
    serverKey: path('server.key'),
    serverCert: path('server.crt'),
    clientKey: path('client.key'),
    clientCert: path('client.crt'),
  };
}

async function certificate(path: (name: string) => string, who: string): Promise<void> {
  const request = path(`${who}.csr`);
  await openssl(['req', ...newKey(path(`${who}.key`)), '-out', request, '-subj', `/CN=${who}`]);
  await openssl([
    ...['x509', '-req', '-in', request, '-out', path(`${who}.crt`), '-days', '2'],
    ...['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-extfile', path('extensions')],
    ...['-set_serial', who === 'server' ? '2' : '3'],
  ]);
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
}

async function openssl(args: readonly string[]): Promise<void> {
  await run('openssl', args, { timeout: 20_000 });
}
