import { randomBytes } from 'node:crypto';
import type { Clock, StopTimer } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { ServedStream } from '@forebay/psync';
import type {
  Command,
  Commands,
  Connection,
  ListenOptions,
  LiveOptions,
  RespServerCounts,
  SecureOptions,
} from '@forebay/resp-server';
import { RespServer } from '@forebay/resp-server';
import { PrimaryError } from './errors.ts';
import type { ReplicationServerOptions } from './options.ts';
import type { ReplicaDescription } from './replicas/replica-events.ts';
import type { ReplicaSession } from './replicas/replica-session.ts';
import type { ResyncCounts } from './replicas/replicas.ts';
import { Replicas } from './replicas/replicas.ts';
import { replicationCommands } from './replication-commands.ts';
import type { Source, Upstream } from './source.ts';
import { StreamMessages } from './stream-messages.ts';

/** `clients` does not count replicas. */
export interface ServerCounts extends RespServerCounts, ResyncCounts {}

/** Bytes since the start, as `server.h: stat_net_*`. */
export interface TrafficCounts {
  /** Received from clients and replicas. */
  readonly input: number;
  /** Sent to clients that are not replicas. */
  readonly output: number;
  /** Sent to replicas: snapshots and the stream. */
  readonly replicaOutput: number;
}

/** Milliseconds; see `LiveOptions`. */
const TIMEOUT = 60_000;
/** Milliseconds between two checks of all replicas (`replication.c: replicationCron`). */
const TICK = 1000;

/**
 * The primary's side of replication: a RESP server with `REPLCONF`, `PSYNC`, `SYNC` and `WAIT`. It serves each
 * replica a full or partial resync and then the stream, both from a `Source`. `INFO` and `ROLE` belong to the
 * program that uses it (`register`, `reportCommands`).
 */
export class ReplicationServer implements AsyncDisposable {
  readonly #source: Source;
  readonly #server: RespServer;
  readonly #replicas: Replicas;
  readonly #messages: StreamMessages;
  readonly #clock: Clock;
  #timeout: number;
  #stopTicking: StopTimer | undefined;

  /** @throws {BacklogError} `INVALID_SIZE` @throws {RespServerError} `DUPLICATE_COMMAND` */
  constructor(source: Source, options: ReplicationServerOptions = {}) {
    const { clock = systemClock, random = randomBytes, timeout = TIMEOUT } = options;
    const { backlogSize, outputLimit, resyncBackoff = {}, events = {} } = options;
    const { identity, cutUpstream, askForAcks = () => {} } = options;
    this.#source = source;
    this.#clock = clock;
    this.#timeout = timeout;
    this.#server = new RespServer({
      ...options,
      identity: {
        get server() {
          return identity?.server ?? 'redis';
        },
        get version() {
          return identity?.version ?? '7.4.0';
        },
        get role() {
          return source.upstream === undefined ? 'master' : 'replica';
        },
      },
      closeOthers: (type) => Number(type === 'primary' && cutUpstream?.() === true),
      onForeign: (address) => events.onForeign?.(address),
      onFault: (error) => events.onFault?.(error),
    });
    this.#replicas = new Replicas(source, {
      backlogSize,
      clock,
      random,
      events,
      askForAcks,
      outputLimit,
      resyncBackoff,
    });
    this.#server.register(replicationCommands(this.#replicas, source));
    this.#messages = new StreamMessages(this.#server.channels, this.#replicas.supply, source);
  }

  /** All commands with their names. */
  get commands(): Iterable<readonly [name: string, command: Command]> {
    return this.#server.commands;
  }

  /** The port of the first address. @throws {RespServerError} `MISUSE` before `listen` */
  get port(): number {
    return this.#server.port;
  }

  /** The replicas that are served. */
  get replicas(): readonly ReplicaDescription[] {
    return this.#replicas.attached.map(({ description }) => description);
  }

  /** What can be served: the part of the source that has been propagated. */
  get held(): ServedStream | undefined {
    return this.#replicas.held;
  }

  get upstream(): Upstream | undefined {
    return this.#source.upstream;
  }

  /** Bytes of the backlog in memory. */
  get backlogSize(): number {
    return this.#replicas.supply.backlog.size;
  }

  get counts(): ServerCounts {
    return { ...this.#server.counts, ...this.#replicas.counts };
  }

  /** Summed up at each call: takes time in proportion to the number of clients. */
  get traffic(): TrafficCounts {
    const { input, output, upgradedOutput: replicaOutput } = this.#server.traffic;
    return { input, output, replicaOutput };
  }

  /** Adds commands. @throws {RespServerError} `DUPLICATE_COMMAND` */
  register(commands: Commands): void {
    this.#server.register(commands);
  }

  /**
   * Listens on one more address and returns its port.
   *
   * @throws {RespServerError} `NOT_LISTENING` if the system refuses the address; `MISUSE` for TLS without a
   *   certificate (`secure`)
   */
  async listen(options: ListenOptions = {}): Promise<number> {
    const port = await this.#server.listen(options);
    this.#startTicking();
    return port;
  }

  /** Serves an existing connection like one to a port. */
  accept(connection: Connection): void {
    this.#startTicking();
    this.#server.accept(connection);
  }

  /**
   * Sets the certificates of `listen({ tls: true })` for later connections. Throws the errors of
   * `tls.createSecureContext`.
   */
  secure(options: SecureOptions): void {
    this.#server.secure(options);
  }

  /** Changes options while it runs; connected clients and replicas stay. */
  configure(options: LiveOptions): void {
    this.#server.configure(options);
    this.#timeout = options.timeout ?? this.#timeout;
  }

  /**
   * The next bytes of the stream, which the source holds by now: they are copied into the backlog, and
   * sent from there to each replica that keeps up.
   *
   * @throws {BacklogError} `INVALID_OFFSET`
   */
  propagate(bytes: Uint8Array): void {
    this.#replicas.propagate(bytes);
    this.#messages.propagated(bytes);
  }

  /**
   * The source continues under another id, or with another stream: every replica is disconnected, must ask again,
   * and continues if its position is held.
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
    this.#replica(id).take({ type: 'close', how: 'destroy' });
  }

  /** Sends nothing more of the stream to a replica, until `resume`. @throws {PrimaryError} `MISUSE` */
  stall(id: number): void {
    this.#replica(id).take({ type: 'stall' });
  }

  /** @throws {PrimaryError} `MISUSE` */
  resume(id: number): void {
    this.#replica(id).take({ type: 'resume' });
  }

  /** Stops listening and closes all connections. */
  async close(): Promise<void> {
    this.#stopTicking?.();
    this.#replicas.close();
    await this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #replica(id: number): ReplicaSession {
    const session = this.#replicas.attached.find(({ client }) => client.id === id);
    if (session === undefined) throw new PrimaryError('MISUSE', `there is no replica ${id}`);
    return session;
  }

  #startTicking(): void {
    this.#stopTicking ??= this.#clock.every(TICK, () => this.#replicas.tick(this.#timeout));
  }
}
