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
  /** A command came; `words` include its name. Before PSYNC: REPLCONF, PSYNC and SYNC only. */
  | { readonly type: 'command'; readonly words: readonly string[]; readonly serving: Serving }
  /** The answer to `check-upstream`: the upstream was asked, or could not be. */
  | { readonly type: 'upstream-checked'; readonly serving: Serving }
  /** The answer to `queue`: the full resync may start. */
  | { readonly type: 'start' }
  /** The answer to `open-snapshot`: its replication id, and the last offset it contains. */
  | { readonly type: 'snapshot-opened'; readonly position: Position }
  /** The answer to `open-snapshot`: there is none, for this reason. */
  | { readonly type: 'snapshot-failed'; readonly reason: string }
  /** The first bytes of the payload, without its header. */
  | { readonly type: 'payload-began'; readonly bytes: Uint8Array }
  /** The answer to `send-payload`: all of it was passed on, with its mark. Not if the connection is lost. */
  | { readonly type: 'payload-sent' }
  /** It cannot be served further: its data is not held, or it is too far behind. */
  | { readonly type: 'cut-off'; readonly reason: string; readonly how: CloseManner }
  /** The connection is to close: it is silent, was dropped, or sent no valid command. */
  | { readonly type: 'close'; readonly how: CloseManner }
  /** Another stream is served from now on: the replica has to ask again, by no fault of its own. */
  | { readonly type: 'restart' }
  /** The connection has closed. */
  | { readonly type: 'closed' }
  /** Nothing of the stream is sent until `resume`. */
  | { readonly type: 'stall' }
  | { readonly type: 'resume' }
  /** A second has passed. */
  | { readonly type: 'tick' };

/** What to do next, in this order. */
export type ServedReplicaAction =
  /** Answer the command. */
  | { readonly type: 'reply'; readonly value: RespValue }
  /** Write a line, its end included, in latin1. */
  | { readonly type: 'send'; readonly line: string }
  /** The client is a replica from now on: no command but REPLCONF, PSYNC and SYNC is taken from it. */
  | { readonly type: 'attach' }
  /** Find out how far the upstream has come, then `upstream-checked`. No command is taken meanwhile. */
  | { readonly type: 'check-upstream' }
  /** Delay the full resync if it must be, then `start`. */
  | { readonly type: 'queue' }
  /** Open a snapshot, then `snapshot-opened` or `snapshot-failed`; `alone`: no stream follows it. */
  | { readonly type: 'open-snapshot'; readonly alone: boolean }
  /** Close the snapshot that was opened: nothing takes it. */
  | { readonly type: 'discard-snapshot' }
  /** Keep what comes after this offset, until the connection is closed. */
  | { readonly type: 'hold'; readonly after: number }
  /** Send the snapshot, with an end mark or with its length, then `payload-sent`. */
  | { readonly type: 'send-payload'; readonly marked: boolean }
  /** Send the stream after this offset. Call `sent` as it goes. */
  | { readonly type: 'stream'; readonly after: number }
  /** Measure its silence from now on: it had nothing to say before. */
  | { readonly type: 'heard' }
  | { readonly type: 'close'; readonly how: CloseManner }
  // For logs and counters:
  | { readonly type: 'partial-resync'; readonly offset: number }
  | { readonly type: 'full-resync'; readonly reason: string }
  | { readonly type: 'online' }
  /** It has shown by an ACK that it loaded the full resync. */
  | { readonly type: 'loaded' }
  /** `acknowledged` and `synced` are as it says. */
  | { readonly type: 'acknowledged' }
  /** It is no replica any more. `failed`: it was sent a full resync and has not shown that it loaded it. */
  | { readonly type: 'gone'; readonly reason: string | undefined; readonly failed: boolean };

/** What a replica must show so that it is not given up. */
export type SignOfLife =
  /** Bytes from it. */
  | 'words'
  /** Bytes that it takes. */
  | 'progress'
  | 'nothing';

/** Bytes that name the format of a snapshot: the magic and the version. */
const FORMAT_LENGTH = 9;

const NOT_LOADED = 'the replica did not load the full resync';

/**
 * One replica at its primary, from its first REPLCONF to its end: the primary's half of the negotiation,
 * and what is known of the replica, by the table in `transitions.ts`. Events in, actions out.
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
  /** What follows the payload that is sent. */
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

  /** Whether it asked by SYNC: it knows no offsets and acknowledges nothing. */
  get bySync(): boolean {
    return this.#bySync;
  }

  /** Offset of the last byte that it acknowledged (ACK). */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Offset of the last byte that is on its disk (FACK); undefined if it did not say. */
  get synced(): number | undefined {
    return this.#synced;
  }

  /** Offset of the last byte of the stream that it has or was sent; undefined before a position is agreed. */
  get sentOffset(): number | undefined {
    return this.#sent;
  }

  /** Whether it is to load a full resync, and has not shown by an ACK that it has. */
  get awaitsLoad(): boolean {
    return this.#awaitsLoad;
  }

  /** What the snapshot begins with that was sent, such as `REDIS0011`; undefined: not one byte was. */
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
        // A replica that asked by SYNC has nothing to acknowledge.
        return this.#bySync ? 'nothing' : 'words';
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

  /** @throws {Error} if the event cannot happen in this state: a fault of the program */
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

  /** As from a server during BGSAVE: an empty line keeps the replica waiting. */
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
      // A replica that is served would read a reply as a part of the stream.
      if (!this.#isAttached) this.#push({ type: 'reply', value: refusal ?? OK });
    }
  }

  /** `REPLCONF ACK n [FACK n]`, which has no reply: the maximum counts (`replication.c: replconfCommand`). */
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
      // The replica may be ahead of this server only: the upstream knows.
      this.#enter('check-upstream');
      this.#push({ type: 'check-upstream' });
    } else this.#queue(decision.reason);
  }

  /** The old `SYNC`: a payload, and the stream after it, without a line about offsets. */
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

/** Undefined if the offset is not an integer as servers write one. */
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
