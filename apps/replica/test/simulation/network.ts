import type { LinkSocket, LinkSocketListener, ReplicaOptions } from '@forebay/replica';
import { CommandCursor } from '@forebay/resp';
import type { Random } from '@forebay/testkit';
import { bytesOf, concatBytes } from '@forebay/testkit';
import type { Chances } from './chances.ts';
import type { ProcessClock } from './process-clock.ts';
import type { SimulatedServer } from './server.ts';

type Transport = NonNullable<ReplicaOptions['transport']>;

/** Events of the links to the primaries. */
export interface NetworkEvents {
  /** A server was asked to continue, and answered with a full resync. `rdbOnly`: a snapshot was requested. */
  onFull(server: SimulatedServer, rdbOnly: boolean): void;
  /** The daemon has just sent an acknowledgement. */
  onAckSent(written: number, synced: number | undefined): void;
  /** The stream was delivered up to an offset. */
  onArrival(offset: number): void;
  /** A server is asked for INFO. */
  onReport(server: SimulatedServer): void;
}

/** Connections between the daemon and the servers, with delays, splits and cuts. */
export class SimulatedNetwork {
  readonly #chances: Chances;
  readonly #servers: ReadonlyMap<string, SimulatedServer>;
  readonly #events: NetworkEvents;
  readonly #open = new Set<Connection>();
  #connections = 0;
  /** A fault planted in the model, to test that failures are found: a resumed stream begins one byte too late. */
  skipsByteOnResume = false;

  constructor(chances: Chances, servers: readonly SimulatedServer[], events: NetworkEvents) {
    this.#chances = chances;
    this.#servers = new Map(servers.map((server) => [server.name, server]));
    this.#events = events;
  }

  /** The transport of the process that has this clock. */
  transport(clock: ProcessClock): Transport {
    return (endpoint, _, listener) => {
      const host = endpoint.kind === 'unix' ? endpoint.path : endpoint.host;
      const random = this.#chances.of('connection', this.#connections++);
      const connection = new Connection(this.#servers.get(host), listener, {
        random,
        clock,
        events: this.#events,
        skipsByteOnResume: this.skipsByteOnResume,
        onClosed: () => this.#open.delete(connection),
      });
      this.#open.add(connection);
      return connection;
    };
  }

  /** Cuts connections: those to one server, or all. */
  cut(server?: SimulatedServer): void {
    for (const each of this.#open) if (server === undefined || each.server === server) each.cut();
  }

  /** The process is gone, and its connections with it. */
  crash(): void {
    this.#open.clear();
  }
}

/** Milliseconds after which a server with nothing to send checks for new bytes. */
const IDLE = 50;

const ACK = /\r\nACK\r\n\$\d+\r\n(\d+)\r\n(?:\$4\r\nFACK\r\n\$\d+\r\n(\d+)\r\n)?/g;

interface ConnectionHost {
  readonly random: Random;
  readonly clock: ProcessClock;
  readonly events: NetworkEvents;
  readonly skipsByteOnResume: boolean;
  onClosed(): void;
}

/** One connection, with the server's side of it. */
class Connection implements LinkSocket {
  readonly server: SimulatedServer | undefined;
  readonly #listener: LinkSocketListener;
  readonly #host: ConnectionHost;
  readonly #cursor = new CommandCursor();
  #toSend: Uint8Array = new Uint8Array(0);
  /** Offset of the stream up to which bytes were added to `#toSend`; undefined before the stream. */
  #streamed: number | undefined;
  #rdbOnly = false;
  #lastWords = false;
  #awaitsAck = false;
  #paused = false;
  #closed = false;
  #idle = false;
  /** When the last written bytes arrive. */
  #lastArrival = 0;
  /** The stream that it sends; the server has another one after its own full resync. */
  #stream: SimulatedServer['stream'] | undefined;

  constructor(
    server: SimulatedServer | undefined,
    listener: LinkSocketListener,
    host: ConnectionHost,
  ) {
    this.server = server;
    this.#listener = listener;
    this.#host = host;
    this.#later(() => {
      if (server?.running) {
        listener.onConnect();
        this.#pump();
      } else this.#fail('ECONNREFUSED');
    });
  }

  get writable(): boolean {
    return !this.#closed;
  }

  write(bytes: Uint8Array): void {
    const copy = bytes.slice();
    const text = Buffer.from(copy).toString('latin1');
    for (const ack of text.matchAll(ACK)) {
      this.#host.events.onAckSent(
        Number(ack[1]),
        ack[2] === undefined ? undefined : Number(ack[2]),
      );
    }
    this.#later(() => this.#receive(copy));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  release(): void {}

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.clock.after(1, () => this.#close());
  }

  cut(): void {
    if (!this.#closed) this.#fail('ECONNRESET');
  }

  #fail(code: string): void {
    this.#closed = true;
    this.#listener.onError(Object.assign(new Error(code), { code }));
    this.#close();
  }

  #close(): void {
    this.#host.onClosed();
    this.#listener.onClose();
  }

  /** In the order of the requests. */
  #later(run: () => void): void {
    const { clock, random } = this.#host;
    const now = clock.elapsed();
    this.#lastArrival = Math.max(this.#lastArrival, now + random.pick([1, 1, 5, 40]));
    clock.after(this.#lastArrival - now, () => {
      if (!this.#closed) run();
    });
  }

  #receive(bytes: Uint8Array): void {
    const { server } = this;
    if (server === undefined || !server.running) {
      this.cut();
      return;
    }
    this.#cursor.push(bytes);
    while (!this.#closed && this.#cursor.next()) {
      const words = Array.from({ length: this.#cursor.argumentCount }, (_, i) =>
        this.#cursor.argumentText(i),
      );
      this.#onCommand(server, words);
    }
  }

  #onCommand(server: SimulatedServer, [name = '', option = '', ...words]: string[]): void {
    if (option.toUpperCase() === 'ACK') {
      this.#awaitsAck = false;
      return;
    }
    switch (name.toUpperCase()) {
      case 'PING':
        this.#send(bytesOf('+PONG\r\n'));
        break;
      case 'INFO': {
        this.#host.events.onReport(server);
        const report = server.report();
        this.#send(bytesOf(`$${report.length}\r\n${report}\r\n`));
        break;
      }
      case 'REPLCONF':
        if (option === 'rdb-only') this.#rdbOnly = true;
        this.#send(bytesOf('+OK\r\n'));
        break;
      case 'PSYNC':
        this.#onPsync(server, option, Number(words[0]));
    }
  }

  #onPsync(server: SimulatedServer, id: string, asked: number): void {
    const answer = server.answer(id, asked);
    if (answer.type === 'later') {
      this.#send(bytesOf('-NOMASTERLINK no link\r\n'));
      return;
    }
    this.#stream = server.stream;
    if (answer.type === 'continue') {
      this.#send(bytesOf(`+CONTINUE ${server.id}\r\n`));
      this.#streamed = answer.from + (this.#host.skipsByteOnResume ? 1 : 0);
      return;
    }
    this.#host.events.onFull(server, this.#rdbOnly);
    const rdb = server.snapshot();
    const line = `+FULLRESYNC ${server.id} ${answer.from}\r\n`;
    const mark = 'm'.repeat(40);
    const marked = this.#host.random.integer(0, 1) === 1;
    const payload = marked
      ? concatBytes([bytesOf(`$EOF:${mark}\r\n`), rdb, bytesOf(mark)])
      : concatBytes([bytesOf(`$${rdb.length}\r\n`), rdb]);
    this.#send(concatBytes([bytesOf(line), payload]));
    this.#lastWords = this.#rdbOnly;
    this.#awaitsAck = marked;
    if (!this.#rdbOnly) this.#streamed = answer.from;
  }

  #send(bytes: Uint8Array): void {
    this.#toSend = concatBytes([this.#toSend, bytes]);
  }

  /** Sends what there is, in pieces, now and then. */
  #pump(): void {
    const { random, clock } = this.#host;
    clock.after(this.#idle ? IDLE : random.pick([1, 3, 20]), () => {
      if (this.#closed) return;
      this.#idle = this.#paused || !this.#sendSome();
      if (!this.#closed) this.#pump();
    });
  }

  /** Whether there was anything to send. */
  #sendSome(): boolean {
    const { random, events } = this.#host;
    const { server } = this;
    const stream = this.#stream ?? server?.stream;
    if (server?.stream !== stream) {
      this.cut();
      return false;
    }
    if (this.#toSend.length === 0 && this.#streamed !== undefined && !this.#awaitsAck) {
      const to = this.#streamed + random.pick([1, 7, 50, 1000]);
      this.#send(stream!.slice(this.#streamed, to));
      this.#streamed += this.#toSend.length;
    }
    if (this.#toSend.length === 0) {
      if (this.#lastWords) this.cut();
      return false;
    }
    const length = random.pick([1, 10, 100, this.#toSend.length]);
    const piece = this.#toSend.slice(0, length);
    this.#toSend = this.#toSend.slice(length);
    if (this.#streamed !== undefined) {
      events.onArrival(this.#streamed - this.#toSend.length);
    }
    this.#listener.onBytes(piece);
    return true;
  }
}
