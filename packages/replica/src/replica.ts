import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { History } from '@forebay/psync';
import { isReplicationId, StreamTracker } from '@forebay/psync';
import type { ReplicaProgress } from './acknowledgement.ts';
import type { Address, Endpoint } from './address.ts';
import { addressOf } from './address.ts';
import type { BackoffOptions } from './backoff.ts';
import { Backoff } from './backoff.ts';
import type { CachedStream } from './cached-stream.ts';
import type { TlsOptions } from './connect.ts';
import { ReplicaError } from './errors.ts';
import { ItemQueue } from './item-queue.ts';
import type { ReplicaItem } from './items.ts';
import type { LinkHost } from './link.ts';
import { Link } from './link.ts';
import type { LinkOptions, LinkPhase, Timeouts } from './link-options.ts';
import { checkLinkOptions } from './link-options.ts';
import type { TransferProgress } from './snapshot.ts';

/** The servers' `repl-timeout`, in milliseconds. */
const DEFAULT_TIMEOUT = 60_000;
/** Milliseconds after which a primary that said "later" is asked again. */
const LATER = 1000;
/** Bytes that may wait for the one who takes the items. */
const DEFAULT_BUFFER = 1024 * 1024;

/** Where to go on: what an earlier run has stored. */
export interface Resume {
  readonly history: History;
  /** Offset of the last byte stored, anywhere in a command. */
  readonly offset: number;
  /**
   * The stream followed up to `offset`. Needed where that lies inside a command or a transaction, or
   * in another database than 0.
   */
  readonly stream?: StreamTracker;
}

export interface ReplicaOptions {
  /** `redis://`, `rediss://` or `unix://`, with `[user][:password]@`; or the endpoint, read already. */
  readonly url: string | URL | Endpoint;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  readonly resume?: Resume;
  /** Told to the primary, 0 to 65535; 0 by default: nothing listens. */
  readonly listeningPort?: number;
  readonly announcedAddress?: string;
  /** Told to the primary, by which Valkey 9.1 chooses the RDB's version; false omits it. */
  readonly version?: string | false;
  /** Milliseconds of silence after which a link is given up, 60,000 each by default. */
  readonly timeouts?: Partial<Timeouts>;
  readonly backoff?: BackoffOptions;
  /** Bytes that may wait before the socket is paused, 1 MiB by default. */
  readonly bufferSize?: number;
  /** Aborted: everything stops at once and the iteration throws `STOPPED`. */
  readonly signal?: AbortSignal;
}

/** What a replica is doing. */
export type ReplicaState = 'idle' | LinkPhase | 'waiting' | 'detached';

/** The events of a replica, by name; what comes in order and may not be missed comes as items. */
export interface ReplicaEvents {
  state: [state: ReplicaState];
  /** A transfer has come further. */
  transfer: [progress: TransferProgress];
  /** The primary has to make the snapshot first. */
  'snapshot-awaited': [];
  /** The primary does not take a REPLCONF option: it may be old, or the user may not. */
  'option-refused': [option: string, reply: string];
  /** An attempt has ended; the next comes after `delay` milliseconds. */
  'attempt-ended': [error: ReplicaError, delay: number];
}

/**
 * The replica side of replication on a real socket.
 *
 * Iterating starts it: the items come in order, with back-pressure to the socket, over as many links
 * as it takes. It stores nothing; the one who does tells it with `progress`, and nothing else moves
 * an acknowledgement.
 */
export class Replica extends EventEmitter<ReplicaEvents> implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #backoff: Backoff;
  readonly #queue: ItemQueue;
  readonly #signal: AbortSignal | undefined;
  readonly #wakeUp = new AbortController();
  #cached: CachedStream | undefined;
  /** Snapshots received whole, and of these, taken: progress is of the one taken last. */
  #snapshotsReceived = 0;
  #snapshotsTaken = 0;
  #progress: ReplicaProgress | undefined;
  #state: ReplicaState = 'idle';
  #link: Link | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #iterated = false;

  /** @throws {ReplicaError} `INVALID_OPTION` */
  constructor(options: ReplicaOptions) {
    super();
    const size = options.bufferSize ?? DEFAULT_BUFFER;
    if (!(size > 0))
      throw new ReplicaError('INVALID_OPTION', `a bufferSize of ${size} holds nothing`);
    this.#options = linkOptions(options);
    this.#backoff = new Backoff(options.backoff);
    this.#queue = new ItemQueue(
      { pauseAt: size, resumeAt: size / 4 },
      {
        onFull: () => this.#link?.pause(),
        onDrained: () => this.#link?.resume(),
        onEmpty: () => this.#link?.release(),
      },
    );
    this.#signal = options.signal;
    if (options.resume !== undefined) this.#resumeAt(options.resume);
    checkLinkOptions(this.#options, this.#cached);
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** The history received last; undefined before the first snapshot is whole. */
  get history(): History | undefined {
    return this.#cached?.history;
  }

  /** Offset of the last byte received, which is not yet the last one taken; undefined before any. */
  get offset(): number | undefined {
    return this.#cached?.tracker.offset;
  }

  /**
   * The one who stores has come this far. Only this moves ACK and FACK. It is of the history whose
   * items are being taken: from the moment a `snapshot-end` is, of that snapshot's.
   *
   * @throws {ReplicaError} `INVALID_OPTION` if an offset is none
   */
  progress(progress: ReplicaProgress): void {
    const { written, synced = 0 } = progress;
    if (!Number.isSafeInteger(written) || !Number.isSafeInteger(synced)) {
      const message = `progress to ${written} and ${synced} names no offsets`;
      throw new ReplicaError('INVALID_OPTION', message);
    }
    this.#progress = progress;
    this.#link?.progressed();
  }

  /**
   * Lets go of the primary, in whatever state (`REPLICAOF NO ONE`). What was received is still to be
   * taken; after it the items end.
   */
  async detach(): Promise<void> {
    this.#stop(new ReplicaError('STOPPED', 'detached'));
    await this.#running;
    this.#queue.end();
    this.#enter('detached');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.detach();
  }

  /** @throws {ReplicaError} `STOPPED` when the signal is aborted */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReplicaItem, void, void> {
    if (this.#iterated) throw new ReplicaError('INVALID_OPTION', 'items can be taken once');
    this.#iterated = true;
    const onAbort = () => this.#abort();
    this.#signal?.addEventListener('abort', onAbort, { once: true });
    if (this.#signal?.aborted) onAbort();
    this.#running ??= this.#run().catch((error: Error) => this.#queue.fail(error));
    try {
      for (let item = await this.#queue.take(); item; item = await this.#queue.take()) {
        if (item.type === 'snapshot-end') this.#onSnapshotTaken();
        yield item;
      }
    } finally {
      this.#signal?.removeEventListener('abort', onAbort);
      await this.detach();
    }
  }

  async #run(): Promise<void> {
    const host = this.#linkHost();
    while (!this.#stopped) {
      this.#enter('connect');
      // Who listens may have stopped us.
      if (this.#stopped) return;
      const link = new Link(this.#options, host);
      this.#link = link;
      const error = await link.ended;
      this.#link = undefined;
      if (this.#stopped) return;
      const least = error.code === 'TRY_LATER' ? LATER : 0;
      const delay = this.#backoff.next(link.streamed, least);
      this.#enter('waiting');
      this.emit('attempt-ended', error, delay);
      await this.#sleep(delay);
    }
  }

  #linkHost(): LinkHost {
    const replica = this;
    return {
      get cached() {
        return replica.#cached;
      },
      get acknowledgement() {
        return replica.#acknowledgement();
      },
      get full() {
        return replica.#queue.full;
      },
      remember: (cached) => {
        this.#cached = cached;
      },
      deliver: (item) => {
        if (item.type === 'snapshot-end') this.#snapshotsReceived++;
        this.#queue.push(item);
      },
      onPhase: (phase) => this.#enter(phase),
      onTransfer: (progress) => this.emit('transfer', progress),
      onOptionRefused: (option, reply) => this.emit('option-refused', option, reply),
      onWaiting: () => this.emit('snapshot-awaited'),
    };
  }

  /** What was told before was told of another history. */
  #onSnapshotTaken(): void {
    this.#snapshotsTaken++;
    this.#progress = undefined;
  }

  /** What may be acknowledged: offsets of the history received, and none from before its snapshot. */
  #acknowledgement(): ReplicaProgress | undefined {
    const progress = this.#progress;
    const cached = this.#cached;
    if (progress === undefined || cached === undefined) return undefined;
    if (this.#snapshotsTaken !== this.#snapshotsReceived) return undefined;
    const { written } = progress;
    return written >= cached.start && written <= cached.tracker.offset ? progress : undefined;
  }

  #resumeAt({ history, offset, stream }: Resume): void {
    if (!isReplicationId(history.id) || !Number.isSafeInteger(offset) || offset < 0) {
      throw new ReplicaError('INVALID_OPTION', 'resume names no position of a history');
    }
    if (stream !== undefined && stream.offset !== offset) {
      throw new ReplicaError('INVALID_OPTION', 'resume.stream was not followed to resume.offset');
    }
    this.#cached = { history, start: offset, tracker: stream ?? new StreamTracker({ offset }) };
    this.#progress = { written: offset };
  }

  #stop(reason: ReplicaError): void {
    this.#stopped = true;
    this.#link?.close(reason);
    this.#wakeUp.abort();
  }

  #abort(): void {
    const cause = this.#signal?.reason;
    const error = new ReplicaError('STOPPED', 'stopped by the signal', { cause });
    this.#stop(error);
    this.#queue.fail(error);
  }

  #enter(state: ReplicaState): void {
    if (this.#state === state || this.#state === 'detached') return;
    this.#state = state;
    this.emit('state', state);
  }

  /** Ends early when stopped. */
  async #sleep(milliseconds: number): Promise<void> {
    const { signal } = this.#wakeUp;
    await sleep(milliseconds, undefined, { signal }).catch(() => {});
  }
}

function linkOptions(options: ReplicaOptions): LinkOptions {
  const address: Address = addressOf(options.url);
  const { timeouts } = options;
  return {
    address: {
      ...address,
      username: options.username ?? address.username,
      password: options.password ?? address.password,
    },
    tls: options.tls ?? {},
    listeningPort: options.listeningPort,
    announcedAddress: options.announcedAddress,
    version: options.version,
    timeouts: {
      connect: timeouts?.connect ?? DEFAULT_TIMEOUT,
      handshake: timeouts?.handshake ?? DEFAULT_TIMEOUT,
      transfer: timeouts?.transfer ?? DEFAULT_TIMEOUT,
      idle: timeouts?.idle ?? DEFAULT_TIMEOUT,
    },
  };
}
