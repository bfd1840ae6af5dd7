import { readFileSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ConformanceError } from '../errors.ts';
import type { Certificates } from '../servers/certificates.ts';
import { type ScriptedPeer, SocketPeer } from './peer.ts';

/** What a primary does on one connection; `connectionNumber` counts from 1. */
export type Script = (peer: ScriptedPeer, connectionNumber: number) => Promise<void>;

export interface ScriptedPrimaryOptions {
  /** A port to listen on, for one that comes back after a stop. Default: a free one. */
  readonly port?: number;
  /** Listen on this unix socket instead of a port. */
  readonly socketPath?: string;
  /** Speak TLS with the server's certificate of these. A client's one is asked for, not required. */
  readonly certificates?: Certificates;
}

/**
 * A primary that does what a script says, on 127.0.0.1, for tests of the replica's side. It accepts
 * any number of connections and runs the script on each. When a script returns, its connection stays
 * open: it is closed by the script (`cut`, `end`), by the replica, or at dispose.
 *
 * Errors of scripts are collected and thrown at dispose; a replica that closes while a script waits
 * for it (`PEER_CLOSED`) is not counted as one, for replicas reconnect as they see fit.
 */
export class ScriptedPrimary implements AsyncDisposable {
  readonly #server: NetServer;
  readonly #options: ScriptedPrimaryOptions;
  readonly #sockets = new Set<Socket>();
  readonly #errors: unknown[] = [];
  readonly #counted = new Set<() => void>();
  #connections = 0;
  #disposed = false;

  private constructor(script: Script, options: ScriptedPrimaryOptions) {
    this.#options = options;
    const onConnection = (socket: Socket): void => this.#accept(socket, script);
    const { certificates } = options;
    if (certificates === undefined) this.#server = createServer(onConnection);
    else {
      this.#server = createTlsServer(
        {
          ca: readFileSync(certificates.ca),
          key: readFileSync(certificates.serverKey),
          cert: readFileSync(certificates.serverCert),
          requestCert: true,
          rejectUnauthorized: false,
        },
        onConnection,
      );
    }
  }

  /** Listens, and runs `script` for each connection from now on. */
  static async listen(
    script: Script,
    options: ScriptedPrimaryOptions = {},
  ): Promise<ScriptedPrimary> {
    const primary = new ScriptedPrimary(script, options);
    const { port = 0, socketPath } = options;
    await new Promise<void>((resolve, reject) => {
      primary.#server.once('error', reject);
      const listening = (): void => resolve();
      if (socketPath !== undefined) primary.#server.listen(socketPath, listening);
      else primary.#server.listen(port, '127.0.0.1', listening);
    });
    return primary;
  }

  /** The port, 0 on a unix socket. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    const { socketPath, certificates } = this.#options;
    if (socketPath !== undefined) return `unix://${socketPath}`;
    return `${certificates === undefined ? 'redis' : 'rediss'}://127.0.0.1:${this.port}`;
  }

  /** How many connections came so far. */
  get connections(): number {
    return this.#connections;
  }

  /** What scripts failed with so far. */
  get errors(): readonly unknown[] {
    return this.#errors;
  }

  /** Resolves when `count` connections have come, however long that takes. */
  async connected(count: number): Promise<void> {
    while (this.#connections < count) {
      await new Promise<void>((resolve) => this.#counted.add(resolve));
    }
  }

  /**
   * Cuts every connection and stops listening.
   *
   * @throws {ConformanceError} `SCRIPT_FAILED` with what the scripts threw
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    if (this.#errors.length === 0) return;
    const detail = this.#errors.map(String).join('\n');
    const errors = this.#errors;
    throw new ConformanceError('SCRIPT_FAILED', 'a script failed', { detail, errors });
  }

  #accept(socket: Socket, script: Script): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#connections++;
    const peer = new SocketPeer(socket);
    script(peer, this.#connections).catch((error: unknown) => {
      const left = error instanceof ConformanceError && error.code === 'PEER_CLOSED';
      if (!left && !this.#disposed) this.#errors.push(error);
      peer.cut();
    });
    for (const resolve of this.#counted) resolve();
    this.#counted.clear();
  }
}
