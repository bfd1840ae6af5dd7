import type { RespValue } from '@forebay/resp';
import { PsyncError } from '../errors.ts';
import type { Position } from '../history.ts';
import type { ServedStream } from '../resync/decide.ts';
import { continueLine, decideResync, fullResyncLine } from '../resync/decide.ts';
import type { ResyncRequest } from '../resync/request.ts';
import { parseResyncRequest } from '../resync/request.ts';
import { nextState } from '../transitions.ts';
import type { AnnouncedReplica } from './announced-replica.ts';
import { announce, NOT_ANNOUNCED } from './announced-replica.ts';
import {
  FAILOVER_REFUSED,
  FAILOVER_TO_PRIMARY,
  NO_LINK,
  NO_SNAPSHOT,
  NOT_A_NUMBER,
  OK,
  PENDING_OUTPUT,
} from './replies.ts';
import type {
  ReportedReplicaState,
  ServedReplicaState,
  ServedReplicaTrigger,
} from './transitions.ts';
import { NEXT, REPORTED } from './transitions.ts';

/** What the primary can serve at this moment; read for PSYNC and SYNC only. */
export interface Serving {
  /** Undefined while there is nothing to serve. */
  readonly held: ServedStream | undefined;
  /** Whether the primary has no upstream of its own. */
  readonly isTop: boolean;
  /** Whether replies to this client are still to be written. */
  readonly hasPendingOutput: boolean;
}

/** How a connection is closed: after what was written is passed on, or at once. */
export type CloseManner = 'end' | 'destroy';

/** What happened to a replica. */
export type ServedReplicaEvent =
  /** A command was received; `words` include its name. Before PSYNC only REPLCONF, PSYNC and SYNC. */
  | { readonly type: 'command'; readonly words: readonly string[]; readonly serving: Serving }
  /** The answer to `check-upstream`: the upstream was asked, or could not be. */
  | { readonly type: 'upstream-checked'; readonly serving: Serving }
  /** The answer to `queue`: the full resync may start now. */
  | { readonly type: 'start' }
  /** The answer to `open-snapshot`: its replication id, and the last offset it contains. */
  | { readonly type: 'snapshot-opened'; readonly position: Position }
  /** The answer to `open-snapshot`: no snapshot could be opened. */
  | { readonly type: 'snapshot-failed'; readonly reason: string }
  /** The first bytes of the payload, without its header. */
  | { readonly type: 'payload-began'; readonly bytes: Uint8Array }
  /** The answer to `send-payload`: the payload and its mark were passed to the system. None if the connection is lost. */
  | { readonly type: 'payload-sent' }
  /** The replica cannot be served further: the bytes it needs are not held, or it is too far behind. */
  | { readonly type: 'cut-off'; readonly reason: string; readonly how: CloseManner }
  /** Close the connection: the replica is silent, was dropped, or sent an invalid command. */
  | { readonly type: 'close'; readonly how: CloseManner }
  /** Another stream is served from now on: the replica must ask again. This does not count as a failure of the replica. */
  | { readonly type: 'restart' }
  /** The connection has closed. */
  | { readonly type: 'closed' }
  /** Send no bytes of the stream until `resume`. */
  | { readonly type: 'stall' }
  | { readonly type: 'resume' }
  /** A second has passed. */
  | { readonly type: 'tick' };

/** What the caller must do, in order. */
export type ServedReplicaAction =
  /** Answer the command. */
  | { readonly type: 'reply'; readonly value: RespValue }
  /** Write a line, its end included, in latin1. */
  | { readonly type: 'send'; readonly line: string }
  /** The client is a replica from now on: no command but REPLCONF, PSYNC and SYNC is taken from it. */
  | { readonly type: 'attach' }
  /** Ask the upstream for its offset, then give `upstream-checked`. Give no command meanwhile. */
  | { readonly type: 'check-upstream' }
  /** Delay the full resync if necessary, then give `start`. */
  | { readonly type: 'queue' }
  /** Open a snapshot, then give `snapshot-opened` or `snapshot-failed`. `alone`: no stream follows it. */
  | { readonly type: 'open-snapshot'; readonly alone: boolean }
  /** Close the opened snapshot: it will not be sent. */
  | { readonly type: 'discard-snapshot' }
  /** Keep the bytes of the stream after this offset until the connection is closed. */
  | { readonly type: 'hold'; readonly after: number }
  /** Send the snapshot, with an end mark or with its length, then give `payload-sent`. */
  | { readonly type: 'send-payload'; readonly marked: boolean }
  /** Send the stream after this offset, and call `sent` for each part. */
  | { readonly type: 'stream'; readonly after: number }
  /** Measure the silence of the replica from now on: before, it had nothing to send. */
  | { readonly type: 'heard' }
  | { readonly type: 'close'; readonly how: CloseManner }
  // For logs and counters:
  | { readonly type: 'partial-resync'; readonly offset: number }
  | { readonly type: 'full-resync'; readonly reason: string }
  | { readonly type: 'online' }
  /** An ACK has shown that the replica loaded the full resync. */
  | { readonly type: 'loaded' }
  /** `acknowledged` and `synced` have the values of the last ACK. */
  | { readonly type: 'acknowledged' }
  /** The client is no longer a replica. `failed`: it was sent a full resync, and no ACK has shown that it loaded it. */
  | { readonly type: 'gone'; readonly reason: string | undefined; readonly failed: boolean };

/** Which activity a replica must show so that it is not disconnected. */
export type SignOfLife =
  /** It must send bytes. */
  | 'input'
  /** It must read bytes. */
  | 'progress'
  | 'nothing';

/** Length of the magic and the version of an RDB. */
const FORMAT_LENGTH = 9;

const NOT_LOADED = 'the replica did not load the full resync';

/**
 * One replica at its primary, from its first REPLCONF to its end: the primary's side of the negotiation, and
 * everything known about the replica. Events in, actions out, by the table in `transitions.ts`.
 */
export class ServedReplica {
  #state: ServedReplicaState = 'handshake';
  #reported: ReportedReplicaState | undefined;
  #announced = NOT_ANNOUNCED;
  readonly #actions: ServedReplicaAction[] = [];
  /** The PSYNC that waits for the upstream. */
  #request: readonly string[] = [];
  /** Why the full resync is due. */
  #reason = '';
  #bySync = false;
  /** Whether an ACK will show that it loaded the full resync. */
  #confirms = false;
  /** The event when the payload has been sent. */
  #payload: 'payload-sent' | 'marked-payload-sent' | 'only-payload-sent' = 'payload-sent';
  #awaitsLoad = false;
  #stalled = false;
  #format: string | undefined;
  #acknowledged = 0;
  #synced: number | undefined;
  #sent: number | undefined;

  get state(): ServedReplicaState {
    return this.#state;
  }

  /** The state that INFO shows; undefined: not a replica. */
  get reported(): ReportedReplicaState | undefined {
    return this.#reported;
  }

  get announced(): AnnouncedReplica {
    return this.#announced;
  }

  /** Whether it asked with SYNC: such a replica knows no offsets and acknowledges nothing. */
  get bySync(): boolean {
    return this.#bySync;
  }

  /** Offset of the last byte that it acknowledged (ACK). */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Offset of the last byte that it has synced (FACK); undefined if it did not report any. */
  get synced(): number | undefined {
    return this.#synced;
  }

  /** Offset of the last byte of the stream that it has or was sent; undefined before a resync. */
  get sentOffset(): number | undefined {
    return this.#sent;
  }

  /** Whether it must load a full resync, and no ACK has shown that it did. */
  get awaitsLoad(): boolean {
    return this.#awaitsLoad;
  }

  /** The magic and version of the snapshot that was sent, such as `REDIS0011`; undefined: no bytes were sent. */
  get format(): string | undefined {
    return this.#format;
  }

  /** Whether bytes of the stream may be sent now. */
  get mayStream(): boolean {
    return this.isStreaming && !this.#stalled;
  }

  /** Whether it has its snapshot or its partial resync, and follows the stream. */
  get isStreaming(): boolean {
    return this.#state === 'online' || this.#state === 'catching-up';
  }

  get signOfLife(): SignOfLife {
    switch (this.#state) {
      case 'transfer':
      case 'closing':
      case 'gone':
        return 'progress';
      case 'awaiting-ack':
      case 'catching-up':
      case 'online':
        // A replica that asked with SYNC has nothing to acknowledge.
        return this.#bySync ? 'nothing' : 'input';
      default:
        return 'nothing';
    }
  }

  /**
   * The stream was sent up to `offset`, and reaches up to `newest`. Called for each write: it allocates
   * nothing, and has no actions.
   */
  sent(offset: number, newest: number): void {
    const next = offset >= newest ? 'online' : 'catching-up';
    if (next !== this.#state) this.#enter(next === 'online' ? 'caught-up' : 'fell-behind');
    this.#sent = offset;
  }

  /** @throws {Error} if the event is impossible in this state: an error of the calling program */
  take(event: ServedReplicaEvent): readonly ServedReplicaAction[] {
    switch (event.type) {
      case 'command':
        this.#onCommand(event.words, event.serving);
        break;
      case 'upstream-checked':
        this.#enter('upstream-checked');
        if (!this.#hasEnded) this.#onPsync(this.#request, event.serving);
        break;
      case 'start':
        this.#onStart();
        break;
      case 'snapshot-opened':
        this.#onSnapshot(event.position);
        break;
      case 'snapshot-failed':
        if (!this.#hasEnded) this.#push({ type: 'reply', value: NO_SNAPSHOT });
        this.#leave('snapshot-failed', event.reason, 'end');
        break;
      case 'payload-began':
        this.#format ??= String.fromCharCode(...event.bytes.subarray(0, FORMAT_LENGTH));
        break;
      case 'payload-sent':
        this.#onPayloadSent();
        break;
      case 'cut-off':
        this.#leave('cut-off', event.reason, event.how);
        break;
      case 'close':
        this.#close(event.how);
        break;
      case 'restart':
        this.#awaitsLoad = false;
        this.#close('destroy');
        break;
      case 'closed':
        this.#leave('closed');
        break;
      case 'stall':
        this.#stalled = true;
        break;
      case 'resume':
        this.#stalled = false;
        if (this.isStreaming) this.#push({ type: 'stream', after: this.#sent! });
        break;
      case 'tick':
        this.#onTick();
        break;
    }
    return this.#actions.splice(0);
  }

  get #isAttached(): boolean {
    return this.#reported !== undefined;
  }

  get #hasEnded(): boolean {
    return this.#state === 'closing' || this.#state === 'gone';
  }

  #onCommand([name = '', ...words]: readonly string[], serving: Serving): void {
    this.#enter('command');
    if (this.#hasEnded) return;
    const command = name.toLowerCase();
    if (command === 'replconf') this.#onReplconf(words);
    else if (command !== 'psync' && command !== 'sync') this.#close('destroy');
    else if (this.#isAttached) return;
    else if (command === 'psync') this.#onPsync(words, serving);
    else this.#onSync(serving);
  }

  /** An empty line keeps the replica waiting, as a server sends it during BGSAVE. */
  #onTick(): void {
    const waits = this.#reported === 'wait_bgsave' && !this.#hasEnded;
    if (waits) this.#push({ type: 'send', line: '\n' });
  }

  #onReplconf(words: readonly string[]): void {
    const option = (words[0] ?? '').toLowerCase();
    const isWhole = words.length % 2 === 0 || this.#isAttached;
    if (option === 'ack' && isWhole) this.#onAck(words);
    else if (option !== 'getack' || !isWhole) {
      const { announced, refusal } = announce(this.#announced, words);
      this.#announced = announced;
      // The replica would read a reply as a part of the stream.
      if (!this.#isAttached) this.#push({ type: 'reply', value: refusal ?? OK });
    }
  }

  /** `REPLCONF ACK n [FACK n]`, which has no reply; the highest offset counts (`replication.c: replconfCommand`). */
  #onAck([, offset, further = '', synced]: readonly string[]): void {
    if (!this.#isAttached || !isOffset(offset)) return;
    this.#acknowledged = Math.max(this.#acknowledged, Number(offset));
    if (further.toLowerCase() === 'fack' && isOffset(synced)) {
      this.#synced = Math.max(this.#synced ?? 0, Number(synced));
    }
    const wasConfirmed = this.isStreaming;
    this.#enter('ack');
    if (this.isStreaming) {
      if (!wasConfirmed) this.#push({ type: 'stream', after: this.#sent! });
      if (this.#awaitsLoad) this.#push({ type: 'loaded' });
      this.#awaitsLoad = false;
      if (!wasConfirmed) this.#push({ type: 'online' });
    }
    this.#push({ type: 'acknowledged' });
  }

  /** `PSYNC <id> <offset> [FAILOVER]` (`replication.c: syncCommand`). */
  #onPsync(words: readonly string[], { held, isTop, hasPendingOutput }: Serving): void {
    const [id = '', offset = '', failover = ''] = words;
    const request = requestOf(id, offset);
    if (failover.toLowerCase() === 'failover') {
      this.#refuse(isTop ? FAILOVER_TO_PRIMARY : FAILOVER_REFUSED);
    } else if (hasPendingOutput) this.#refuse(PENDING_OUTPUT);
    else if (held === undefined) this.#refuse(NO_LINK);
    else if (request === undefined) this.#refuse(NOT_A_NUMBER);
    else {
      this.#request = words;
      this.#decide(request, held);
    }
  }

  #decide(request: ResyncRequest, held: ServedStream): void {
    const decision = decideResync(request, held);
    if (decision.type === 'later') this.#refuse(NO_LINK);
    else if (decision.type === 'continue') this.#continue(decision.after, held);
    else if (decision.cause === 'past-end' && this.#state === 'handshake') {
      // The replica may be ahead of this server but not of the upstream.
      this.#enter('check-upstream');
      this.#push({ type: 'check-upstream' });
    } else this.#queue(decision.reason);
  }

  /** `SYNC` of old clients: a payload and then the stream, without an id and an offset. */
  #onSync({ held, hasPendingOutput }: Serving): void {
    if (hasPendingOutput) this.#refuse(PENDING_OUTPUT);
    else if (held === undefined) this.#refuse(NO_LINK);
    else {
      this.#bySync = true;
      this.#queue('it asked by SYNC');
    }
  }

  #refuse(value: RespValue): void {
    this.#enter('refuse');
    this.#push({ type: 'reply', value });
  }

  #continue(after: number, { history, offset }: ServedStream): void {
    this.#enter('continue');
    this.#acknowledged = after;
    this.sent(after, offset);
    this.#push(
      { type: 'send', line: `${continueLine(history, this.#announced.psync2)}\r\n` },
      { type: 'attach' },
      { type: 'partial-resync', offset: after + 1 },
      { type: 'hold', after },
      { type: 'stream', after },
      { type: 'online' },
    );
  }

  #queue(reason: string): void {
    this.#enter('full-resync');
    this.#reason = reason;
    this.#confirms = !(this.#bySync || this.#announced.rdbOnly);
    this.#push({ type: 'attach' });
    if (this.#confirms) this.#push({ type: 'queue' });
    else this.#onStart();
  }

  #onStart(): void {
    this.#enter('start-full-resync');
    if (this.#hasEnded) return;
    this.#awaitsLoad = this.#confirms;
    this.#push(
      { type: 'full-resync', reason: this.#reason },
      { type: 'open-snapshot', alone: this.#announced.rdbOnly },
    );
  }

  #onSnapshot({ id, offset }: Position): void {
    this.#enter('snapshot-opened');
    if (this.#hasEnded) {
      this.#push({ type: 'discard-snapshot' });
      return;
    }
    const { eof, rdbOnly } = this.#announced;
    this.#sent = offset;
    if (rdbOnly) this.#payload = 'only-payload-sent';
    else this.#payload = eof ? 'marked-payload-sent' : 'payload-sent';
    if (!this.#bySync) this.#push({ type: 'send', line: `${fullResyncLine({ id }, offset)}\r\n` });
    this.#push({ type: 'hold', after: offset }, { type: 'send-payload', marked: eof });
  }

  #onPayloadSent(): void {
    const hadEnded = this.#hasEnded;
    this.#enter(this.#payload);
    if (hadEnded) return;
    this.#push({ type: 'heard' });
    if (this.#payload === 'only-payload-sent') this.#push({ type: 'close', how: 'end' });
    if (!this.isStreaming) return;
    this.#push({ type: 'stream', after: this.#sent! }, { type: 'online' });
  }

  #close(how: CloseManner): void {
    this.#enter('close');
    if (this.#state === 'closing') this.#push({ type: 'close', how });
  }

  #leave(trigger: 'snapshot-failed' | 'cut-off' | 'closed', why?: string, how?: CloseManner): void {
    const wasReplica = this.#isAttached && this.#state !== 'gone';
    this.#enter(trigger);
    if (!wasReplica) return;
    const failed = this.#awaitsLoad;
    this.#awaitsLoad = false;
    const reason = why ?? (failed ? NOT_LOADED : undefined);
    this.#push({ type: 'gone', reason, failed });
    if (how !== undefined) this.#push({ type: 'close', how });
  }

  #enter(trigger: ServedReplicaTrigger): void {
    this.#state = nextState(NEXT, this.#state, trigger);
    this.#reported = REPORTED[this.#state] ?? this.#reported;
  }

  #push(...actions: ServedReplicaAction[]): void {
    this.#actions.push(...actions);
  }
}

/** Undefined if the offset is not an integer in the form that servers write. */
function requestOf(id: string, offset: string): ResyncRequest | undefined {
  try {
    return parseResyncRequest(id, offset);
  } catch (error) {
    if (error instanceof PsyncError) return undefined;
    throw error;
  }
}

function isOffset(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text));
}
