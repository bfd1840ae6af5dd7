import type { Random } from './random.ts';

/** The time of a simulated link, such as `SimulatedClock`. */
interface Timers {
  after(milliseconds: number, run: () => void): unknown;
}

export interface SimulatedLinkOptions {
  readonly clock: Timers;
  /** Draws delays and where bytes are split; without it each delay is `delay` and bytes are not split. */
  readonly random?: Random;
  /** The longest delay of bytes in milliseconds; 1 by default. */
  readonly delay?: number;
  /** Size of the system's buffer between a sender and a receiver, in bytes; 256 KiB by default. */
  readonly systemBuffer?: number;
  /** Unsent bytes from which a sender should wait (`needsDrain`); 256 KiB by default. */
  readonly highWaterMark?: number;
  /** The address of the far end, which the near end sees as its remote address. */
  readonly remoteHost?: string;
  readonly remotePort?: number;
}

/** Receives the events of a simulated connection. */
interface Listener {
  onBytes(bytes: Uint8Array): void;
  onClose(): void;
}

/** Bytes given to `write`, of which the first `taken` have been passed to the system. */
interface Written {
  readonly bytes: Uint8Array;
  readonly onFlushed: (() => void) | undefined;
  taken: number;
}

const LOCAL = { host: '127.0.0.1', port: 6379 };
const DEFAULT_BUFFER = 256 * 1024;

/**
 * Two ends of a connection in memory, in simulated time. It behaves like a TCP connection of Node.js with
 * `allowHalfOpen` false: an end whose peer has ended ends as well.
 *
 * Written bytes are copied when the simulated system takes them, not before: a writer that reuses memory too early
 * sends wrong bytes, as on a real socket.
 */
export class SimulatedLink {
  readonly near: SimulatedConnection;
  readonly far: SimulatedConnection;

  constructor(options: SimulatedLinkOptions) {
    const { remoteHost = '127.0.0.1', remotePort = 50_000 } = options;
    const remote = { host: remoteHost, port: remotePort };
    this.near = new SimulatedConnection(options, LOCAL, remote);
    this.far = new SimulatedConnection(options, remote, LOCAL);
    pair(this.near, this.far);
  }

  /** Delivers nothing until `unstall`, in neither direction. */
  stall(): void {
    this.near.stall();
    this.far.stall();
  }

  unstall(): void {
    this.near.unstall();
    this.far.unstall();
  }

  /** Closes both ends at once; bytes in transit are lost. */
  cut(): void {
    this.near.destroy();
    this.far.destroy();
  }
}

let pair: (one: SimulatedConnection, other: SimulatedConnection) => void;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** One end of a `SimulatedLink`; has the shape of `Connection` in `@forebay/resp-server`. */
export class SimulatedConnection {
  static {
    pair = (one, other) => {
      one.#peer = other;
      other.#peer = one;
    };
  }

  readonly remoteHost: string;
  readonly remotePort: number;
  readonly localHost: string;
  readonly localPort: number;
  readonly #options: SimulatedLinkOptions;
  readonly #systemBuffer: number;
  readonly #highWaterMark: number;
  #peer!: SimulatedConnection;
  #listener: Listener | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** Not yet passed to the system, the oldest first. */
  readonly #queue: Written[] = [];
  #unsent = 0;
  #needsDrain = false;
  readonly #drainWaits: (() => void)[] = [];
  /** Number of bytes that the system has accepted and the peer has not read. */
  #inSystem = 0;
  /** Whether a pass to the system is due. */
  #passing = false;
  /** Delivered and not read: the listener is absent or paused, or the link is stalled. */
  readonly #received: Uint8Array[] = [];
  #paused = true;
  #stalled = false;
  #ending = false;
  /** The end of this direction has been passed to the system. */
  #ended = false;
  readonly #endWaits: (() => void)[] = [];
  /** The end of the other direction has arrived; it is read after `#received`. */
  #peerEnded = false;
  #peerEndRead = false;
  #closed = false;

  constructor(options: SimulatedLinkOptions, local: Address, remote: Address) {
    this.#options = options;
    this.#systemBuffer = options.systemBuffer ?? DEFAULT_BUFFER;
    this.#highWaterMark = options.highWaterMark ?? DEFAULT_BUFFER;
    this.localHost = local.host;
    this.localPort = local.port;
    this.remoteHost = remote.host;
    this.remotePort = remote.port;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  get unsent(): number {
    return this.#unsent;
  }

  get needsDrain(): boolean {
    return this.#needsDrain;
  }

  get closed(): boolean {
    return this.#closed;
  }

  listen(listener: Listener): void {
    const isFirst = this.#listener === undefined;
    this.#listener = listener;
    if (isFirst) this.resume();
  }

  write(bytes: Uint8Array, onFlushed?: () => void): void {
    if (this.#closed || this.#ending) {
      queueMicrotask(() => onFlushed?.());
      return;
    }
    this.#bytesWritten += bytes.length;
    this.#unsent += bytes.length;
    this.#queue.push({ bytes, onFlushed, taken: 0 });
    if (this.#unsent >= this.#highWaterMark) this.#needsDrain = true;
    this.#schedulePass();
  }

  drained(): Promise<void> {
    if (!this.#needsDrain || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drainWaits.push(resolve);
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#later(() => this.#read());
  }

  end(onFlushed?: () => void): void {
    if (onFlushed !== undefined) this.#endWaits.push(onFlushed);
    if (this.#closed || this.#ended) this.#settle(this.#endWaits);
    this.#ending = true;
    this.#schedulePass();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#received.length = 0;
    this.#unsent = 0;
    this.#settle(this.#queue.splice(0).map(({ onFlushed }) => onFlushed ?? (() => {})));
    this.#settle(this.#drainWaits);
    this.#settle(this.#endWaits);
    if (!this.#ended) {
      this.#ended = true;
      this.#later(() => this.#peer.#onPeerEnd());
    }
    queueMicrotask(() => this.#listener?.onClose());
  }

  /** This end reads nothing until `unstall`, as if the network were stalled. */
  stall(): void {
    this.#stalled = true;
  }

  unstall(): void {
    this.#stalled = false;
    this.#later(() => this.#read());
  }

  #later(run: () => void): void {
    const { clock, random, delay = 1 } = this.#options;
    clock.after(random === undefined ? delay : random.integer(1, Math.max(1, delay)), run);
  }

  #settle(waits: (() => void)[]): void {
    for (const wait of waits.splice(0)) queueMicrotask(wait);
  }

  #schedulePass(): void {
    if (this.#passing || this.#closed) return;
    this.#passing = true;
    this.#later(() => {
      this.#passing = false;
      this.#pass();
    });
  }

  /** Passes one piece to the system, which delivers it to the peer: the order of pieces is kept. */
  #pass(): void {
    if (this.#closed) return;
    const [first] = this.#queue;
    if (first === undefined) {
      this.#flushed();
      return;
    }
    const left = first.bytes.length - first.taken;
    const room = this.#systemBuffer - this.#inSystem;
    if (room === 0 && left > 0) {
      // The peer's reading passes the next; one that is closed reads no more, and resets the connection.
      if (this.#peer.#closed) this.destroy();
      return;
    }
    const most = Math.min(left, room);
    const random = this.#options.random;
    const length = random === undefined || most === 0 ? most : random.integer(1, most);
    const piece = first.bytes.slice(first.taken, first.taken + length);
    first.taken += length;
    this.#unsent -= length;
    this.#inSystem += length;
    if (first.taken === first.bytes.length) {
      this.#queue.shift();
      first.onFlushed?.();
    }
    this.#peer.#onArrival(piece);
    if (this.#unsent === 0) {
      this.#needsDrain = false;
      this.#settle(this.#drainWaits);
    }
    if (this.#queue.length > 0 || this.#ending) this.#schedulePass();
  }

  #flushed(): void {
    if (!this.#ending || this.#ended) return;
    this.#ended = true;
    this.#settle(this.#endWaits);
    this.#peer.#onPeerEnd();
    if (this.#peerEndRead) this.destroy();
  }

  #onArrival(bytes: Uint8Array): void {
    if (this.#closed) {
      // The peer is closed: a reset closes the sender.
      this.#later(() => this.#peer.destroy());
      return;
    }
    this.#received.push(bytes);
    this.#read();
  }

  #onPeerEnd(): void {
    this.#peerEnded = true;
    this.#read();
  }

  #read(): void {
    while (!this.#paused && !this.#stalled && !this.#closed) {
      const bytes = this.#received.shift();
      if (bytes === undefined) break;
      this.#bytesRead += bytes.length;
      this.#peer.#inSystem -= bytes.length;
      this.#peer.#schedulePass();
      if (bytes.length > 0) this.#listener?.onBytes(bytes);
    }
    if (this.#closed || this.#paused || this.#stalled || this.#received.length > 0) return;
    if (!this.#peerEnded || this.#peerEndRead) return;
    this.#peerEndRead = true;
    if (this.#ended) this.destroy();
    else this.end();
  }
}
