import type { Server as Listener, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Server } from '@forebay/conformance';

/** Passes on what a primary sends, at most so many bytes a second; or nothing at all. */
export class SlowProxy implements AsyncDisposable {
  readonly host = '127.0.0.1';
  /** Bytes a second from the primary, of each connection. */
  rate = Number.POSITIVE_INFINITY;
  /** Nobody is let through. */
  closed = false;
  readonly #listener: Listener;
  readonly #sockets = new Set<Socket>();

  private constructor(listener: Listener) {
    this.#listener = listener;
  }

  static async to(primary: Pick<Server, 'host' | 'port'>): Promise<SlowProxy> {
    const listener = createServer((socket) => proxy.#pass(socket, primary));
    const proxy = new SlowProxy(listener);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Cuts every connection that there is. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    this.cut();
    await closed;
  }

  #pass(below: Socket, primary: Pick<Server, 'host' | 'port'>): void {
    if (this.closed) {
      below.destroy();
      return;
    }
    const above = connect({ host: primary.host, port: primary.port });
    for (const [socket, other] of [
      [below, above],
      [above, below],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    below.pipe(above);
    above.on('data', (bytes) => {
      below.write(bytes);
      if (this.rate === Number.POSITIVE_INFINITY) return;
      above.pause();
      setTimeout(() => above.resume(), (1000 * bytes.length) / this.rate);
    });
  }
}
