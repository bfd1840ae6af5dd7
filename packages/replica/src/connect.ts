import type { NetConnectOpts, OnReadOpts, Socket } from 'node:net';
import { connect as connectPlain, isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect as connectSecure, TLSSocket } from 'node:tls';
import type { Endpoint } from './address.ts';
import { describeEndpoint } from './address.ts';
import type { TlsFault } from './errors.ts';
import { ReplicaError } from './errors.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import { isTlsRecord, speaksPlain, speaksTls, TlsMismatch } from './tls-mismatch.ts';
import type { LinkSocket, LinkSocketListener, TlsOptions } from './transport.ts';

/** Milliseconds after which a TLS handshake without an answer is suspected to be with a port without TLS. */
const TLS_SILENCE = 1000;

/** Opens a socket of the system's: the transport that is taken where none is named. */
export function openSocket(
  endpoint: Endpoint,
  tls: TlsOptions,
  listener: LinkSocketListener,
): LinkSocket {
  const buffer = new ReceiveBuffer();
  /** Aborted: why the link failed need not be found out any more. */
  const ending = new AbortController();
  const socket = connect(endpoint, tls, {
    buffer: () => buffer.room(),
    callback: (length) => {
      const bytes = buffer.took(length);
      const isFirst = socket.bytesRead === length;
      if (endpoint.kind === 'tcp' && isFirst && isTlsRecord(bytes)) {
        socket.destroy(new TlsMismatch('TLS_EXPECTED'));
      } else listener.onBytes(bytes);
      return true;
    },
  });
  const connected = endpoint.kind === 'tls' ? 'secureConnect' : 'connect';
  socket.once(connected, () => listener.onConnect());
  if (endpoint.kind === 'tls') watchHandshake(socket, endpoint, ending);
  let failure: Error | undefined;
  socket.on('error', (error) => {
    failure ??= error;
  });
  socket.once('close', async () => {
    const wasRefused = socket.bytesWritten > 0 && socket.bytesRead === 0;
    if (endpoint.kind === 'tcp' && wasRefused && !ending.signal.aborted) {
      if (await speaksTls(endpoint, ending.signal)) failure = new TlsMismatch('TLS_EXPECTED');
    }
    ending.abort();
    if (failure !== undefined) listener.onError(failure);
    listener.onClose();
  });
  return {
    get writable() {
      return socket.writable;
    },
    get localAddress() {
      return socket.localAddress;
    },
    get certificateEnd() {
      if (!(socket instanceof TLSSocket)) return undefined;
      const { valid_to: end } = socket.getPeerCertificate();
      return end === undefined ? undefined : new Date(end);
    },
    write: (bytes) => void socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    release: () => buffer.release(),
    destroy: () => {
      ending.abort();
      socket.destroy();
    },
  };
}

/** Gives a TLS handshake up that has no answer, once the port is known to speak without TLS. */
function watchHandshake(
  socket: Socket,
  endpoint: Extract<Endpoint, { port: number }>,
  { signal }: AbortController,
): void {
  socket.once('connect', () => {
    const timer = setTimeout(async () => {
      const isPlain = await speaksPlain(endpoint, signal);
      if (isPlain && !stopped) socket.destroy(new TlsMismatch('TLS_NOT_SPOKEN'));
    }, TLS_SILENCE);
    let stopped = false;
    const stop = (): void => {
      stopped = true;
      clearTimeout(timer);
    };
    socket.once('secureConnect', stop);
    socket.once('close', stop);
  });
}

function connect(endpoint: Endpoint, tls: TlsOptions, onread: OnReadOpts): Socket {
  if (endpoint.kind === 'unix') return connectPlain({ path: endpoint.path, onread });
  const { host, port } = endpoint;
  const options: NetConnectOpts = { host, port, onread, noDelay: true, keepAlive: true };
  if (endpoint.kind === 'tcp') return connectPlain(options);
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  const secured = { ...options, ...tls } as ConnectionOptions;
  return connectSecure(servername === undefined ? secured : { ...secured, servername });
}

/** What a socket's error means for the link. */
export function errorOfSocket(error: NodeJS.ErrnoException, endpoint: Endpoint): ReplicaError {
  const where = describeEndpoint(endpoint);
  const cause = { cause: error };
  const tlsFault = TLS_FAULTS[error.code ?? ''];
  switch (error.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return new ReplicaError('UNRESOLVED', `no address is known for ${where}`, cause);
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
    case 'ENOENT':
    case 'EACCES':
      return new ReplicaError('UNREACHABLE', `${where} cannot be reached: ${error.code}`, cause);
    case 'ETIMEDOUT':
      return new ReplicaError('TIMEOUT', `${where} did not answer in time`, cause);
    case 'ECONNRESET':
    case 'EPIPE':
      return new ReplicaError('LINK_LOST', `${where} closed the link: ${error.code}`, cause);
    default: {
      if (endpoint.kind === 'tls' || tlsFault !== undefined) {
        return tlsError(error, tlsFault, where);
      }
      const message = `the link to ${where} failed: ${error.code ?? error.message}`;
      return new ReplicaError('LINK_LOST', message, cause);
    }
  }
}

/** By the code of the error. */
const TLS_FAULTS: Readonly<Record<string, TlsFault>> = {
  TLS_EXPECTED: 'expected',
  TLS_NOT_SPOKEN: 'not-spoken',
  ERR_SSL_WRONG_VERSION_NUMBER: 'not-spoken',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'not-spoken',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unknown-authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'unknown-authority',
  UNABLE_TO_GET_ISSUER_CERT: 'unknown-authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknown-authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unknown-authority',
  CERT_HAS_EXPIRED: 'expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'other-name',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'no-client-certificate',
};

/** What to do about a refused certificate. */
const CERTIFICATE_ADVICE: Readonly<Partial<Record<TlsFault, string>>> = {
  'unknown-authority': '; name the CA that signed it',
  'other-name': '; name the one it bears',
  'no-client-certificate': '; give a client certificate',
};

function tlsError(
  error: NodeJS.ErrnoException & { readonly reason?: string },
  tlsFault: TlsFault | undefined,
  where: string,
): ReplicaError {
  const details = { cause: error, tlsFault };
  if (tlsFault === 'expected') {
    return new ReplicaError('TLS', `${where} expects TLS: use rediss://`, details);
  }
  if (tlsFault === 'not-spoken') {
    const message = `${where} does not speak TLS: use its TLS port, or redis://`;
    return new ReplicaError('TLS', message, details);
  }
  // OpenSSL's messages are several lines of its own sources' places, its reasons are not.
  const fault = error.reason ?? error.message.trim();
  const advice = (tlsFault && CERTIFICATE_ADVICE[tlsFault]) ?? '';
  return new ReplicaError('TLS', `no secure link to ${where}: ${fault}${advice}`, details);
}
