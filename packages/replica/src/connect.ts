import type { NetConnectOpts, OnReadOpts, Socket } from 'node:net';
import { connect as connectPlain, isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect as connectSecure, TLSSocket } from 'node:tls';
import type { Endpoint } from './address.ts';
import { describeEndpoint } from './address.ts';
import { ReplicaError } from './errors.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import type { LinkSocket, LinkSocketListener, TlsOptions } from './transport.ts';

/** Opens a socket of the system's: the transport that is taken where none is named. */
export function openSocket(
  endpoint: Endpoint,
  tls: TlsOptions,
  listener: LinkSocketListener,
): LinkSocket {
  const buffer = new ReceiveBuffer();
  const socket = connect(endpoint, tls, {
    buffer: () => buffer.room(),
    callback: (length) => {
      listener.onBytes(buffer.took(length));
      return true;
    },
  });
  const connected = endpoint.kind === 'tls' ? 'secureConnect' : 'connect';
  socket.once(connected, () => listener.onConnect());
  socket.on('error', (error) => listener.onError(error));
  socket.once('close', () => listener.onClose());
  return {
    get writable() {
      return socket.writable;
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
    destroy: () => void socket.destroy(),
  };
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
      if (endpoint.kind === 'tls') {
        return new ReplicaError('TLS', `no secure link to ${where}: ${tlsFault(error)}`, cause);
      }
      const message = `the link to ${where} failed: ${error.code ?? error.message}`;
      return new ReplicaError('LINK_LOST', message, cause);
    }
  }
}

const NAME_THE_CA = 'name the CA that signed it (ca; --cacert)';

/** What to do about a link that could not be secured, by the error's code. */
const TLS_ADVICE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: NAME_THE_CA,
  SELF_SIGNED_CERT_IN_CHAIN: NAME_THE_CA,
  UNABLE_TO_GET_ISSUER_CERT: NAME_THE_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NAME_THE_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NAME_THE_CA,
  ERR_TLS_CERT_ALTNAME_INVALID: 'name the one it bears (servername; --sni)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS is spoken there: take its TLS port, or redis://',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'give a client certificate (cert and key; --cert, --key)',
};

function tlsFault(error: NodeJS.ErrnoException & { readonly reason?: string }): string {
  const advice = TLS_ADVICE[error.code ?? ''];
  // OpenSSL's messages are several lines of its own sources' places, its reasons are not.
  const fault = error.reason ?? error.message.trim();
  return advice === undefined ? fault : `${fault}; ${advice}`;
}
