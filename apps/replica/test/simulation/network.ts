import type { LinkSocket, LinkSocketListener, ReplicaOptions } from '@forebay/replica';
import { CommandCursor } from '@forebay/resp';
import type { Random, SimulatedClock } from '@forebay/testkit';
import { bytesOf, concatBytes } from '@forebay/testkit';
import type { SimulatedServer } from './server.ts';

type Transport = NonNullable<ReplicaOptions['transport']>;

/** Who watches what passes. */
export interface NetworkEvents {
  /** A server was asked to go on, and answered with a full copy. `rdbOnly`: that was asked for. */
  onFull(server: SimulatedServer, rdbOnly: boolean): void;
  /** The client acknowledges, in this moment. */
  onAckSent(written: number, synced: number | undefined): void;
}

/** Connections between one client and the servers, with delays, splits and cuts. */
export class SimulatedNetwork {
  readonly #random: Random;
  readonly #clock: SimulatedClock;
  readonly #servers: ReadonlyMap<string, SimulatedServer>;
  readonly #events: NetworkEvents;
  readonly #open = new Set<Connection>();
  #generation = 0;

  constructor(
    random: Random,
    clock: SimulatedClock,
    servers: readonly SimulatedServer[],
    events: NetworkEvents,
  ) {
    this.#random = random;
    this.#clock = clock;
    this.#servers = new Map(servers.map((server) => [server.name, server]));
    this.#events = events;
  }

  /** How the process that runs now opens connections. */
  transport(): Transport {
    const generation = this.#generation;
    return (endpoint, _, listener) => {
      const host = endpoint.kind === 'unix' ? endpoint.path : endpoint.host;
      const alive = () => generation === this.#generation;
      const server = this.#servers.get(host);
      const connection = new Connection(server, listener, {
        ...{ random: this.#random, clock: this.#clock, events: this.#events, alive },
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
    this.#generation++;
    this.#open.clear();
  }
}

const ACK = /\r\nACK\r\n\$\d+\r\n(\d+)\r\n(?:\$4\r\nFACK\r\n\$\d+\r\n(\d+)\r\n)?/g;

interface ConnectionHost {
  readonly random: Random;
  readonly clock: SimulatedClock;
  readonly events: NetworkEvents;
  readonly alive: () => boolean;
  onClosed(): void;
}

/** One connection, with the server's side of it. */
class Connection implements LinkSocket {
  readonly server: SimulatedServer | undefined;
  readonly #listener: LinkSocketListener;
  readonly #host: ConnectionHost;
  readonly #cursor = new CommandCursor();
  #toSend: Uint8Array = new Uint8Array(0);
  /** Up to where the stream has been sent; undefined while none is. */
  #streamed: number | undefined;
  #rdbOnly = false;
  #lastWords = false;
  #awaitsAck = false;
  #paused = false;
  #closed = false;
  #stopPump: () => void = () => {};
  /** The stream that it sends from; another one after the server was given a full copy itself. */
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
    this.#stopPump();
    queueMicrotask(() => this.#close());
  }

  cut(): void {
    if (!this.#closed) this.#fail('ECONNRESET');
  }

  #fail(code: string): void {
    this.#closed = true;
    this.#stopPump();
    this.#listener.onError(Object.assign(new Error(code), { code }));
    this.#close();
  }

  #close(): void {
    this.#host.onClosed();
    if (this.#host.alive()) this.#listener.onClose();
  }

  #later(run: () => void): void {
    this.#host.clock.after(this.#host.random.pick([1, 1, 5, 40]), () => {
      if (!this.#closed && this.#host.alive()) run();
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
      this.#streamed = answer.from;
      return;
    }
    this.#host.events.onFull(server, this.#rdbOnly);
    const rdb = rdbOf(server.stream.database);
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
    this.#stopPump = clock.after(random.pick([1, 3, 20]), () => {
      if (this.#closed || !this.#host.alive()) return;
      if (!this.#paused) this.#sendSome();
      if (!this.#closed) this.#pump();
    });
  }

  #sendSome(): void {
    const { random } = this.#host;
    const stream = this.#stream ?? this.server?.stream;
    if (this.server?.stream !== stream) {
      this.cut();
      return;
    }
    if (this.#toSend.length === 0 && this.#streamed !== undefined && !this.#awaitsAck) {
      const to = this.#streamed + random.pick([1, 7, 50, 1000]);
      this.#send(stream!.slice(this.#streamed, to));
      this.#streamed += this.#toSend.length;
    }
    if (this.#toSend.length > 0) {
      const length = random.pick([1, 10, 100, this.#toSend.length]);
      const piece = this.#toSend.slice(0, length);
      this.#toSend = this.#toSend.slice(length);
      this.#listener.onBytes(piece);
    } else if (this.#lastWords) this.cut();
  }
}

/** An RDB without keys, of a stream in this database. */
function rdbOf(database: number): Uint8Array {
  const text = (word: string): string => String.fromCharCode(word.length) + word;
  const aux = `\xfa${text('repl-stream-db')}${text(String(database))}`;
  return bytesOf(`REDIS0009${aux}\xff\0\0\0\0\0\0\0\0`);
}
