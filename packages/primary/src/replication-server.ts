import { createHash, timingSafeEqual } from 'node:crypto';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { RespFailure } from '@forebay/resp';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { textOf } from './conversation/replies.ts';
import { PrimaryError } from './errors.ts';
import { Channels } from './serving/channels.ts';
import { Client } from './serving/client.ts';
import type { CommandTable, Identity } from './serving/command.ts';
import { commandTable } from './serving/commands.ts';
import type { OutputLimit } from './serving/output-limit.ts';
import type { ReplicaDescription, ReplicaEvents } from './serving/served-replicas.ts';
import { ServedReplicas } from './serving/served-replicas.ts';
import type { Source } from './source.ts';

export interface ReplicationServerOptions {
  /** Bytes of the backlog in memory; 1 MiB by default. */
  readonly backlogSize?: number;
  /** Asked of everyone before anything is served. */
  readonly requirepass?: string;
  /** Clients at once; 10,000 by default (`maxclients`). */
  readonly maxClients?: number;
  /**
   * Milliseconds of silence after which a replica is given up, and who has not said who it is; 60,000 by
   * default (`repl-timeout`).
   */
  readonly timeout?: number;
  /** The same for who is neither, nor a subscriber; 0, the default: never (`timeout`). */
  readonly idleTimeout?: number;
  /** Commands that are served besides, or in the place of those of the same name. */
  readonly commands?: CommandTable;
  /** What is answered to a command that is not served; by default what servers say. */
  readonly refuse?: (name: string) => RespFailure;
  /** What HELLO tells; redis 7.4.0 by default. */
  readonly identity?: Identity;
  /** Whether only this machine is served where no password is asked for; true by default. */
  readonly protectedMode?: boolean;
  /**
   * When a replica is cut off for what it leaves lying. By default it is not: whatever it has not taken
   * is read again from the source, and held nowhere else.
   */
  readonly outputLimit?: OutputLimit;
  /** What is told of replicas. */
  readonly events?: ReplicaEvents;
  /** Puts a question into the stream, as its top: how far the replicas are. */
  readonly askForAcks?: () => void;
  readonly clock?: Clock;
}

export interface ServerCounts {
  /** Connected now; replicas are not counted. */
  readonly clients: number;
  /** Let in since the beginning. */
  readonly connections: number;
  /** Turned away since the beginning. */
  readonly refused: number;
  /** Commands taken since the beginning. */
  readonly commands: number;
  /** Full copies begun, and replicas that went on from where they were, since the beginning. */
  readonly fullResyncs: number;
  readonly partialResyncs: number;
}

/** Where to listen. */
export interface ListenOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** 127.0.0.1 by default. */
  readonly host?: string;
}

const IDENTITY: Identity = { server: 'redis', version: '7.4.0' };
/** Bytes that a socket of a replica holds before it is asked to wait. */
const SOCKET_BUFFER = 256 * 1024;
/** Milliseconds of silence after which the system asks whether a peer is still there (`tcp-keepalive`). */
const KEEP_ALIVE = 300_000;
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
  readonly #options: ReplicationServerOptions;
  readonly #server: Server;
  readonly #channels = new Channels();
  readonly #commands: CommandTable<Client>;
  readonly #counts = { connections: 0, commands: 0, refused: 0 };
  #nextId = 1;
  #stopTicking: (() => void) | undefined;

  /** @throws {BacklogError} `INVALID_SIZE` */
  constructor(source: Source, options: ReplicationServerOptions = {}) {
    const { clock = systemClock, events = {}, askForAcks = () => {}, requirepass } = options;
    this.#options = options;
    this.#clock = clock;
    const { backlogSize, outputLimit } = options;
    const served = { backlogSize, clock, events, askForAcks, outputLimit };
    this.#replicas = new ServedReplicas(source, served);
    const clients = this.#clients;
    const { commands = new Map(), identity = IDENTITY } = options;
    const host = {
      replicas: this.#replicas,
      channels: this.#channels,
      identity,
      get clients() {
        return clients.values();
      },
      authenticate: requirepass === undefined ? undefined : authenticator(requirepass),
      now: () => clock.now(),
    };
    this.#commands = commandTable(host, commands);
    const sockets = {
      highWaterMark: SOCKET_BUFFER,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE,
    };
    this.#server = createServer(sockets, (socket) => this.#onConnection(socket));
  }

  /** The port that is listened on. @throws {PrimaryError} `MISUSE` before `listen` */
  get port(): number {
    const address = this.#server.address() as AddressInfo | null;
    if (address === null) throw new PrimaryError('MISUSE', 'nothing is listened on');
    return address.port;
  }

  /** The replicas that are attached. */
  get replicas(): readonly ReplicaDescription[] {
    return this.#replicas.list().map((client) => this.#replicas.describe(client));
  }

  /** What is counted of all clients. */
  get counts(): ServerCounts {
    const clients = this.#clients.size - this.#replicas.list().length;
    return { ...this.#counts, ...this.#replicas.resyncs, clients };
  }

  /** @throws {PrimaryError} `NOT_LISTENING` where the address cannot be had */
  async listen({ port = 0, host = '127.0.0.1' }: ListenOptions = {}): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const message = `${host}:${port} cannot be listened on: ${cause.message}`;
        reject(new PrimaryError('NOT_LISTENING', message, cause));
      };
      this.#server.once('error', onError);
      this.#server.listen({ port, host }, () => {
        this.#server.off('error', onError);
        // A connection that cannot be taken now is tried again by who asked.
        this.#server.on('error', () => {});
        resolve();
      });
    });
    this.#tick();
  }

  /**
   * The next bytes of the stream, which the source holds by now: they are copied into the backlog, and
   * go from there to each replica that keeps up.
   *
   * @throws {BacklogError} `INVALID_OFFSET`
   */
  propagate(bytes: Uint8Array): void {
    this.#replicas.propagate(bytes);
  }

  /**
   * The source goes on under another id, or with another stream: every replica is cut off, asks anew,
   * and is continued where its position allows.
   */
  restart(): void {
    this.#replicas.restart();
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
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
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

  #onConnection(socket: Socket): void {
    const refusal = this.#refusalOf(socket);
    if (refusal !== undefined) {
      this.#counts.refused++;
      // What it says is read, or its end would never be seen; nothing of it is kept.
      socket.on('error', () => {});
      socket.resume();
      socket.end(`-${refusal}\r\n`, () => socket.destroySoon());
      return;
    }
    this.#counts.connections++;
    const open = this.#options.requirepass === undefined;
    const id = this.#nextId++;
    const client = new Client(id, socket, open, {
      commands: this.#commands,
      now: () => this.#clock.now(),
      refuse: ([name = '']) => this.#options.refuse?.(name),
      onCommand: () => {
        this.#counts.commands++;
      },
      onGone: () => {
        this.#clients.delete(id);
        this.#channels.gone(client);
        this.#replicas.gone(client);
      },
      onFault: (error) => this.#options.events?.onFault?.(error),
    });
    this.#clients.set(id, client);
  }

  #refusalOf({ remoteAddress }: Socket): string | undefined {
    const { maxClients = 10_000, requirepass, protectedMode = true } = this.#options;
    if (this.#clients.size >= maxClients) return 'ERR max number of clients reached';
    if (requirepass !== undefined || !protectedMode || isLocal(remoteAddress)) return undefined;
    return (
      'DENIED running in protected mode: no password is set, and connections come from this machine ' +
      'only. Set one (requirepass), or turn protected mode off.'
    );
  }

  #tick(): void {
    this.#stopTicking = this.#clock.after(TICK, () => {
      this.#replicas.tick();
      this.#dropSilent();
      this.#tick();
    });
  }

  #dropSilent(): void {
    const { timeout = 60_000, idleTimeout = 0 } = this.#options;
    const now = this.#clock.now();
    for (const client of this.#clients.values()) {
      const sign = signOfLife(client);
      const progressed = client.lookAtProgress();
      if (sign === undefined) continue;
      const patience = sign === 'idle' ? idleTimeout || Infinity : timeout;
      if ((sign === 'progress' ? progressed : client.lastHeard) < now - patience) client.destroy();
    }
  }
}

/** What a client is to be heard or seen by, lest it be given up; undefined: nothing. */
function signOfLife(client: Client): 'words' | 'progress' | 'idle' | undefined {
  const { closed, busy, attachment, socket, subscriptions, authenticated } = client;
  // What was written last is still on its way.
  if (closed) return 'progress';
  if (attachment !== undefined) return attachment.signOfLife;
  // Who does not read its replies is asked for nothing more: what it has not read has to go.
  if (socket.writableNeedDrain) return 'progress';
  if (busy || subscriptions.count > 0) return undefined;
  return authenticated && client.lastCommand !== 'NULL' ? 'idle' : 'words';
}

function isLocal(address = ''): boolean {
  return /^(?:::ffff:)?127\./.test(address) || address === '::1' || address === '';
}

/** Compares in a time that tells nothing of what was right about it. */
function authenticator(password: string): (user: string, given: string) => boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest();
  const expected = digest(textOf(password));
  return (user, given) => {
    const right = timingSafeEqual(digest(given), expected);
    return right && user === 'default';
  };
}
