import type { StopTimer } from '@forebay/clock';
import type { CopyCause, HandshakeEvent, HandshakeOutcome, ReplicaHandshake } from '@forebay/psync';
import { nextState, PsyncError, StreamTracker, shiftHistory } from '@forebay/psync';
import { NEWLINE } from './acknowledgement.ts';
import { Acknowledger } from './acknowledger.ts';
import { describeEndpoint } from './address.ts';
import type { LinkRecord } from './backoff.ts';
import { errorOfSocket } from './connect.ts';
import { ReplicaError } from './errors.ts';
import {
  errorOfBytes,
  errorOfOutcome,
  errorOfRefusal,
  errorOfSnapshot,
  laterError,
  loopError,
  lostError,
  quoted,
  silentError,
} from './link-errors.ts';
import type { LinkOptions, LinkPhase, Timeouts } from './link-options.ts';
import { newHandshake, positionOf, withoutPassword } from './link-options.ts';
import type { LinkOwner } from './link-owner.ts';
import type { SnapshotStart } from './snapshot.ts';
import { Snapshot } from './snapshot.ts';
import type { LinkStep } from './states.ts';
import { NEXT_PHASE } from './states.ts';
import type { LinkSocket } from './transport.ts';
import type { UpstreamDecision } from './upstream.ts';

/** Milliseconds between acknowledgements (`replication.c: replicationCron`). */
const TICK = 1000;

/** One connection to a primary, from its first byte to its last. */
export class Link {
  readonly #options: LinkOptions;
  #timeouts: Timeouts;
  readonly #owner: LinkOwner;
  readonly #where: string;
  readonly #socket: LinkSocket;
  readonly #acknowledger: Acknowledger;
  readonly #stopTicking: StopTimer;
  readonly #ended: Promise<ReplicaError>;
  #end!: (error: ReplicaError) => void;
  #error: ReplicaError | undefined;
  #phase: LinkPhase = 'connect';
  /** Set from phase `handshake` on. */
  #handshake!: ReplicaHandshake;
  /** The request is being decided: the primary is silent because it has not been asked. */
  #deciding = false;
  /** Why this side requested a full resync. */
  #fullResync: { readonly cause: CopyCause; readonly reason: string } | undefined;
  #snapshot: Snapshot | undefined;
  /** Times are of the clock, in milliseconds. */
  #lastRead: number;
  #streamingSince: number | undefined;
  #continued = false;
  #progressed = false;

  constructor(options: LinkOptions, owner: LinkOwner) {
    this.#options = options;
    this.#timeouts = options.timeouts;
    this.#owner = owner;
    const { address, tls, clock } = options;
    this.#where = describeEndpoint(address);
    this.#lastRead = clock.elapsed();
    this.#acknowledger = new Acknowledger({
      owner,
      clock,
      write: (bytes) => this.#write(bytes),
      onAnswered: () => this.#heard(),
    });
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#socket = options.transport(address, tls, {
      onConnect: () => this.#onConnect(),
      onBytes: (bytes) => this.#onBytes(bytes),
      onError: (error) => {
        this.#error ??= errorOfSocket(error, address);
      },
      onClose: () => this.#onClose(),
    });
    this.#stopTicking = clock.every(TICK, () => this.#tick());
  }

  /** Why the link ended. It never rejects. */
  get ended(): Promise<ReplicaError> {
    return this.#ended;
  }

  /** What it has come to so far. */
  get record(): LinkRecord {
    const since = this.#streamingSince;
    const streamed = since === undefined ? undefined : this.#options.clock.elapsed() - since;
    return { streamed, progressed: this.#progressed };
  }

  /** From now on a link that is silent for longer is given up. */
  setTimeouts(timeouts: Timeouts): void {
    this.#timeouts = timeouts;
  }

  close(error: ReplicaError): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    // What was waiting in the kernel was no silence of the primary's.
    this.#heard();
    this.#socket.resume();
  }

  /** All that was delivered has been taken and done with. */
  release(): void {
    this.#socket.release();
  }

  /** The one who stores has come further. */
  progressed(): void {
    if (this.#phase === 'stream') this.#acknowledger.progressed();
  }

  #onConnect(): void {
    this.#enter('connected');
    const { localAddress } = this.#socket;
    this.#handshake = newHandshake(this.#options, this.#owner.cached, localAddress);
    this.#negotiate();
  }

  #onClose(): void {
    this.#stopTicking();
    this.#acknowledger.settle();
    this.#error ??= lostError(this.#where, this.#phase);
    const error = this.#error;
    if (this.#snapshot?.announced) this.#owner.deliver({ type: 'snapshot-aborted', error });
    this.#end(error);
  }

  #onBytes(bytes: Uint8Array): void {
    this.#heard();
    if (this.#error !== undefined) return;
    try {
      // Line, payload and stream may share one read: each phase hands on what is not its own.
      let rest = bytes;
      if (this.#phase === 'handshake') rest = this.#onHandshakeBytes(rest);
      if (this.#phase === 'transfer' && rest.length > 0) rest = this.#onPayloadBytes(rest);
      if (this.#phase === 'stream' && rest.length > 0) this.#onStreamBytes(rest);
    } catch (error) {
      this.close(this.#errorOf(error));
    }
    // A handshake adds nothing to what waits, and may not stand still for it.
    if (this.#owner.full && this.#phase !== 'handshake') this.#socket.pause();
  }

  #onHandshakeBytes(bytes: Uint8Array): Uint8Array {
    this.#handshake.push(bytes);
    this.#negotiate();
    return this.#handshake.takeRest();
  }

  #negotiate(): void {
    for (let event = this.#handshake.next(); event; event = this.#handshake.next()) {
      this.#onHandshakeEvent(event);
    }
  }

  #onHandshakeEvent(event: HandshakeEvent): void {
    switch (event.type) {
      case 'send':
        this.#write(event.bytes);
        break;
      case 'waiting':
        this.#owner.onWaiting();
        break;
      case 'option-refused':
        if (event.reply.startsWith('-NOPERM')) this.#acknowledger.refuse();
        this.#owner.onOptionRefused(event.option, this.#said(event.reply));
        break;
      case 'report':
        this.#decide(event);
        break;
      case 'outcome':
        this.#onOutcome(event.outcome);
        break;
    }
  }

  #decide({ report, reply }: Extract<HandshakeEvent, { type: 'report' }>): void {
    this.#deciding = true;
    const said = reply === undefined ? undefined : this.#said(reply);
    void this.#owner.decide(report, said).then((decision) => {
      this.#deciding = false;
      this.#heard();
      if (this.#error === undefined && decision !== undefined) this.#onDecision(decision);
    });
  }

  #onDecision(decision: UpstreamDecision): void {
    if (decision.type === 'later' || decision.type === 'loop') {
      const { type, reason } = decision;
      this.close((type === 'loop' ? loopError : laterError)(this.#where, reason));
      return;
    }
    if (decision.type === 'full') {
      const { cause = 'decided', reason } = decision;
      this.#fullResync = { cause, reason };
    }
    const cached = asksForNothing(decision) ? undefined : this.#owner.cached;
    try {
      this.#handshake.ask(cached && positionOf(cached));
      this.#negotiate();
    } catch (error) {
      this.close(this.#errorOf(error));
    }
  }

  #onOutcome(outcome: HandshakeOutcome): void {
    switch (outcome.type) {
      case 'full-resync': {
        const { id, offset } = outcome;
        const { cause, reason } = this.#fullResync ?? this.#refusedResume();
        this.#receive({ id, offset, bySync: false }, cause, reason);
        break;
      }
      case 'sync': {
        const start = { id: undefined, offset: undefined, bySync: true };
        const reason = `PSYNC was answered ${quoted(this.#said(outcome.reply))}, SYNC takes its place`;
        this.#receive(start, 'no-psync', reason);
        break;
      }
      case 'continue':
        this.#continue(outcome.id);
        break;
      default:
        this.close(errorOfOutcome(outcome, this.#said(outcome.reply), this.#options.address));
    }
  }

  /** Why the primary started a full resync that was not requested. */
  #refusedResume(): { readonly cause: CopyCause; readonly reason: string } {
    const held = this.#owner.cached?.tracker.offset;
    if (held === undefined) return { cause: 'nothing-held', reason: 'nothing to go on from' };
    return { cause: 'refused', reason: `the primary does not go on after ${held}` };
  }

  #receive(start: SnapshotStart, cause: CopyCause, reason: string): void {
    const accepts = this.#options.acceptedSnapshots;
    this.#snapshot = new Snapshot({ start, owner: this.#owner, accepts, cause, reason });
    this.#enter('full-resync');
  }

  #continue(id: string | undefined): void {
    const cached = this.#owner.cached;
    if (cached === undefined) return;
    const { offset } = cached.tracker;
    const history = id === undefined ? cached.history : shiftHistory(cached.history, id, offset);
    this.#owner.remember({ ...cached, history });
    this.#owner.deliver({ type: 'continue', history, offset });
    this.#continued = true;
    this.#stream('continue');
  }

  #onPayloadBytes(bytes: Uint8Array): Uint8Array {
    const snapshot = this.#snapshot!;
    const end = snapshot.push(bytes);
    if (end === undefined) return bytes.subarray(bytes.length);
    if (end.type === 'refused') {
      this.close(errorOfRefusal(this.#said(end.line), this.#options.address));
      return bytes.subarray(bytes.length);
    }
    if (end.type === 'unfit') {
      this.close(errorOfSnapshot(end.verdict, this.#where));
      return bytes.subarray(bytes.length);
    }
    this.#snapshot = undefined;
    const { history, offset, database, aux, verdict } = end;
    const tracker = new StreamTracker({ offset, database });
    this.#owner.remember({ history, start: offset, tracker });
    this.#owner.deliver({ type: 'snapshot-end', history, offset, database, aux, verdict });
    if (this.#options.rdbOnly) {
      this.close(new ReplicaError('STOPPED', 'the snapshot is whole'));
      return bytes.subarray(bytes.length);
    }
    if (!end.acknowledged) this.#acknowledger.refuse();
    if (end.marked) this.#acknowledger.hasten();
    this.#stream('snapshot-whole');
    return end.rest;
  }

  #stream(step: LinkStep): void {
    this.#streamingSince = this.#options.clock.elapsed();
    this.#enter(step);
    this.progressed();
  }

  #onStreamBytes(bytes: Uint8Array): void {
    const { tracker } = this.#owner.cached!;
    this.#acknowledger.settle();
    tracker.push(bytes);
    this.#progressed = this.#continued;
    const { offset, boundary } = tracker;
    this.#owner.deliver({ type: 'stream', bytes, offset, boundary });
  }

  #tick(): void {
    const limits = this.#timeouts;
    const limit = this.#phase === 'stream' ? limits.idle : limits[this.#phase];
    if (!this.#deaf && this.#options.clock.elapsed() - this.#lastRead > limit) {
      this.close(silentError(this.#where, this.#phase, limit));
      return;
    }
    if (this.#phase === 'transfer') this.#write(NEWLINE);
    if (this.#phase === 'stream') this.#acknowledger.tick();
  }

  /** Whether silence is our doing: we are not listening, or the primary waits for us. */
  get #deaf(): boolean {
    if (this.#deciding) return true;
    if (this.#phase === 'connect' || this.#phase === 'handshake') return false;
    return this.#owner.full || this.#acknowledger.awaited;
  }

  /** Silence counts from here on. */
  #heard(): void {
    this.#lastRead = this.#options.clock.elapsed();
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  #enter(step: LinkStep): void {
    this.#phase = nextState(NEXT_PHASE, this.#phase, step);
    this.#heard();
    this.#owner.onStep(step);
  }

  /** What the primary said, as it may be shown. */
  #said(reply: string): string {
    return withoutPassword(reply, this.#options.address);
  }

  /** What was thrown while bytes were taken; what is no fault of the peer's is thrown on. */
  #errorOf(error: unknown): ReplicaError {
    if (error instanceof PsyncError && error.code === 'DESYNCHRONIZED') {
      this.#owner.remember(undefined);
    }
    return errorOfBytes(error, this.#where);
  }
}

/**
 * If a report names no held id, the held position is still requested: a forebay continues from
 * ids that INFO has no field for, and any other server sends the full resync that it is about to send anyway.
 */
function asksForNothing(decision: UpstreamDecision): boolean {
  return decision.type === 'full' && decision.cause !== 'history';
}
