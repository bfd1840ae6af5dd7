import type { Server as Listener, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Server } from '@forebay/conformance';

/** Bytes of a connection's beginning that are remembered. */
const HEAD = 16 * 1024;

type Address = Pick<Server, 'host' | 'port'>;

/** Where connections are to be cut, one after another, and what came of it. */
export class CutPlan {
  readonly #places: number[] = [];
  /** Places of connections that have not come to them yet. */
  #ahead = 0;
  #cuts = 0;
  #givenBack = 0;
  #onChange: (() => void)[] = [];

  /** Connections that were cut so far. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Connections that the replica itself has ended before their place was come to. */
  get givenBack(): number {
    return this.#givenBack;
  }

  /** Cuts further connections, each after so many bytes from the primary. */
  add(places: readonly number[]): void {
    this.#places.push(...places);
  }

  /** Resolves when so many were cut. */
  async cut(times: number): Promise<void> {
    while (this.#cuts < times) await this.#changed();
  }

  /** The place for the next connection; undefined where it is not to be cut. */
  async take(): Promise<number | undefined> {
    // Another connection may be about to give its place back: this one would then be let through.
    while (this.#places.length === 0 && this.#ahead > 0) await this.#changed();
    const place = this.#places.shift();
    if (place !== undefined) this.#ahead++;
    return place;
  }

  /** The replica has left too early: the next connection is for this place. */
  giveBack(place: number): void {
    this.#givenBack++;
    this.#ahead--;
    this.#places.unshift(place);
    this.#wake();
  }

  done(): void {
    this.#cuts++;
    this.#ahead--;
    this.#wake();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#onChange.splice(0)) wake();
  }
}

/** A relay on loopback that ends connections exactly where a plan says. */
export class CuttingProxy implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly #listener: Listener;
  readonly #sockets = new Set<Socket>();
  #head: Uint8Array = new Uint8Array(0);

  private constructor(listener: Listener) {
    this.#listener = listener;
  }

  static async listen(primary: Address, plan: CutPlan): Promise<CuttingProxy> {
    const listener = createServer((replica) => void proxy.#relay(replica, primary, plan));
    const proxy = new CuttingProxy(listener);
    await new Promise<void>((resolve) => listener.listen(0, proxy.host, resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** What the primary said first on the latest connection, a character a byte. */
  get head(): string {
    return Buffer.from(this.#head).toString('latin1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #relay(replica: Socket, { host, port }: Address, plan: CutPlan): Promise<void> {
    this.#hold(replica);
    const place = await plan.take();
    const primary = this.#hold(connect({ host, port }));
    if (replica.closed) primary.destroy();
    replica.once('close', () => primary.destroy());
    primary.once('close', () => replica.end());
    this.#head = new Uint8Array(0);
    primary.on('data', (bytes) => {
      if (this.#head.length < HEAD) this.#head = Buffer.concat([this.#head, bytes]);
    });
    replica.pipe(primary);
    if (place === undefined) primary.pipe(replica);
    else relayUpTo(place, primary, replica, plan);
  }

  #hold(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // Links that are lost are what this is for.
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/** Passes on `place` bytes, and not one more. */
function relayUpTo(place: number, primary: Socket, replica: Socket, plan: CutPlan): void {
  let left = place;
  let cut = false;
  const end = (bytes: Uint8Array): void => {
    cut = true;
    replica.unpipe(primary);
    primary.destroy();
    // What the replica says is still read: a reset would take back what it has not read itself.
    replica.resume();
    replica.end(bytes, () => plan.done());
  };
  const tooEarly = (): void => {
    if (!cut) plan.giveBack(place);
  };
  if (replica.closed) {
    tooEarly();
    return;
  }
  replica.once('close', tooEarly);
  if (place === 0) {
    end(new Uint8Array(0));
    return;
  }
  primary.on('data', (bytes) => {
    if (cut) return;
    if (bytes.length >= left) return end(bytes.subarray(0, left));
    left -= bytes.length;
    if (!replica.write(bytes)) primary.pause();
  });
  replica.on('drain', () => primary.resume());
}
