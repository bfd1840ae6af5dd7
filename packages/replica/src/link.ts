import type { StopTimer } from '@forebay/clock';
import type { HandshakeOutcome } from '@forebay/psync';
import { PsyncError, StreamTracker, shiftHistory } from '@forebay/psync';
import { NEWLINE } from './acknowledgement.ts';
import type { AcknowledgerHost } from './acknowledger.ts';
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
  lostError,
  quoted,
  silentError,
} from './link-errors.ts';
import type { LinkHost } from './link-host.ts';
import type { LinkOptions, LinkPhase, Timeouts } from './link-options.ts';
import { withoutPassword } from './link-options.ts';
import type { CopyReason, NegotiationLink } from './negotiation.ts';
import { Negotiation } from './negotiation.ts';
import type { SnapshotStart } from './snapshot.ts';
import { Snapshot } from './snapshot.ts';
import type { LinkSocket } from './transport.ts';

/** Milliseconds between acknowledgements (`replication.c: replicationCron`). */
const TICK = 1000;

/** One connection to a primary, from its first byte to its last. */
export class Link {
  readonly #options: LinkOptions;
  #timeouts: Timeouts;
  readonly #host: LinkHost;
  readonly #where: string;
  readonly #socket: LinkSocket;
  readonly #negotiation: Negotiation;
  readonly #acknowledger: Acknowledger;
  readonly #stopTicking: StopTimer;
  readonly #ended: Promise<ReplicaError>;
  #end!: (error: ReplicaError) => void;
  #error: ReplicaError | undefined;
  #phase: LinkPhase = 'connect';
  #snapshot: Snapshot | undefined;
  /** Times are of the clock, in milliseconds. */
  #lastRead: number;
  #streamingSince: number | undefined;
  #continued = false;
  #progressed = false;

  constructor(options: LinkOptions, host: LinkHost) {
    this.#options = options;
    this.#timeouts = options.timeouts;
    this.#host = host;
    const { address, tls, clock } = options;
    this.#where = describeEndpoint(address);
    this.#lastRead = clock.elapsed();
    this.#negotiation = new Negotiation(options, host, this.#negotiationLink());
    this.#acknowledger = new Acknowledger(this.#acknowledgerHost(), clock);
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

  #acknowledgerHost(): AcknowledgerHost {
    const host = this.#host;
    return {
      get cached() {
        return host.cached;
      },
      get acknowledgement() {
        return host.acknowledgement;
      },
      write: (bytes) => this.#write(bytes),
      onAnswered: () => this.#heard(),
    };
  }

  #negotiationLink(): NegotiationLink {
    const isOver = () => this.#error !== undefined;
    return {
      get over() {
        return isOver();
      },
      write: (bytes) => this.#write(bytes),
      onOutcome: (outcome) => this.#onOutcome(outcome),
      onOptionDenied: () => this.#acknowledger.refuse(),
      onDecided: () => this.#heard(),
      close: (error) => this.close(error),
      fail: (error) => this.close(this.#errorOf(error)),
    };
  }

  #onConnect(): void {
    this.#enter('handshake');
    this.#negotiation.begin(this.#socket.localAddress);
  }

  #onClose(): void {
    this.#stopTicking();
    this.#acknowledger.settle();
    this.#error ??= lostError(this.#where, this.#phase);
    const error = this.#error;
    if (this.#snapshot?.announced) this.#host.deliver({ type: 'snapshot-aborted', error });
    this.#end(error);
  }

  #onBytes(bytes: Uint8Array): void {
    this.#heard();
    if (this.#error !== undefined) return;
    try {
      // Line, payload and stream may share one read: each phase hands on what is not its own.
      let rest = bytes;
      if (this.#phase === 'handshake') rest = this.#negotiation.push(rest);
      if (this.#phase === 'transfer' && rest.length > 0) rest = this.#onPayloadBytes(rest);
      if (this.#phase === 'stream' && rest.length > 0) this.#onStreamBytes(rest);
    } catch (error) {
      this.close(this.#errorOf(error));
    }
    // A handshake adds nothing to what waits, and may not stand still for it.
    if (this.#host.full && this.#phase !== 'handshake') this.#socket.pause();
  }

  #onOutcome(outcome: HandshakeOutcome): void {
    switch (outcome.type) {
      case 'full-resync': {
        const { id, offset } = outcome;
        this.#receive({ id, offset, bySync: false }, this.#negotiation.reasonOfCopy);
        break;
      }
      case 'sync':
        this.#receive(
          { id: undefined, offset: undefined, bySync: true },
          {
            cause: 'no-psync',
            reason: `PSYNC was answered ${quoted(this.#said(outcome.reply))}, SYNC takes its place`,
          },
        );
        break;
      case 'continue':
        this.#continue(outcome.id);
        break;
      default:
        this.close(errorOfOutcome(outcome, this.#said(outcome.reply), this.#options.address));
    }
  }

  #receive(start: SnapshotStart, reason: CopyReason): void {
    this.#snapshot = new Snapshot(start, {
      deliver: (item) => this.#host.deliver(item),
      onTransfer: (progress) => this.#host.onTransfer(progress),
      onWaiting: () => this.#host.onWaiting(),
      accepts: this.#options.acceptedSnapshots,
      ...reason,
    });
    this.#enter('transfer');
  }

  #continue(id: string | undefined): void {
    const cached = this.#host.cached;
    if (cached === undefined) return;
    const { offset } = cached.tracker;
    const history = id === undefined ? cached.history : shiftHistory(cached.history, id, offset);
    this.#host.remember({ ...cached, history });
    this.#host.deliver({ type: 'continue', history, offset });
    this.#continued = true;
    this.#stream();
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
    this.#host.remember({ history, start: offset, tracker });
    this.#host.deliver({ type: 'snapshot-end', history, offset, database, aux, verdict });
    if (this.#options.rdbOnly) {
      this.close(new ReplicaError('STOPPED', 'the snapshot is whole'));
      return bytes.subarray(bytes.length);
    }
    if (!end.acknowledged) this.#acknowledger.refuse();
    if (end.marked) this.#acknowledger.hasten();
    this.#stream();
    return end.rest;
  }

  #stream(): void {
    this.#streamingSince = this.#options.clock.elapsed();
    this.#enter('stream');
    this.progressed();
  }

  #onStreamBytes(bytes: Uint8Array): void {
    const { tracker } = this.#host.cached!;
    this.#acknowledger.settle();
    tracker.push(bytes);
    this.#progressed = this.#continued;
    const { offset, boundary } = tracker;
    this.#host.deliver({ type: 'stream', bytes, offset, boundary });
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
    if (this.#negotiation.deciding) return true;
    if (this.#phase === 'connect' || this.#phase === 'handshake') return false;
    return this.#host.full || this.#acknowledger.awaited;
  }

  /** Silence counts from here on. */
  #heard(): void {
    this.#lastRead = this.#options.clock.elapsed();
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  #enter(phase: LinkPhase): void {
    this.#phase = phase;
    this.#heard();
    this.#host.onPhase(phase);
  }

  /** What the primary said, as it may be shown. */
  #said(reply: string): string {
    return withoutPassword(reply, this.#options.address);
  }

  /** What was thrown while bytes were taken; what is no fault of the peer's is thrown on. */
  #errorOf(error: unknown): ReplicaError {
    if (error instanceof PsyncError && error.code === 'DESYNCHRONIZED') {
      this.#host.remember(undefined);
    }
    return errorOfBytes(error, this.#where);
  }
}
