import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import type { Certificates } from '@forebay/conformance';
import { makeCertificates } from '@forebay/conformance';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RespServerOptions, SecureOptions } from '../src/index.ts';
import { RespServer } from '../src/index.ts';
import { Peer } from './peer.ts';

/** PEM text of one authority, and of a server's and a client's certificate by it. */
type Pem = Readonly<Record<keyof Certificates, string>>;

let ours: Pem;
let others: Pem;
beforeAll(async () => {
  [ours, others] = await Promise.all([pem(), pem()]);
});

async function pem(): Promise<Pem> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-secured-'));
  try {
    const paths = Object.entries(await makeCertificates(directory));
    const texts = paths.map(async ([name, path]) => [name, await readFile(path, 'utf8')]);
    return Object.fromEntries(await Promise.all(texts)) as Pem;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function by(
  { serverCert: cert, serverKey: key, ca }: Pem,
  clientCertificates: SecureOptions['clientCertificates'],
): SecureOptions {
  return { cert, key, ca, clientCertificates };
}

async function listening(
  secured: SecureOptions,
  options: RespServerOptions = {},
): Promise<{ server: RespServer; port: number }> {
  const server = new RespServer(options);
  onTestFinished(() => server.close());
  server.secure(secured);
  return { server, port: await server.listen({ tls: true }) };
}

/** What a client is answered to PING, or that it was not let in. */
async function ping(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...options });
  onTestFinished(() => void socket.destroy());
  // What went wrong is seen by its end.
  socket.on('error', () => {});
  socket.setEncoding('latin1').write('PING\r\n');
  return new Promise((resolve) => {
    socket.once('data', (text) => resolve(String(text))).once('close', () => resolve('closed'));
  });
}

describe('over TLS', () => {
  it.each([
    ['required', 'closed', 'closed', '+PONG\r\n'],
    ['optional', '+PONG\r\n', 'closed', '+PONG\r\n'],
    ['none', '+PONG\r\n', '+PONG\r\n', '+PONG\r\n'],
  ] as const)('with client certificates %s', async (asked, without, withOthers, withOurs) => {
    const { port } = await listening(by(ours, asked));
    const { ca } = ours;
    expect(await ping(port, { ca })).toBe(without);
    const of = ({ clientCert: cert, clientKey: key }: Pem) => ({ ca, cert, key });
    expect(await ping(port, of(others))).toBe(withOthers);
    expect(await ping(port, of(ours))).toBe(withOurs);
  });

  it('a new certificate is shown to clients that connect from then on', async () => {
    const { server, port } = await listening(by(ours, 'none'));
    expect(await ping(port, { ca: ours.ca })).toBe('+PONG\r\n');
    server.secure(by(others, 'none'));
    expect(await ping(port, { ca: ours.ca })).toBe('closed');
    expect(await ping(port, { ca: others.ca })).toBe('+PONG\r\n');
  });

  it('a client that does not finish its handshake is disconnected, and counts as one until then', async () => {
    const { server, port } = await listening(by(ours, 'none'), { timeout: 5000, maxClients: 1 });
    const mute = connectPlain({ port, host: '127.0.0.1' });
    onTestFinished(() => void mute.destroy());
    await once(mute, 'connect');
    expect(await ping(port, { ca: ours.ca })).toBe('closed');
    expect(server.counts.refused).toBe(1);
    await once(mute, 'close');
    await expect.poll(() => ping(port, { ca: ours.ca })).toBe('+PONG\r\n');
  });

  it('beside a port without', async () => {
    const { server, port } = await listening(by(ours, 'none'));
    const plain = await server.listen();
    expect(await (await Peer.connect(plain)).ask('PING')).toBe('+PONG');
    expect(await ping(port, { ca: ours.ca })).toBe('+PONG\r\n');
  });

  it('is not listened without a certificate', async () => {
    const server = new RespServer();
    await expect(server.listen({ tls: true })).rejects.toMatchObject({ code: 'MISUSE' });
  });
});
