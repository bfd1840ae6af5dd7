import type { Clock } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { Position } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import type { Connection, ListenOptions } from '@forebay/resp-server';
import { PrimaryError } from '../errors.ts';
import type { ReplicationServerOptions } from '../options.ts';
import type { OutputLimit } from '../replicas/output-limit.ts';
import { SERVERS_OUTPUT_LIMIT } from '../replicas/output-limit.ts';
import type { ReplicaDescription, ReplicaEvents } from '../replicas/replica-events.ts';
import type { ResyncBackoffOptions } from '../replicas/resync-backoff.ts';
import { ReplicationServer } from '../replication-server.ts';
import { reportCommands } from '../report.ts';
import { MemorySource } from './memory-source.ts';

export interface PrimaryOptions extends Omit<ReplicationServerOptions, 'askForAcks'> {
  /** The data set to begin with, as an RDB; an empty one by default. */
  readonly rdb?: Uint8Array;
  /** Milliseconds between PINGs while a replica is attached; 10,000 by default, 0 for none. */
  readonly pingPeriod?: number;
  /**
   * Milliseconds without a replica after which the history gets another id, and nobody is continued
   * who comes later (`repl-backlog-ttl`); 3,600,000 by default, 0 for never.
   */
  readonly backlogTtl?: number;
  /** As servers have it by default: 256 MiB, or 64 MiB for a minute. */
  readonly outputLimit?: OutputLimit;
  /** As servers have it by default: none. */
  readonly resyncBackoff?: ResyncBackoffOptions | false;
}

/** Words of a command: strings become UTF-8, numbers decimal text. */
export type Words = readonly (string | Uint8Array | number)[];

const PING = encodeCommand(['PING']);
const GETACK = encodeCommand(['REPLCONF', 'GETACK', '*']);

/**
 * A primary in memory, small enough for a test: real servers and clients replicate from it. It executes
 * nothing: what is propagated goes into the stream as it is given.
 *
 * All of the stream is kept, since the data set that replicas begin with. `replaceSnapshot` lets it go.
 */
export class Primary implements AsyncDisposable {
  readonly #source: MemorySource;
  readonly #server: ReplicationServer;
  readonly #clock: Clock;
  readonly #pingPeriod: number;
  /** The database of the last command in the stream; undefined where the next has to name its own. */
  #database: number | undefined;
  readonly #backlogTtl: number;
  #started = false;
  #closed = false;
  #stopPinging: (() => void) | undefined;
  #stopExpiring: (() => void) | undefined;

  /** @throws {PrimaryError} `INVALID_OPTION` @throws {BacklogError} `INVALID_SIZE` */
  constructor(options: PrimaryOptions = {}) {
    const { rdb, pingPeriod = 10_000, backlogTtl = 3_600_000, ...server } = options;
    for (const [name, time] of Object.entries({ pingPeriod, backlogTtl })) {
      if (!(time >= 0)) throw new PrimaryError('INVALID_OPTION', `a ${name} of ${time} is no time`);
    }
    this.#backlogTtl = backlogTtl;
    this.#source = new MemorySource({ rdb, random: options.random });
    this.#pingPeriod = pingPeriod;
    this.#clock = options.clock ?? systemClock;
    this.#server = new ReplicationServer(this.#source, {
      outputLimit: SERVERS_OUTPUT_LIMIT,
      resyncBackoff: false,
      ...server,
      events: this.#watched(server.events),
      askForAcks: () => this.#append(GETACK),
    });
    this.#server.register(reportCommands(this.#server));
  }

  /** @throws {RespServerError} `MISUSE` before `listen` */
  get port(): number {
    return this.#server.port;
  }

  /** Where the stream has come to. */
  get position(): Position {
    const { history, offset } = this.#source.held;
    return { id: history.id, offset };
  }

  /** The replicas that are attached. */
  get replicas(): readonly ReplicaDescription[] {
    return this.#server.replicas;
  }

  /** @throws {RespServerError} `NOT_LISTENING` */
  async listen(options: ListenOptions = {}): Promise<void> {
    await this.#server.listen(options);
    this.#start();
  }

  /** Serves an existing connection like one to a listening port. */
  accept(connection: Connection): void {
    this.#start();
    this.#server.accept(connection);
  }

  /** Puts a command into the stream, for a database; a SELECT goes before it where that changes. */
  propagate(words: Words, { database = 0 }: { readonly database?: number } = {}): void {
    if (database !== this.#database) this.#append(encodeCommand(['SELECT', database]));
    this.#database = database;
    this.#append(encodeCommand(words));
  }

  /** Puts bytes into the stream as they are, whatever they are. */
  propagateRaw(bytes: Uint8Array): void {
    this.#database = undefined;
    this.#append(bytes);
  }

  /**
   * Waits until so many replicas have acknowledged what is propagated by now, or for so many
   * milliseconds (0: without end), and returns how many have.
   */
  wait(replicas: number, timeout = 0): Promise<number> {
    return this.#server.wait(replicas, timeout);
  }

  /** What replicas begin with from now on; it is to contain what was propagated so far. */
  replaceSnapshot(rdb: Uint8Array): void {
    this.#source.replaceSnapshot(rdb);
    this.#database = undefined;
  }

  /**
   * Goes on under another id, as after a failover: replicas are cut off, and continued when they ask
   * for what they lack under the old one.
   */
  shiftId(): void {
    this.#source.shiftId();
    this.#database = undefined;
    this.#server.restart();
  }

  /** Closes the connection of a replica, as a network would. @throws {PrimaryError} `MISUSE` */
  drop(id: number): void {
    this.#server.drop(id);
  }

  /** Sends nothing more of the stream to a replica, until `resume`. @throws {PrimaryError} `MISUSE` */
  stall(id: number): void {
    this.#server.stall(id);
  }

  /** @throws {PrimaryError} `MISUSE` */
  resume(id: number): void {
    this.#server.resume(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopPinging?.();
    this.#stopExpiring?.();
    await this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #append(bytes: Uint8Array): void {
    this.#source.append(bytes);
    this.#server.propagate(bytes);
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#schedulePing();
    this.#scheduleExpiry();
  }

  /** The time without a replica begins whenever the last one goes (`replication.c: replicationCron`). */
  #watched(events: ReplicaEvents = {}): ReplicaEvents {
    return {
      ...events,
      onGone: (replica, reason) => {
        this.#scheduleExpiry();
        events.onGone?.(replica, reason);
      },
    };
  }

  #scheduleExpiry(): void {
    this.#stopExpiring?.();
    // Replicas may also disconnect while the primary is being closed.
    if (this.#backlogTtl === 0 || this.#closed) return;
    this.#stopExpiring = this.#clock.after(this.#backlogTtl, () => {
      if (this.replicas.length === 0) this.#source.renameHistory();
    });
  }

  #schedulePing(): void {
    if (this.#pingPeriod === 0) return;
    this.#stopPinging = this.#clock.every(this.#pingPeriod, () => {
      if (this.replicas.length > 0) this.#append(PING);
    });
  }
}
