import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Server as SecureServer, TLSSocket } from 'node:tls';
import { createServer as createSecureServer } from 'node:tls';
import type { Connection } from './connection.ts';
import { RespServerError } from './errors.ts';
import { SocketConnection } from './socket-connection.ts';

/** Where to listen. */
export interface ListenOptions {
  /** 0 by default: any free one. */
  readonly port?: number;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** Whether connections use TLS, with the certificates that `secure` was given last; false by default. */
  readonly tls?: boolean;
}

/** Certificates for TLS, as PEM text. */
export interface SecureOptions {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** The passphrase of the key (`tls-key-file-pass`). */
  readonly passphrase?: string;
  /** The authority of client certificates. */
  readonly ca?: string | Buffer;
  /** Whether clients need a certificate (`tls-auth-clients`); an optional one must be valid if it is given. */
  readonly clientCertificates: 'required' | 'optional' | 'none';
}

/** What listeners need for each connection, and its receiver. */
export interface ListenersOptions {
  /** Milliseconds that a TLS handshake may take. */
  handshakeTimeout(): number;
  /** Milliseconds of silence after which the system probes the peer; 0: never. */
  keepAlive(): number;
  /** Whether there are as many connections as allowed. */
  isFull(): boolean;
  /** A connection above the limit; undefined if the peer cannot read a message yet. */
  onRefused(connection: Connection | undefined): void;
  onConnection(connection: Connection): void;
}

/** Bytes that a socket buffers before its writer should wait. */
const SOCKET_BUFFER = 256 * 1024;

/** Listens on addresses, with and without TLS. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #servers: Server[] = [];
  /** Every connection, in a TLS handshake or after it. */
  readonly #sockets = new Set<Socket>();
  /** Does not listen: it is given each socket, so that the certificates can change. */
  #secured: SecureServer | undefined;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** The port of the first address. @throws {RespServerError} `MISUSE` before `listen` */
  get port(): number {
    const [first] = this.#servers;
    if (first === undefined) throw new RespServerError('MISUSE', 'nothing is listened on');
    return (first.address() as AddressInfo).port;
  }

  /** Connections of all addresses, those in a TLS handshake included. */
  get count(): number {
    return this.#sockets.size;
  }

  /** Sets the certificates of later connections. */
  secure(options: SecureOptions): void {
    this.#secured = this.#securedBy(options);
  }

  /** Returns the port. @throws {RespServerError} `NOT_LISTENING` @throws {RespServerError} `MISUSE` */
  async listen({ port = 0, host = '127.0.0.1', tls = false }: ListenOptions): Promise<number> {
    if (tls && this.#secured === undefined) throw new RespServerError('MISUSE', 'no certificate');
    const onSocket = (socket: Socket): void => this.#accept(socket, tls);
    const server = createServer({ highWaterMark: SOCKET_BUFFER, noDelay: true }, onSocket);
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const message = `${host}:${port} cannot be listened on: ${cause.message}`;
        reject(new RespServerError('NOT_LISTENING', message, cause));
      };
      server.once('error', onError);
      // `::` is not 0.0.0.0 too (`anet.c: anetV6Only`).
      server.listen({ port, host, ipv6Only: true }, () => {
        server.off('error', onError);
        // A connection could not be accepted: the client retries.
        server.on('error', () => {});
        resolve();
      });
    });
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** Closes all connections, and resolves when they are closed. */
  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #accept(socket: Socket, isSecured: boolean): void {
    // The event 'close' follows.
    socket.on('error', () => {});
    if (this.#options.isFull()) {
      this.#options.onRefused(isSecured ? undefined : new SocketConnection(socket));
      if (isSecured) socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const keepAlive = this.#options.keepAlive();
    if (keepAlive > 0) socket.setKeepAlive(true, keepAlive);
    if (isSecured) this.#secured?.emit('connection', socket);
    else this.#options.onConnection(new SocketConnection(socket));
  }

  #securedBy({ clientCertificates, ...pem }: SecureOptions): SecureServer {
    const options = {
      ...pem,
      requestCert: clientCertificates !== 'none',
      rejectUnauthorized: clientCertificates === 'required',
      handshakeTimeout: this.#options.handshakeTimeout(),
    };
    const secured = createSecureServer(options, (socket) => {
      if (clientCertificates === 'optional' && isDisproved(socket)) socket.destroy();
      else this.#options.onConnection(new SocketConnection(socket));
    });
    return secured.on('tlsClientError', (_, socket) => socket.destroy());
  }
}

/** A certificate was given, and it is not from the authority. */
function isDisproved(socket: TLSSocket): boolean {
  return !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0;
}
