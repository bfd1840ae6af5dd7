import type { Clock } from '@forebay/clock';
import type { ServedStream } from '@forebay/psync';
import type { Client } from '@forebay/resp-server';
import type { Source } from '../source.ts';
import type { OutputLimit } from './output-limit.ts';
import type { ReplicaEvents } from './replica-events.ts';
import type { SessionContext } from './replica-session.ts';
import { ReplicaSession } from './replica-session.ts';
import type { ResyncBackoffOptions } from './resync-backoff.ts';
import { ResyncBackoff } from './resync-backoff.ts';
import { Supply } from './supply.ts';
import type { RandomBytes } from './transfer.ts';

/** Since the start. */
export interface ResyncCounts {
  /** Full resyncs started. */
  readonly fullResyncs: number;
  readonly partialResyncs: number;
  /** Full resyncs that a replica did not load: it disconnected before it acknowledged any offset. */
  readonly failedResyncs: number;
}

export interface ReplicasOptions {
  readonly backlogSize: number | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly events: ReplicaEvents;
  /** Adds REPLCONF GETACK to the stream, at the top of a chain. */
  readonly askForAcks: () => void;
  readonly outputLimit: OutputLimit | undefined;
  /** False: none. */
  readonly resyncBackoff: ResyncBackoffOptions | false;
}

/** A wait for acknowledgements; checks whether it has ended, or ends it. */
type Wait = (atOnce?: boolean) => void;

/** The replicas of a source. */
export class Replicas {
  readonly supply: Supply;
  readonly #source: Source;
  readonly #context: SessionContext;
  /** Every client that sent REPLCONF, PSYNC or SYNC, until its connection is closed. */
  readonly #sessions = new Map<Client, ReplicaSession>();
  /** The replicas that are served. */
  readonly #attached = new Set<ReplicaSession>();
  readonly #waits = new Set<Wait>();
  readonly #clock: Clock;
  readonly #askForAcks: () => void;
  readonly #counts = { fullResyncs: 0, partialResyncs: 0, failedResyncs: 0 };

  /** @throws {BacklogError} `INVALID_SIZE` */
  constructor(source: Source, options: ReplicasOptions) {
    const { backlogSize, clock, random, events, askForAcks, outputLimit, resyncBackoff } = options;
    this.supply = new Supply(source, backlogSize);
    this.#source = source;
    this.#clock = clock;
    this.#askForAcks = askForAcks;
    const replicas = this;
    this.#context = {
      source,
      supply: this.supply,
      clock,
      random,
      outputLimit,
      backoff: resyncBackoff === false ? undefined : new ResyncBackoff(clock, resyncBackoff),
      events,
      get held() {
        return replicas.held;
      },
      onAttached: (session) => this.#attached.add(session),
      onFullResync: () => this.#counts.fullResyncs++,
      onPartialResync: () => this.#counts.partialResyncs++,
      onAcknowledged: () => this.#checkWaits(),
      onGone: (session, failed) => {
        this.#attached.delete(session);
        if (failed) this.#counts.failedResyncs++;
      },
    };
  }

  /** What can be served: the part of the source that has been propagated. */
  get held(): ServedStream | undefined {
    const { held } = this.#source;
    return held && { ...held, offset: Math.min(held.offset, this.supply.backlog.masterOffset) };
  }

  get counts(): ResyncCounts {
    return this.#counts;
  }

  /** The replicas that are served, in the order in which they attached. */
  get attached(): readonly ReplicaSession[] {
    return [...this.#attached];
  }

  /** The session of a client, which starts with its first REPLCONF, PSYNC or SYNC. */
  sessionOf(client: Client): ReplicaSession {
    let session = this.#sessions.get(client);
    if (session === undefined) {
      session = new ReplicaSession(client, this.#context);
      this.#sessions.set(client, session);
      client.onClose(() => this.#sessions.delete(client));
    }
    return session;
  }

  /** `bytes` are the newest of the stream; their memory is the caller's again afterwards. */
  propagate(bytes: Uint8Array): void {
    this.supply.backlog.append(bytes);
    for (const session of this.#attached) session.advance();
    this.#cutOffSlow();
  }

  /** Another stream is served, or the same one under another id: all replicas must ask again. */
  restart(): void {
    this.supply.renew();
    for (const session of this.attached) session.take({ type: 'restart' });
  }

  /**
   * Waits until `count` replicas have acknowledged what is propagated by now, for `timeout` milliseconds at the
   * most (0: no limit), and while the connection of `client` is open. Returns how many have
   * (`replication.c: waitCommand`).
   */
  async wait(count: number, timeout: number, client?: Client): Promise<number> {
    const target = this.supply.backlog.masterOffset;
    const reached = () => this.attached.filter((each) => each.hasAcknowledged(target)).length;
    // A transaction of a client whose connection has closed is still executed.
    if (reached() >= count || client?.closed === true) return reached();
    this.#askForAcks();
    await new Promise<void>((resolve) => {
      const check: Wait = (atOnce = false) => {
        if (!atOnce && reached() < count) return;
        stopTimer?.();
        forget?.();
        this.#waits.delete(check);
        resolve();
      };
      const stopTimer = timeout > 0 ? this.#clock.after(timeout, () => check(true)) : undefined;
      const forget = client?.onClose(() => check(true));
      this.#waits.add(check);
    });
    return reached();
  }

  /** Once a second. `timeout`: milliseconds of silence after which a replica is disconnected. */
  tick(timeout: number): void {
    this.#cutOffSlow();
    for (const session of [...this.#sessions.values()]) {
      session.take({ type: 'tick' });
      session.dropIfSilent(timeout);
    }
  }

  /** Ends all waits. */
  close(): void {
    for (const check of [...this.#waits]) check(true);
  }

  #checkWaits(): void {
    for (const check of [...this.#waits]) check();
  }

  #cutOffSlow(): void {
    if (this.#context.outputLimit === undefined) return;
    const now = this.#clock.elapsed();
    for (const session of this.#attached) session.cutOffIfSlow(now);
  }
}
