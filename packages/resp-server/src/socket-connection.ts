import type { Socket } from 'node:net';
import type { Connection, ConnectionListener } from './connection.ts';

/** A TCP or TLS socket as a `Connection`. */
export class SocketConnection implements Connection {
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly localHost: string;
  readonly localPort: number;
  readonly #socket: Socket;
  #listener: ConnectionListener | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remoteHost = printableHost(socket.remoteAddress);
    this.remotePort = socket.remotePort ?? 0;
    this.localHost = printableHost(socket.localAddress);
    this.localPort = socket.localPort ?? 0;
    // The event 'close' follows; the peer requests lost bytes again.
    socket.on('error', () => {});
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  listen(listener: ConnectionListener): void {
    const isFirst = this.#listener === undefined;
    this.#listener = listener;
    if (!isFirst) return;
    this.#socket.on('data', (bytes) => this.#listener?.onBytes(bytes));
    this.#socket.once('close', () => this.#listener?.onClose());
  }

  write(bytes: Uint8Array, onFlushed?: () => void): void {
    this.#socket.write(bytes, onFlushed);
  }

  drained(): Promise<void> {
    const socket = this.#socket;
    if (!socket.writableNeedDrain || socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        socket.off('drain', settle);
        socket.off('close', settle);
        resolve();
      };
      socket.on('drain', settle);
      socket.on('close', settle);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(onFlushed?: () => void): void {
    this.#socket.end(onFlushed);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** An IPv4 address in its own notation, even on a socket for IPv4 and IPv6. */
function printableHost(host = '127.0.0.1'): string {
  return host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : host;
}
