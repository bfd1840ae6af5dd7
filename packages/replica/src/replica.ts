import { EventEmitter } from 'node:events';
import type { History, ReplicationReport } from '@forebay/psync';
import { nextState } from '@forebay/psync';
import type { ReplicaProgress } from './acknowledgement.ts';
import { describeEndpoint } from './address.ts';
import type { LinkRecord } from './backoff.ts';
import { Backoff } from './backoff.ts';
import type { CachedStream, Resume } from './cached-stream.ts';
import { cachedAt } from './cached-stream.ts';
import { ReplicaError } from './errors.ts';
import { ItemQueue } from './item-queue.ts';
import type { ReplicaItem } from './items.ts';
import { Link } from './link.ts';
import type { AcceptedSnapshots, LinkOptions, Timeouts } from './link-options.ts';
import { checkLinkOptions, endpointOf, withPassword } from './link-options.ts';
import type { LinkOwner } from './link-owner.ts';
import { ProgressRecord } from './progress-record.ts';
import type {
  ReplicaEvents,
  ReplicaOptions,
  ReplicaState,
  ReplicaTarget,
} from './replica-options.ts';
import { linkOptions, retargeted } from './replica-options.ts';
import type { ReplicaStep } from './states.ts';
import { NEXT_STATE } from './states.ts';
import type { DecideUpstream, Upstream, UpstreamDecision } from './upstream.ts';

/** Milliseconds after which a primary that said "later" is asked again. */
const LATER = 1000;
/** Bytes that may wait for the one who takes the items. */
const DEFAULT_BUFFER = 1024 * 1024;

/**
 * The replica side of replication on a real socket.
 *
 * Iterating starts it: the items come in order, with back-pressure to the socket, over as many links
 * as it takes. It stores nothing; the one who does tells it with `progress`, and nothing else moves
 * an acknowledgement.
 */
export class Replica extends EventEmitter<ReplicaEvents> implements AsyncDisposable {
  #options: LinkOptions;
  readonly #onUpstream: DecideUpstream | undefined;
  readonly #backoff: Backoff;
  readonly #queue: ItemQueue;
  readonly #signal: AbortSignal | undefined;
  readonly #progress = new ProgressRecord();
  readonly #stopping: Promise<void>;
  #cached: CachedStream | undefined;
  /** Commands received, less those that the present tracker has counted. */
  #commandsBefore = 0;
  #state: ReplicaState = 'idle';
  #link: Link | undefined;
  #running: Promise<void> | undefined;
  /** What is stored may be changing. */
  #deciding: Promise<unknown> | undefined;
  #wake: (() => void) | undefined;
  /** The next attempt goes to another primary than the last. */
  #retargeted = false;
  #stopped = false;
  #stop!: () => void;
  #iterated = false;

  /** @throws {ReplicaError} `INVALID_OPTION` */
  constructor(options: ReplicaOptions) {
    super();
    const size = options.bufferSize ?? DEFAULT_BUFFER;
    if (!(size > 0))
      throw new ReplicaError('INVALID_OPTION', `a bufferSize of ${size} holds nothing`);
    this.#options = linkOptions(options);
    this.#onUpstream = options.onUpstream;
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
    this.#stopping = new Promise((resolve) => {
      this.#stop = resolve;
    });
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

  /** Commands of the stream that were received whole since the beginning, of whatever history. */
  get commands(): number {
    return this.#commandsBefore + (this.#cached?.tracker.commands ?? 0);
  }

  /**
   * The one who stores has come this far. Only this moves ACK and FACK. It is of the history whose
   * items are being taken: from the moment a `snapshot-end` is, of that snapshot's.
   *
   * @throws {ReplicaError} `INVALID_OPTION` if an offset is none
   */
  progress(progress: ReplicaProgress): void {
    this.#progress.tell(progress);
    this.#link?.progressed();
  }

  /**
   * Follows another primary from now on, at once and in whatever state (`REPLICAOF`). What was received
   * is kept, and gone on from there. Nothing of the earlier target holds for it: it has credentials and
   * TLS options of its own.
   *
   * @throws {ReplicaError} `INVALID_OPTION`
   */
  retarget(target: ReplicaTarget): void {
    const options = retargeted(this.#options, target);
    checkLinkOptions(options, this.#cached);
    this.#options = options;
    this.#backoff.reset();
    this.#retargeted = true;
    const message = `${describeEndpoint(options.address)} is to be followed instead`;
    this.#link?.close(new ReplicaError('RETARGETED', message));
    this.#wake?.();
  }

  /** Milliseconds of silence after which a link is given up: of the one that stands, and of others after it. */
  setTimeouts(timeouts: Timeouts): void {
    this.#options = { ...this.#options, timeouts };
    this.#link?.setTimeouts(timeouts);
  }

  /** Which snapshots are taken from the next attempt on; one that waits after a refusal is made at once. */
  setAcceptedSnapshots(acceptedSnapshots: AcceptedSnapshots): void {
    if (acceptedSnapshots === this.#options.acceptedSnapshots) return;
    this.#options = { ...this.#options, acceptedSnapshots };
    this.#backoff.reset();
    this.#wake?.();
  }

  /**
   * Lets go of the primary, in whatever state (`REPLICAOF NO ONE`). What was received is still to be
   * taken; after it the items end.
   */
  async detach(): Promise<void> {
    this.#stopFor(new ReplicaError('STOPPED', 'detached'));
    await this.#running;
    this.#queue.end();
    this.#enter('detach');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.detach();
  }

  /**
   * @throws {ReplicaError} `STOPPED` when the signal is aborted; with `rdbOnly` what the attempt failed
   *   with. @throws what `onUpstream` rejects with
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReplicaItem, void, void> {
    if (this.#iterated) throw new ReplicaError('INVALID_OPTION', 'items can be taken once');
    this.#iterated = true;
    const onAbort = () => this.#abort();
    this.#signal?.addEventListener('abort', onAbort, { once: true });
    if (this.#signal?.aborted) onAbort();
    this.#running ??= this.#run().catch((error: unknown) => this.#queue.fail(error));
    try {
      for (let item = await this.#queue.take(); item; item = await this.#queue.take()) {
        if (item.type === 'snapshot-end') this.#progress.onSnapshotTaken();
        yield item;
      }
    } finally {
      this.#signal?.removeEventListener('abort', onAbort);
      await this.detach();
    }
  }

  async #run(): Promise<void> {
    const owner = this.#linkOwner();
    while (!this.#stopped) {
      this.#enter('attempt');
      // Who listens may have stopped us.
      if (this.#stopped) return;
      this.#retargeted = false;
      const { error, record } = await this.#attempt(owner);
      await Promise.race([this.#deciding, this.#stopping]);
      if (this.#stopped) return;
      if (this.#options.rdbOnly) {
        this.#finish(error);
        return;
      }
      const delay = this.#retargeted ? 0 : this.#delayAfter(error, record);
      this.#enter('attempt-ended');
      this.emit('attempt-ended', error, delay);
      await this.#sleep(delay);
    }
  }

  async #attempt(owner: LinkOwner): Promise<{ error: ReplicaError; record: LinkRecord }> {
    try {
      const link = new Link(withPassword(this.#options), owner);
      this.#link = link;
      const error = await link.ended;
      return { error, record: link.record };
    } catch (error) {
      if (!(error instanceof ReplicaError)) throw error;
      return { error, record: { streamed: undefined, progressed: false } };
    } finally {
      this.#link = undefined;
    }
  }

  #delayAfter({ code }: ReplicaError, record: LinkRecord): number {
    const delay = this.#backoff.next(record, code === 'TRY_LATER' ? LATER : 0);
    return code === 'BAD_PAYLOAD' ? Math.max(delay, this.#backoff.afterRefusal()) : delay;
  }

  /** A snapshot alone is whole or it is not: there is no further attempt. */
  #finish(error: ReplicaError): void {
    this.#stopped = true;
    if (this.#progress.snapshotReceived) this.#queue.end();
    else this.#queue.fail(error);
    this.#enter('detach');
  }

  #linkOwner(): LinkOwner {
    const replica = this;
    return {
      get cached() {
        return replica.#cached;
      },
      get acknowledgement() {
        return replica.#progress.of(replica.#cached);
      },
      get full() {
        return replica.#queue.full;
      },
      remember: (cached) => this.#remember(cached),
      deliver: (item) => {
        if (item.type === 'snapshot-end') this.#progress.onSnapshotReceived();
        this.#queue.push(item);
      },
      decide: (report, reply) => this.#decide(report, reply),
      onStep: (step) => this.#enter(step),
      onTransfer: (progress) => this.emit('transfer', progress),
      onOptionRefused: (option, reply) => this.emit('option-refused', option, reply),
      onWaiting: () => this.emit('snapshot-awaited'),
    };
  }

  /** The link that asks may end meanwhile; what is stored has changed all the same. */
  async #decide(
    report: ReplicationReport | undefined,
    reply: string | undefined,
  ): Promise<UpstreamDecision | undefined> {
    const link = this.#link;
    const upstream = { endpoint: endpointOf(this.#options.address), reply };
    await this.#queue.drained();
    if (this.#link !== link || this.#stopped) return undefined;
    const deciding = this.#consult(report, upstream);
    this.#deciding = deciding;
    return deciding;
  }

  async #consult(
    report: ReplicationReport | undefined,
    upstream: Upstream,
  ): Promise<UpstreamDecision | undefined> {
    try {
      const decision = await this.#onUpstream!(report, upstream);
      if (decision.type === 'resume') this.#resumeAt(decision.resume);
      return decision;
    } catch (error) {
      this.#fail(error, new ReplicaError('STOPPED', 'how to go on was not decided'));
      return undefined;
    }
  }

  /** @throws {ReplicaError} `INVALID_OPTION` */
  #resumeAt(resume: Resume): void {
    this.#remember(cachedAt(resume));
    this.#progress.resumedAt(resume.offset);
  }

  #remember(cached: CachedStream | undefined): void {
    const [before, after] = [this.#cached?.tracker, cached?.tracker];
    if (before !== after) this.#commandsBefore += (before?.commands ?? 0) - (after?.commands ?? 0);
    this.#cached = cached;
  }

  #stopFor(reason: ReplicaError): void {
    this.#stopped = true;
    this.#link?.close(reason);
    this.#stop();
    this.#wake?.();
  }

  #abort(): void {
    const cause = this.#signal?.reason;
    const error = new ReplicaError('STOPPED', 'stopped by the signal', { cause });
    this.#fail(error, error);
  }

  /** What waits is dropped; the iteration throws `error`. */
  #fail(error: unknown, reason: ReplicaError): void {
    this.#stopFor(reason);
    this.#queue.fail(error);
  }

  #enter(step: ReplicaStep): void {
    const state = nextState(NEXT_STATE, this.#state, step);
    if (state === this.#state) return;
    this.#state = state;
    this.emit('state', state);
  }

  /** Ends early when stopped, or when another primary is to be followed. */
  async #sleep(milliseconds: number): Promise<void> {
    if (this.#stopped || this.#retargeted) return;
    await new Promise<void>((resolve) => {
      const stop = this.#options.clock.after(milliseconds, resolve);
      this.#wake = () => {
        stop();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
