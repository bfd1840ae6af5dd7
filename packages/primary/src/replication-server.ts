import { randomBytes } from 'node:crypto';
import type { Clock } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { Connection, ListenOptions, SecureOptions } from '@forebay/resp-server';
import { Listeners } from '@forebay/resp-server';
import { PrimaryError } from './errors.ts';
import type { LiveOptions, ReplicationServerOptions } from './options.ts';
import { authenticator } from './serving/authenticator.ts';
import { Channels } from './serving/channels.ts';
import { Client } from './serving/client.ts';
import type { CommandTable } from './serving/command.ts';
import type { Identity } from './serving/commands/command-host.ts';
import { commandTable } from './serving/commands/table.ts';
import type { ReplicaDescription } from './serving/served-replicas.ts';
import { ServedReplicas } from './serving/served-replicas.ts';
import { isSilent } from './serving/silence.ts';
import { StreamMessages } from './serving/stream-messages.ts';
import type { TrafficCounts } from './serving/traffic.ts';
import { Traffic } from './serving/traffic.ts';
import type { Source } from './source.ts';

export interface ServerCounts {
  /** Connected now; replicas are not counted. */
  readonly clients: number;
  /** As many as there may be, replicas included. */
  readonly most: number;
  /** Let in since the beginning. */
  readonly connections: number;
  /** Turned away since the beginning. */
  readonly refused: number;
  /** Commands taken since the beginning. */
  readonly commands: number;
  /** Errors that were answered since the beginning, by their code (`server.c: afterErrorReply`). */
  readonly errors: ReadonlyMap<string, number>;
  /** Full copies begun, and replicas that went on from where they were, since the beginning. */
  readonly fullResyncs: number;
  readonly partialResyncs: number;
  /** Full resyncs that a replica did not load: it was gone before it acknowledged anything. */
  readonly failedResyncs: number;
}

const PROTECTED =
  'DENIED running in protected mode: no password is set, and connections come from this machine ' +
  'only. Set one (requirepass), or turn protected mode off.';
const FULL = 'ERR max number of clients reached';
const IDENTITY: Identity = { server: 'redis', version: '7.4.0' };
/** Milliseconds; see `LiveOptions`. */
const KEEP_ALIVE = 300_000;
const TIMEOUT = 60_000;
const MAX_CLIENTS = 10_000;
/** Bytes of requests that are not whole yet, of all clients together. */
const MOST_BUFFERED = 64 * 1024 * 1024;
/** Milliseconds between two looks at who is silent (`replication.c: replicationCron`). */
const TICK = 1000;

/**
 * The primary's side of replication on real sockets: lets replicas in, gives each a data set or goes on
 * where it was, and sends the stream on, from any source of the two.
 */
export class ReplicationServer implements AsyncDisposable {
  readonly #replicas: ServedReplicas;
  readonly #clients = new Map<number, Client>();
  readonly #clock: Clock;
  #options: ReplicationServerOptions;
  readonly #listeners: Listeners;
  readonly #channels = new Channels();
  readonly #messages: StreamMessages;
  readonly #commands: CommandTable<Client>;
  readonly #traffic = new Traffic(this.#clients);
  readonly #counts = { connections: 0, commands: 0, refused: 0 };
  readonly #errors = new Map<string, number>();
  #nextId = 1;
  /** Clients that `accept` was given. */
  #accepted = 0;
  #buffered = 0;
  #stopTicking: (() => void) | undefined;

  /** @throws {BacklogError} `INVALID_SIZE` */
  constructor(source: Source, options: ReplicationServerOptions = {}) {
    const { clock = systemClock, random = randomBytes } = options;
    const { events = {}, askForAcks = () => {} } = options;
    this.#options = options;
    this.#clock = clock;
    const { backlogSize, outputLimit, resyncBackoff = {} } = options;
    const served = { backlogSize, clock, random, events, askForAcks, outputLimit, resyncBackoff };
    this.#replicas = new ServedReplicas(source, served);
    const replicas = this.#replicas;
    this.#messages = new StreamMessages({
      channels: this.#channels,
      get backlog() {
        return replicas.backlog;
      },
      get boundary() {
        return source.boundary;
      },
    });
    const clients = this.#clients;
    const { commands = new Map(), identity = IDENTITY } = options;
    const server = this;
    const host = {
      replicas: this.#replicas,
      channels: this.#channels,
      identity,
      get clients() {
        return clients.values();
      },
      get authenticate() {
        const { requirepass } = server.#options;
        return requirepass === undefined ? undefined : authenticator(requirepass);
      },
      cutUpstream: () => options.cutUpstream?.() ?? false,
      now: () => clock.elapsed(),
    };
    this.#commands = commandTable(host, commands);
    this.#listeners = new Listeners({
      handshakeTimeout: () => this.#options.timeout ?? TIMEOUT,
      keepAlive: () => this.#options.keepAlive ?? KEEP_ALIVE,
      isFull: () => this.#isFull,
      onRefused: (connection) => this.#refuse(connection, FULL),
      onConnection: (connection) => void this.#admit(connection),
    });
  }

  /** What is served, by name. */
  get commands(): CommandTable<never> {
    return this.#commands;
  }

  /** The port of the first address that is listened on. @throws {RespServerError} `MISUSE` before `listen` */
  get port(): number {
    return this.#listeners.port;
  }

  /** The replicas that are attached. */
  get replicas(): readonly ReplicaDescription[] {
    return this.#replicas.list().map((client) => this.#replicas.describe(client));
  }

  /** What is counted of all clients. */
  get counts(): ServerCounts {
    const clients = this.#clients.size - this.#replicas.list().length;
    const errors = new Map(this.#errors);
    return { ...this.#counts, ...this.#replicas.resyncs, clients, most: this.#most, errors };
  }

  /** What came from clients and went to them; added up when it is asked for, in time that grows with them. */
  get traffic(): TrafficCounts {
    return this.#traffic.counts;
  }

  get #most(): number {
    return this.#options.maxClients ?? MAX_CLIENTS;
  }

  /**
   * Listens on one address more, and returns its port.
   *
   * @throws {RespServerError} `NOT_LISTENING` where the address cannot be had, with what the system said as
   *   its cause; `MISUSE` for TLS without a certificate (`secure`)
   */
  async listen(options: ListenOptions = {}): Promise<number> {
    const port = await this.#listeners.listen(options);
    if (this.#stopTicking === undefined) this.#tick();
    return port;
  }

  /** Serves an existing connection like one to a port that is listened on. */
  accept(connection: Connection): void {
    if (this.#stopTicking === undefined) this.#tick();
    if (this.#isFull) {
      this.#refuse(connection, FULL);
      return;
    }
    const client = this.#admit(connection);
    if (client === undefined) return;
    this.#accepted++;
    client.onClose(() => {
      this.#accepted--;
    });
  }

  /**
   * How connections are secured from now on, where `listen` was told to; those that stand go on as they
   * are. Throws what `tls.createSecureContext` throws where it cannot be used.
   */
  secure(options: SecureOptions): void {
    this.#listeners.secure(options);
  }

  /** Changes what can be changed while it serves; who has been let in stays in. */
  configure(options: LiveOptions): void {
    this.#options = { ...this.#options, ...options };
  }

  /**
   * The next bytes of the stream, which the source holds by now: they are copied into the backlog, and
   * go from there to each replica that keeps up.
   *
   * @throws {BacklogError} `INVALID_OFFSET`
   */
  propagate(bytes: Uint8Array): void {
    this.#replicas.propagate(bytes);
    this.#messages.propagated(bytes);
  }

  /**
   * The source goes on under another id, or with another stream: every replica is cut off, asks anew,
   * and is continued where its position allows.
   */
  restart(): void {
    this.#replicas.restart();
    this.#messages.restart();
  }

  /**
   * Waits until so many replicas have acknowledged what is propagated by now, or for so many
   * milliseconds (0: without end), and returns how many have.
   */
  wait(replicas: number, timeout: number): Promise<number> {
    return this.#replicas.wait(replicas, timeout);
  }

  /** Closes the connection of a replica, as a network would. @throws {PrimaryError} `MISUSE` */
  drop(id: number): void {
    this.#replica(id).destroy();
  }

  /** Sends nothing more of the stream to a replica, until `resume`. @throws {PrimaryError} `MISUSE` */
  stall(id: number): void {
    this.#replica(id).attachment?.stall();
  }

  /** @throws {PrimaryError} `MISUSE` */
  resume(id: number): void {
    this.#replica(id).attachment?.resume();
  }

  /** Ends all connections and listens no longer. */
  async close(): Promise<void> {
    this.#stopTicking?.();
    const closed = this.#listeners.close();
    this.#replicas.close();
    for (const client of this.#clients.values()) client.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #replica(id: number): Client {
    const client = this.#clients.get(id);
    if (client?.attachment !== undefined) return client;
    throw new PrimaryError('MISUSE', `there is no replica ${id}`);
  }

  get #isFull(): boolean {
    return this.#listeners.count + this.#accepted >= this.#most;
  }

  #admit(connection: Connection): Client | undefined {
    const { requirepass } = this.#options;
    if (this.#isProtectedFrom(connection)) {
      this.#refuse(connection, PROTECTED);
      return undefined;
    }
    this.#counts.connections++;
    const id = this.#nextId++;
    const client = new Client(id, connection, requirepass === undefined, {
      commands: this.#commands,
      now: () => this.#clock.elapsed(),
      refuse: ([name = '']) => this.#options.refuse?.(name),
      onCommand: () => {
        this.#counts.commands++;
      },
      onError: (code) => {
        this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
      },
      onBuffered: (change) => {
        this.#buffered += change;
        if (this.#buffered > MOST_BUFFERED) this.#dropLargest();
      },
      onGone: () => {
        this.#clients.delete(id);
        this.#traffic.gone(client);
        this.#channels.gone(client);
        this.#replicas.gone(client);
      },
      onForeign: ({ address }) => this.#options.events?.onForeign?.(address),
      onFault: (error) => this.#options.events?.onFault?.(error),
    });
    this.#clients.set(id, client);
    return client;
  }

  /** Undefined: the peer cannot read a message yet. */
  #refuse(connection: Connection | undefined, reason: string): void {
    this.#counts.refused++;
    if (connection === undefined) return;
    // What it says is read, or its end would never be seen; nothing of it is kept.
    connection.resume();
    connection.write(Buffer.from(`-${reason}\r\n`));
    connection.end(() => connection.destroy());
  }

  #isProtectedFrom({ remoteHost }: Connection): boolean {
    const { requirepass, protectedMode = true } = this.#options;
    return requirepass === undefined && protectedMode && !isLocal(remoteHost);
  }

  /** Who has sent most of what is no request yet goes first, as in servers (`maxmemory-clients`). */
  #dropLargest(): void {
    const all = [...this.#clients.values()];
    all.reduce((one, other) => (other.buffered > one.buffered ? other : one)).destroy();
  }

  #tick(): void {
    this.#stopTicking = this.#clock.after(TICK, () => {
      this.#replicas.tick();
      this.#dropSilent();
      this.#tick();
    });
  }

  #dropSilent(): void {
    const { timeout = TIMEOUT, idleTimeout = 0 } = this.#options;
    const now = this.#clock.elapsed();
    for (const client of this.#clients.values()) {
      if (isSilent(client, now, { timeout, idleTimeout })) client.destroy();
    }
  }
}

function isLocal(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}
