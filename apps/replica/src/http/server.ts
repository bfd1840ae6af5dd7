import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { describeEndpoint } from '@forebay/replica';
import type { Access } from './guard.ts';
import { HEADERS, isLoopback, refusalOf } from './guard.ts';

/** Connections at once; more are closed as they come. */
const CONNECTIONS = 256;
/** Bytes and number of a request's headers. */
const HEADER_BYTES = 8 * 1024;
const HEADER_COUNT = 64;
/** Milliseconds in which headers have to be there, and the request; and how often that is looked at. */
const HEADERS_TIME = 5000;
const REQUEST_TIME = 10_000;
const CHECK_TIME = 1000;
/** Milliseconds that a connection may be idle between two requests, and that any may be silent. */
const KEEP_ALIVE = 5000;
const SILENCE = 30_000;

const LIMITS = {
  maxHeaderSize: HEADER_BYTES,
  headersTimeout: HEADERS_TIME,
  requestTimeout: REQUEST_TIME,
  connectionsCheckingInterval: CHECK_TIME,
  keepAliveTimeout: KEEP_ALIVE,
  handshakeTimeout: HEADERS_TIME,
};

/** Answers one path. The answer is ended by it, now or later. */
export type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** Certificate and key of a server, as PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** Access rules and the certificate. */
export interface HttpServerOptions extends Access {
  /** Undefined: without TLS. */
  readonly secure: Certified | undefined;
}

/** A server with few paths, which takes no body and changes nothing. */
export class HttpServer {
  readonly #server: Server | SecureServer;
  readonly #host: string;
  /** Includes connections during the TLS handshake. */
  readonly #sockets = new Set<Socket>();
  #options: HttpServerOptions;

  private constructor(
    host: string,
    routes: ReadonlyMap<string, Route>,
    options: HttpServerOptions,
  ) {
    this.#host = host;
    this.#options = options;
    const isLocal = isLoopback(host);
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      answer(request, response, routes, isLocal, this.#options);
    this.#server =
      options.secure === undefined
        ? createServer(LIMITS, onRequest)
        : createSecureServer({ ...LIMITS, ...options.secure }, onRequest);
    this.#server.maxConnections = CONNECTIONS;
    this.#server.maxHeadersCount = HEADER_COUNT;
    this.#server.timeout = SILENCE;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** @throws {NodeJS.ErrnoException} where the address cannot be listened on */
  static async listen(
    host: string,
    port: number,
    routes: ReadonlyMap<string, Route>,
    options: HttpServerOptions,
  ): Promise<HttpServer> {
    const made = new HttpServer(host, routes, options);
    const server = made.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return made;
  }

  /** Takes another access list, password and certificate. Whether there is TLS stays. */
  adopt(options: HttpServerOptions): void {
    const { secure: before } = this.#options;
    this.#options = options;
    const { secure } = options;
    if (secure === undefined || isDeepStrictEqual(secure, before)) return;
    if ('setSecureContext' in this.#server) this.#server.setSecureContext({ ...secure });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    const { port } = this;
    const scheme = this.#options.secure === undefined ? 'http' : 'https';
    return `${scheme}://${describeEndpoint({ kind: 'tcp', host: this.#host, port })}/`;
  }

  /** Resolves when nobody is served any more: whoever is connected is cut off. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Ends an answer with a text. */
export function send(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
    'Content-Type': 'text/plain; charset=utf-8',
    ...headers,
  });
  // To HEAD, Node sends none of it.
  response.end(body);
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, Route>,
  isLocal: boolean,
  access: Access,
): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const [path = ''] = (request.url ?? '').split('?', 1);
  const refusal = refusalOf(request, path, isLocal, access);
  if (refusal !== undefined) {
    // What else comes over the connection may be a body, which nobody reads.
    const { status, reason, headers } = refusal;
    send(response, status, `${reason}\n`, { Connection: 'close', ...headers });
    return;
  }
  const route = routes.get(path);
  if (route === undefined) send(response, 404, 'there is nothing here\n');
  else route(request, response);
}
