import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeEndpoint } from '@forebay/replica';
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

/** Answers one path. The answer is ended by it, now or later. */
export type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** A server with few paths, which takes no body and changes nothing. */
export class HttpServer {
  readonly #server: Server;
  readonly #host: string;

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.#host = host;
  }

  /** @throws {NodeJS.ErrnoException} where the address cannot be listened on */
  static async listen(
    host: string,
    port: number,
    routes: ReadonlyMap<string, Route>,
  ): Promise<HttpServer> {
    const options = {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: HEADERS_TIME,
      requestTimeout: REQUEST_TIME,
      connectionsCheckingInterval: CHECK_TIME,
      keepAliveTimeout: KEEP_ALIVE,
    };
    const isLocal = isLoopback(host);
    const server = createServer(options, (request, response) =>
      answer(request, response, routes, isLocal),
    );
    server.maxConnections = CONNECTIONS;
    server.maxHeadersCount = HEADER_COUNT;
    server.timeout = SILENCE;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return new HttpServer(server, host);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    const { port } = this;
    return `http://${describeEndpoint({ kind: 'tcp', host: this.#host, port })}/`;
  }

  /** Resolves when nobody is served any more: whoever is connected is cut off. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
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
): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const refusal = refusalOf(request, isLocal);
  if (refusal !== undefined) {
    // What else comes over the connection may be a body, which nobody reads.
    const { status, reason } = refusal;
    const allow: Record<string, string> = status === 405 ? { Allow: 'GET, HEAD' } : {};
    send(response, status, `${reason}\n`, { Connection: 'close', ...allow });
    return;
  }
  const [path = ''] = (request.url ?? '').split('?', 1);
  const route = routes.get(path);
  if (route === undefined) send(response, 404, 'there is nothing here\n');
  else route(request, response);
}
