import type { Clock, StopTimer } from '@forebay/clock';
import type { ServedReplicaAction, ServedReplicaEvent, Serving } from '@forebay/psync';
import { ServedReplica } from '@forebay/psync';
import type { Client, Upgrade } from '@forebay/resp-server';
import { BadRequest, RequestReader } from '@forebay/resp-server';
import type { Snapshot, Source } from '../source.ts';
import type { Outlet } from './outlet.ts';
import type { OutputLimit } from './output-limit.ts';
import { OutputWatch } from './output-limit.ts';
import type { ReplicaDescription, ReplicaEvents } from './replica-events.ts';
import type { ResyncBackoff } from './resync-backoff.ts';
import type { Supply } from './supply.ts';
import type { RandomBytes } from './transfer.ts';
import { sendPayload } from './transfer.ts';

/** Shared by all replicas of a source. */
export interface SessionContext {
  readonly source: Source;
  readonly supply: Supply;
  readonly clock: Clock;
  /** Random bytes, for the mark of a payload. */
  readonly random: RandomBytes;
  readonly outputLimit: OutputLimit | undefined;
  readonly backoff: ResyncBackoff | undefined;
  readonly events: ReplicaEvents;
  /** What can be served at this moment. */
  readonly held: Serving['held'];
  onAttached(session: ReplicaSession): void;
  onFullResync(): void;
  onPartialResync(): void;
  onAcknowledged(): void;
  /** `failed`: it did not load its full resync. */
  onGone(session: ReplicaSession, failed: boolean): void;
}

/** Random bytes of which the mark of a payload is made, in hexadecimal. */
const MARK_BYTES = 20;

/**
 * One replica from its first REPLCONF to the end of its connection. Its state is in its state machine
 * (`ServedReplica`): this class gives it events and performs its actions.
 */
export class ReplicaSession implements Upgrade {
  readonly type = 'replica';
  readonly client: Client;
  readonly #context: SessionContext;
  readonly #machine = new ServedReplica();
  readonly #reader = new RequestReader(true);
  readonly #serving: Serving;
  /** Actions to perform, in order. */
  readonly #actions: ServedReplicaAction[] = [];
  #isPerforming = false;
  /** Pending while the upstream is asked; commands wait meanwhile. */
  #upstreamCheck: Promise<undefined> | undefined;
  #stopDelay: StopTimer | undefined;
  /** Opened, and not sent yet. */
  #snapshot: Snapshot | undefined;
  #outlet: Outlet | undefined;
  #watch: OutputWatch | undefined;
  /** Offset of the stream when it attached. */
  #since = 0;
  /** Since when its last request is incomplete. */
  #begunAt: number | undefined;

  constructor(client: Client, context: SessionContext) {
    this.client = client;
    this.#context = context;
    this.#serving = {
      get held() {
        return context.held;
      },
      get isTop() {
        return context.source.upstream === undefined;
      },
      get hasPendingOutput() {
        return client.connection.unsent > 0;
      },
    };
    client.onClose(() => {
      this.#stopDelay?.();
      this.take({ type: 'closed' });
    });
  }

  /** The state that INFO shows, and everything else known about the replica. */
  get description(): ReplicaDescription {
    const { clock, supply } = this.#context;
    const { announced, reported = 'wait_bgsave', acknowledged, synced, sentOffset } = this.#machine;
    const behind = sentOffset === undefined ? 0 : supply.backlog.masterOffset - sentOffset;
    return {
      id: this.client.id,
      host: announced.address ?? this.client.connection.remoteHost,
      port: announced.listeningPort,
      version: announced.version,
      state: reported,
      offset: acknowledged,
      synced,
      lag: Math.floor((clock.elapsed() - this.client.lastHeard) / 1000),
      behind,
    };
  }

  /** Whether it is online and has acknowledged the stream up to `offset`. */
  hasAcknowledged(offset: number): boolean {
    return this.#machine.reported === 'online' && this.#machine.acknowledged >= offset;
  }

  /** Takes REPLCONF, PSYNC or SYNC before the client is upgraded; replies are sent by the machine's actions. */
  command(name: string, words: readonly string[]): Promise<undefined> | undefined {
    this.take({ type: 'command', words: [name, ...words], serving: this.#serving });
    return this.#upstreamCheck;
  }

  onBytes(bytes: Uint8Array): void {
    try {
      this.#reader.push(bytes);
      this.#readRequests();
    } catch (failure) {
      if (!(failure instanceof BadRequest)) throw failure;
      // The replica would read a reply as a part of the stream.
      this.take({ type: 'close', how: 'end' });
    }
    this.client.countBuffered(this.client.closed ? 0 : this.#reader.pendingBytes);
  }

  /** Gives an event to the machine and performs the resulting actions. */
  take(event: ServedReplicaEvent): void {
    try {
      this.#actions.push(...this.#machine.take(event));
      if (!this.#isPerforming) this.#performAll();
    } catch (fault) {
      this.#actions.length = 0;
      void this.#discardSnapshot();
      this.client.fail(fault);
    }
  }

  /** There is more of the stream. */
  advance(): void {
    this.#outlet?.advance();
  }

  /** Disconnects the replica if the part of the stream that it has not read exceeds the limit. `now`: elapsed time. */
  cutOffIfSlow(now: number): void {
    const { supply } = this.#context;
    const taken = Math.max(this.#since, this.#outlet?.passedOn ?? 0);
    const reason = this.#watch?.look(supply.backlog.masterOffset - taken, now);
    if (reason !== undefined) this.take({ type: 'cut-off', reason, how: 'destroy' });
  }

  /** Disconnects the replica after `timeout` milliseconds of silence. Call it regularly: it also measures progress. */
  dropIfSilent(timeout: number): void {
    const { signOfLife } = this.#machine;
    const progressed = this.client.lookAtProgress();
    if (!this.client.isUpgraded || signOfLife === 'nothing') return;
    const heard = this.#begunAt ?? this.client.lastHeard;
    const since = signOfLife === 'progress' ? progressed : heard;
    if (since >= this.#context.clock.elapsed() - timeout) return;
    this.take({ type: 'close', how: 'destroy' });
    // The connection may have closed before these bytes.
    this.client.destroy();
  }

  #readRequests(): void {
    while (!this.client.closed) {
      const request = this.#reader.next();
      if (request === undefined) {
        if (this.#reader.pendingBytes > 0) this.#begunAt ??= this.#context.clock.elapsed();
        return;
      }
      this.#begunAt = undefined;
      const [name] = request;
      if (name === undefined) continue;
      this.client.lastCommand = name.toLowerCase();
      this.take({ type: 'command', words: request, serving: this.#serving });
      if (!this.client.closed) this.client.countCommand();
    }
  }

  #performAll(): void {
    this.#isPerforming = true;
    try {
      for (let next = this.#actions.shift(); next !== undefined; next = this.#actions.shift()) {
        this.#perform(next);
      }
    } finally {
      this.#isPerforming = false;
    }
  }

  #perform(action: ServedReplicaAction): void {
    const { client } = this;
    const { supply, events } = this.#context;
    switch (action.type) {
      case 'reply':
        client.reply(action.value);
        break;
      case 'send':
        client.write(action.line);
        break;
      case 'attach':
        this.#attach();
        break;
      case 'check-upstream':
        this.#upstreamCheck = this.#checkUpstream();
        break;
      case 'queue':
        this.#queue();
        break;
      case 'open-snapshot':
        void this.#openSnapshot(action.alone);
        break;
      case 'discard-snapshot':
        void this.#discardSnapshot();
        break;
      case 'hold':
        this.#outlet = supply.outlet(client, this.#machine, this.#name, (error) => {
          this.take({ type: 'cut-off', reason: messageOf(error), how: 'end' });
        });
        break;
      case 'send-payload':
        void this.#sendPayload(action.marked);
        break;
      case 'stream':
        this.#outlet?.advance();
        break;
      case 'heard':
        client.touch();
        break;
      case 'close':
        if (action.how === 'end') client.end();
        else client.destroy();
        break;
      case 'partial-resync':
        this.#context.onPartialResync();
        events.onPartialResync?.(this.description, action.offset);
        break;
      case 'full-resync':
        this.#context.onFullResync();
        events.onFullResync?.(this.description, action.reason);
        break;
      case 'online':
        events.onOnline?.(this.description);
        break;
      case 'loaded':
        this.#context.backoff?.loaded(this.description);
        break;
      case 'acknowledged':
        this.#context.onAcknowledged();
        break;
      case 'gone':
        if (action.failed) this.#context.backoff?.failed(this.description, this.#machine.format);
        this.#context.onGone(this, action.failed);
        events.onGone?.(this.description, action.reason);
        break;
    }
  }

  get #name(): string {
    const { host, port } = this.description;
    return `replica ${host}:${port}`;
  }

  #attach(): void {
    const { outputLimit, supply } = this.#context;
    this.client.upgrade(this);
    this.#watch = outputLimit && new OutputWatch(outputLimit, supply.backlog.size);
    this.#since = supply.backlog.masterOffset;
    this.#context.onAttached(this);
  }

  async #checkUpstream(): Promise<undefined> {
    await this.#context.source.lookAbove?.();
    this.#upstreamCheck = undefined;
    // If the connection is destroyed, `closed` follows.
    if (this.client.closed) return;
    this.take({ type: 'upstream-checked', serving: this.#serving });
  }

  /** Starts the full resync, after a delay if the replica did not load the last ones. */
  #queue(): void {
    const { backoff, clock, events } = this.#context;
    const delayed = backoff?.look(this.description);
    if (delayed === undefined) {
      this.take({ type: 'start' });
      return;
    }
    events.onFullResyncDelayed?.(this.description, delayed);
    this.#stopDelay = clock.after(delayed.delay, () => this.take({ type: 'start' }));
  }

  async #openSnapshot(alone: boolean): Promise<void> {
    try {
      this.#snapshot = await this.#context.source.openSnapshot({ alone });
    } catch (failure) {
      this.take({ type: 'snapshot-failed', reason: messageOf(failure) });
      return;
    }
    const { history, offset } = this.#snapshot;
    this.take({ type: 'snapshot-opened', position: { id: history.id, offset } });
  }

  async #discardSnapshot(): Promise<void> {
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    await snapshot?.close().catch((fault: unknown) => this.client.fail(fault));
  }

  async #sendPayload(isMarked: boolean): Promise<void> {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    this.#snapshot = undefined;
    const { random } = this.#context;
    const mark = isMarked ? Buffer.from(random(MARK_BYTES)).toString('hex') : undefined;
    try {
      try {
        await sendPayload(this.client, snapshot, mark, (bytes) => {
          this.take({ type: 'payload-began', bytes });
        });
      } finally {
        await snapshot.close();
      }
    } catch (failure) {
      this.take({ type: 'cut-off', reason: messageOf(failure), how: 'end' });
      return;
    }
    if (!this.client.closed) this.take({ type: 'payload-sent' });
  }
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
