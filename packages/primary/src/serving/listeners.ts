import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Server as SecureServer, TLSSocket } from 'node:tls';
import { createServer as createSecureServer } from 'node:tls';
import { PrimaryError } from '../errors.ts';

/** Where to listen. */
export interface ListenOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** Whether connections are secured, by what `secure` was given last; false by default. */
  readonly tls?: boolean;
}

/** How connections are secured; PEM text throughout. */
export interface SecureOptions {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** What the key is encrypted with (`tls-key-file-pass`). */
  readonly passphrase?: string;
  /** Who certifies clients. */
  readonly ca?: string | Buffer;
  /** Whether clients need a certificate (`tls-auth-clients`); one that is given has to be good. */
  readonly clientCertificates: 'required' | 'optional' | 'none';
}

/** What listeners are told by, and tell. */
export interface ListenersHost {
  /** Connections at once. */
  readonly most: number;
  /** Milliseconds that a handshake may take. */
  readonly patience: number;
  /** One more came than there may be; undefined: it could not read what it is told. */
  onCrowded(socket: Socket | undefined): void;
  onConnection(socket: Socket): void;
}

/** Bytes that a socket of a replica holds before it is asked to wait. */
const SOCKET_BUFFER = 256 * 1024;

/** The addresses that are listened on. */
export class Listeners {
  readonly #host: ListenersHost;
  readonly #servers: Server[] = [];
  /** Every connection, whether it has become a client yet or is still in its handshake. */
  readonly #sockets = new Set<Socket>();
  /** Listens on nothing: it is handed each socket, so that the next may be another. */
  #secured: SecureServer | undefined;

  constructor(host: ListenersHost) {
    this.#host = host;
  }

  /** The port of the first address. @throws {PrimaryError} `MISUSE` before `listen` */
  get port(): number {
    const [first] = this.#servers;
    if (first === undefined) throw new PrimaryError('MISUSE', 'nothing is listened on');
    return (first.address() as AddressInfo).port;
  }

  /** How connections are secured from now on; those that stand stay as they are. */
  secure(options: SecureOptions): void {
    this.#secured = this.#securedBy(options);
  }

  /** Returns the port. @throws {PrimaryError} `NOT_LISTENING` @throws {PrimaryError} `MISUSE` */
  async listen({ port = 0, host = '127.0.0.1', tls = false }: ListenOptions): Promise<number> {
    if (tls && this.#secured === undefined) throw new PrimaryError('MISUSE', 'no certificate');
    const onSocket = (socket: Socket): void => this.#accept(socket, tls);
    const server = createServer({ highWaterMark: SOCKET_BUFFER, noDelay: true }, onSocket);
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const message = `${host}:${port} cannot be listened on: ${cause.message}`;
        reject(new PrimaryError('NOT_LISTENING', message, cause));
      };
      server.once('error', onError);
      // All of IPv6 is not all of IPv4 too, which has an address of its own (`anet.c: anetV6Only`).
      server.listen({ port, host, ipv6Only: true }, () => {
        server.off('error', onError);
        // A connection that cannot be taken now is tried again by who asked.
        server.on('error', () => {});
        resolve();
      });
    });
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** Resolves when every connection has ended, too. */
  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #accept(socket: Socket, isSecured: boolean): void {
    // Lost connections are no more than that.
    socket.on('error', () => {});
    if (this.#sockets.size >= this.#host.most) {
      this.#host.onCrowded(isSecured ? undefined : socket);
      if (isSecured) socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (isSecured) this.#secured?.emit('connection', socket);
    else this.#host.onConnection(socket);
  }

  #securedBy({ clientCertificates, ...pem }: SecureOptions): SecureServer {
    const options = {
      ...pem,
      requestCert: clientCertificates !== 'none',
      rejectUnauthorized: clientCertificates === 'required',
      handshakeTimeout: this.#host.patience,
    };
    const secured = createSecureServer(options, (socket) => {
      if (clientCertificates === 'optional' && isDisproved(socket)) socket.destroy();
      else this.#host.onConnection(socket);
    });
    return secured.on('tlsClientError', (_, socket) => socket.destroy());
  }
}

/** A certificate was given, and is none of the authority's. */
function isDisproved(socket: TLSSocket): boolean {
  return !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0;
}
