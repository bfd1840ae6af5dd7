import type { Backlog } from '@forebay/backlog';
import type { Clock } from '@forebay/clock';
import type { ResyncRequest, ServedStream } from '@forebay/psync';
import {
  continueLine,
  decideResync,
  fullResyncLine,
  PsyncError,
  parseResyncRequest,
} from '@forebay/psync';
import { error, NOT_A_NUMBER } from '../conversation/replies.ts';
import type { Snapshot, Source, Upstream } from '../source.ts';
import type { Client } from './client.ts';
import type { Reply } from './command.ts';
import type { ReplicaState } from './replica/attachment.ts';
import { Attachment } from './replica/attachment.ts';
import type { OutputLimit } from './replica/output-limit.ts';
import type { DelayedResync, ResyncBackoffOptions, ResyncPeer } from './replica/resync-backoff.ts';
import { ResyncBackoff } from './replica/resync-backoff.ts';
import { Supply } from './replica/supply.ts';
import type { RandomBytes } from './replica/transfer.ts';

/** What is told of replicas, for whoever reports it; `reason` is one line, for people. */
export interface ReplicaEvents {
  /** A replica goes on from `offset`. */
  onPartialResync?(replica: ReplicaDescription, offset: number): void;
  /** A replica gets a full copy. */
  onFullResync?(replica: ReplicaDescription, reason: string): void;
  /** A replica has to wait for its next full resync: it did not load the last ones. */
  onFullResyncDelayed?(replica: ReplicaDescription, delayed: DelayedResync): void;
  /** A replica is online. */
  onOnline?(replica: ReplicaDescription): void;
  /** A replica was cut off, or has gone. */
  onGone?(replica: ReplicaDescription, reason: string | undefined): void;
  /** Who is at `host:port` spoke HTTP, and was let go: what looks like commands may be a page's. */
  onForeign?(address: string): void;
  /** A fault of a source, or of one of these functions, of which a client was let go. */
  onFault?(error: unknown): void;
}

/** One replica that is served. */
export interface ReplicaDescription {
  /** That of its connection, which names it in `drop`, `stall` and `CLIENT KILL ID`. */
  readonly id: number;
  readonly host: string;
  /** As it was told; 0 where it did not say. */
  readonly port: number;
  /** As announced: Valkey from 8.0 on; undefined where it did not say. */
  readonly version: string | undefined;
  readonly state: ReplicaState;
  /** Offset of the last byte acknowledged. */
  readonly offset: number;
  /** Offset of the last byte on its disk; undefined where it does not tell. */
  readonly synced: number | undefined;
  /** Seconds since something came from it. */
  readonly lag: number;
  /** Bytes of the stream that were not handed to its socket yet. */
  readonly behind: number;
}

/** One who waits for acknowledgements. */
interface Wait {
  /** Who asked by WAIT; undefined: who embeds us. */
  readonly client: Client | undefined;
  /** Ends it where there are enough of them, or in any case. */
  look(atOnce?: boolean): void;
}

const NOT_LOADED = 'the replica did not load the full resync';
const NO_LINK = error("NOMASTERLINK Can't SYNC while not connected with my master");
const PENDING = error('ERR SYNC and PSYNC are invalid with pending output');
const NOT_TO_PRIMARY = error("ERR PSYNC FAILOVER can't be sent to a master.");
const NOT_PROMOTED = error('ERR PSYNC FAILOVER is refused: what is here is never a primary.');

export interface ServedReplicasOptions {
  readonly backlogSize: number | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly events: ReplicaEvents;
  /** Has the stream ask the replicas how far they are, where this is its top. */
  readonly askForAcks: () => void;
  readonly outputLimit: OutputLimit | undefined;
  /** False: none. */
  readonly resyncBackoff: ResyncBackoffOptions | false;
}

/** The replicas of a source: lets them in, sends them what there is, and knows how far each has come. */
export class ServedReplicas {
  readonly #source: Source;
  readonly #supply: Supply;
  readonly #events: ReplicaEvents;
  readonly #attached = new Set<Client>();
  readonly #waits = new Set<Wait>();
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #askForAcks: () => void;
  readonly #outputLimit: OutputLimit | undefined;
  readonly #backoff: ResyncBackoff | undefined;
  /** How often each came to be. */
  readonly resyncs: { fullResyncs: number; partialResyncs: number; failedResyncs: number } = {
    fullResyncs: 0,
    partialResyncs: 0,
    failedResyncs: 0,
  };

  /** @throws {BacklogError} `INVALID_SIZE` */
  constructor(source: Source, options: ServedReplicasOptions) {
    const { backlogSize, clock, random, events, askForAcks, outputLimit, resyncBackoff } = options;
    this.#source = source;
    this.#outputLimit = outputLimit;
    if (resyncBackoff !== false) this.#backoff = new ResyncBackoff(clock, resyncBackoff);
    this.#supply = new Supply(source, backlogSize);
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
    this.#askForAcks = askForAcks;
  }

  get backlog(): Backlog {
    return this.#supply.backlog;
  }

  get upstream(): Upstream | undefined {
    return this.#source.upstream;
  }

  /** What is served: of what the source holds no more than has been propagated. */
  get held(): ServedStream | undefined {
    const { held } = this.#source;
    return held && { ...held, offset: Math.min(held.offset, this.backlog.masterOffset) };
  }

  list(): readonly Client[] {
    return [...this.#attached];
  }

  describe(client: Client): ReplicaDescription {
    const { id, host, traits, attachment } = client;
    const { state = 'wait_bgsave', acknowledged: offset = 0, synced, sent } = attachment ?? {};
    const behind = sent === undefined ? 0 : this.backlog.masterOffset - sent;
    const lag = Math.floor((this.#clock.elapsed() - client.lastHeard) / 1000);
    const { listeningPort: port, version } = traits;
    return { id, host, port, version, state, offset, synced, lag, behind };
  }

  /** `bytes` are the newest of the stream; their memory is the caller's again afterwards. */
  propagate(bytes: Uint8Array): void {
    this.backlog.append(bytes);
    for (const { attachment } of this.#attached) attachment?.advance();
    if (this.#outputLimit !== undefined) this.#cutOffSlow();
  }

  /** What is served is another stream, or the same under another id: all have to ask anew. */
  restart(): void {
    this.#supply.renew();
    for (const client of this.#attached) {
      client.attachment?.excuse();
      client.destroy();
    }
  }

  /** `PSYNC <id> <offset> [FAILOVER]` (`replication.c: syncCommand`). */
  psync(client: Client, words: readonly string[], looked = false): Reply | Promise<Reply> {
    const [id = '', offset = '', failover = ''] = words;
    if (client.attachment !== undefined) return undefined;
    if (failover.toLowerCase() === 'failover') {
      return this.upstream === undefined ? NOT_TO_PRIMARY : NOT_PROMOTED;
    }
    const { held } = this;
    if (client.connection.unsent > 0) return PENDING;
    if (held === undefined) return NO_LINK;
    let request: ResyncRequest;
    try {
      request = parseResyncRequest(id, offset);
    } catch (refusal) {
      if (!(refusal instanceof PsyncError)) throw refusal;
      return NOT_A_NUMBER;
    }
    const decision = decideResync(request, held);
    if (decision.type === 'full' && decision.cause === 'past-end' && !looked) {
      return this.#psyncAfterLook(client, words);
    }
    switch (decision.type) {
      case 'later':
        return NO_LINK;
      case 'continue': {
        client.write(`${continueLine(held.history, client.traits.psync2)}\r\n`);
        const attachment = this.#attach(client, false);
        this.resyncs.partialResyncs++;
        this.#events.onPartialResync?.(this.describe(client), decision.after + 1);
        attachment.continue(decision.after);
        this.#events.onOnline?.(this.describe(client));
        return undefined;
      }
      case 'full':
        return this.#sendCopy(client, false, decision.reason);
    }
  }

  /** One who holds more than there is here may be ahead of us only: that is found out first. */
  async #psyncAfterLook(client: Client, words: readonly string[]): Promise<Reply> {
    await this.#source.lookAbove?.();
    return client.closed ? undefined : this.psync(client, words, true);
  }

  /** The old `SYNC`: a payload, and the stream after it, without a word about offsets. */
  sync(client: Client): Reply | Promise<Reply> {
    if (client.attachment !== undefined) return undefined;
    if (client.connection.unsent > 0) return PENDING;
    if (this.held === undefined) return NO_LINK;
    return this.#sendCopy(client, true, 'it asked by SYNC');
  }

  /** `REPLCONF ACK`, from whoever it comes: those who are no replicas are passed over. */
  acknowledged(client: Client, offset: string, synced: string | undefined): void {
    const { attachment } = client;
    if (attachment === undefined || !isOffset(offset)) return;
    const { state: before, awaitsLoad } = attachment;
    attachment.acknowledge(Number(offset), isOffset(synced) ? Number(synced) : undefined);
    if (awaitsLoad && !attachment.awaitsLoad) this.#backoff?.loaded(peerOf(client));
    if (before !== attachment.state) this.#events.onOnline?.(this.describe(client));
    for (const { look } of [...this.#waits]) look();
  }

  /**
   * Waits until so many replicas have acknowledged what is propagated by now, or for so many
   * milliseconds; 0: without end, or that of `client`. Returns how many have
   * (`replication.c: waitCommand`).
   */
  async wait(count: number, timeout: number, client?: Client): Promise<number> {
    const target = this.backlog.masterOffset;
    const reached = (): number => this.list().filter((client) => hasReached(client, target)).length;
    if (reached() >= count) return reached();
    this.#askForAcks();
    await new Promise<void>((resolve) => {
      const look = (atOnce = false): void => {
        if (!atOnce && reached() < count) return;
        cancel();
        this.#waits.delete(wait);
        resolve();
      };
      const wait: Wait = { client, look };
      const cancel = timeout > 0 ? this.#clock.after(timeout, () => look(true)) : () => {};
      this.#waits.add(wait);
    });
    return reached();
  }

  /** A client has gone; it may have been a replica. */
  gone(client: Client, reason?: string): void {
    for (const wait of [...this.#waits]) if (wait.client === client) wait.look(true);
    if (!this.#attached.delete(client)) return;
    const failed = client.attachment?.awaitsLoad === true;
    if (failed) this.#failed(client);
    this.#events.onGone?.(this.describe(client), reason ?? (failed ? NOT_LOADED : undefined));
  }

  /** Whoever waits is told how many there are. */
  close(): void {
    for (const { look } of [...this.#waits]) look(true);
  }

  /** Once a second: while a snapshot is awaited an empty line keeps the replica waiting. */
  tick(): void {
    this.#cutOffSlow();
    for (const client of this.#attached) {
      if (client.attachment?.state === 'wait_bgsave') client.write('\n');
    }
  }

  #cutOffSlow(): void {
    const now = this.#clock.elapsed();
    for (const client of this.list()) {
      const reason = client.attachment?.overLimit(now);
      if (reason === undefined) continue;
      this.gone(client, reason);
      // What it was to take is not sent after all.
      client.destroy();
    }
  }

  async #sendCopy(client: Client, bySync: boolean, reason: string): Promise<Reply> {
    const attachment = this.#attach(client, bySync);
    // Neither a snapshot alone nor SYNC is acknowledged: whether it was loaded cannot be known.
    if (!(bySync || client.traits.rdbOnly)) {
      await this.#delay(client);
      if (client.closed) return undefined;
      attachment.expectLoad();
    }
    this.resyncs.fullResyncs++;
    this.#events.onFullResync?.(this.describe(client), reason);
    let snapshot: Snapshot;
    try {
      snapshot = await this.#source.openSnapshot({ alone: client.traits.rdbOnly });
    } catch (failure) {
      client.reply(error("ERR BGSAVE failed, replication can't continue"));
      this.#cutOff(client, messageOf(failure));
      return undefined;
    }
    // What is served may be another stream by now.
    if (client.closed) {
      await snapshot.close();
      return undefined;
    }
    const { history, offset } = snapshot;
    if (!bySync) client.write(`${fullResyncLine(history, offset)}\r\n`);
    // Its own words are taken meanwhile: the transfer is not waited for.
    void this.#transfer(client, attachment, snapshot);
    return undefined;
  }

  /** During the delay the replica gets empty lines, as from a server during BGSAVE (`tick`). */
  async #delay(client: Client): Promise<void> {
    const delayed = this.#backoff?.look(peerOf(client));
    if (delayed === undefined) return;
    this.#events.onFullResyncDelayed?.(this.describe(client), delayed);
    await new Promise<void>((resolve) => {
      const forget = client.onClose(() => {
        cancel();
        resolve();
      });
      const cancel = this.#clock.after(delayed.delay, () => {
        forget();
        resolve();
      });
    });
  }

  #failed(client: Client): void {
    this.resyncs.failedResyncs++;
    this.#backoff?.failed(peerOf(client), client.attachment?.format);
  }

  async #transfer(client: Client, attachment: Attachment, snapshot: Snapshot): Promise<void> {
    try {
      await attachment.transfer(snapshot, client.traits);
      if (attachment.state === 'online' && !client.closed) {
        this.#events.onOnline?.(this.describe(client));
      }
    } catch (failure) {
      this.#cutOff(client, messageOf(failure));
    }
  }

  #attach(client: Client, bySync: boolean): Attachment {
    const attachment = new Attachment(client, this.#supply, {
      name: `replica ${client.host}:${client.traits.listeningPort}`,
      bySync,
      random: this.#random,
      outputLimit: this.#outputLimit,
      onLost: (failure) => this.#cutOff(client, messageOf(failure)),
    });
    client.attachment = attachment;
    this.#attached.add(client);
    return attachment;
  }

  #cutOff(client: Client, reason: string): void {
    this.gone(client, reason);
    client.end();
  }
}

function peerOf({ host, traits: { listeningPort: port, version } }: Client): ResyncPeer {
  return { host, port, version };
}

function hasReached({ attachment }: Client, target: number): boolean {
  return attachment?.state === 'online' && attachment.acknowledged >= target;
}

function isOffset(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text));
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
