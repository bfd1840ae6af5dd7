import type { Socket } from 'node:net';
import type { HandshakeOutcome, ReplicaHandshake } from '@forebay/psync';
import { PsyncError, StreamTracker, shiftHistory } from '@forebay/psync';
import type { ReplicaProgress } from './acknowledgement.ts';
import { encodeAcknowledgement, NEWLINE } from './acknowledgement.ts';
import { describeEndpoint } from './address.ts';
import type { CachedStream } from './cached-stream.ts';
import { errorOfSocket, openSocket } from './connect.ts';
import type { ReplicaError } from './errors.ts';
import type { ReplicaItem } from './items.ts';
import {
  errorOfBytes,
  errorOfOutcome,
  errorOfRefusal,
  lostError,
  quoted,
  silentError,
} from './link-errors.ts';
import type { LinkOptions, LinkPhase } from './link-options.ts';
import { newHandshake, withoutPassword } from './link-options.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import type { SnapshotStart, TransferProgress } from './snapshot.ts';
import { Snapshot } from './snapshot.ts';

/** Milliseconds between acknowledgements (`replication.c: replicationCron`). */
const TICK = 1000;

/** The one that the link works for: it owns what outlives a link. */
export interface LinkHost {
  readonly cached: CachedStream | undefined;
  /** What the one who stores has told of `cached`; undefined if it has told nothing yet. */
  readonly acknowledgement: ReplicaProgress | undefined;
  /** Whether reading has to stop until `resume` is called. */
  readonly full: boolean;
  remember(cached: CachedStream | undefined): void;
  deliver(item: ReplicaItem): void;
  onPhase(phase: LinkPhase): void;
  onTransfer(progress: TransferProgress): void;
  onOptionRefused(option: string, reply: string): void;
  onWaiting(): void;
}

/** One connection to a primary, from its first byte to its last. */
export class Link {
  readonly #options: LinkOptions;
  readonly #host: LinkHost;
  readonly #where: string;
  readonly #buffer = new ReceiveBuffer();
  readonly #socket: Socket;
  readonly #handshake: ReplicaHandshake;
  readonly #ended: Promise<ReplicaError>;
  #end!: (error: ReplicaError) => void;
  #error: ReplicaError | undefined;
  #phase: LinkPhase = 'connect';
  #snapshot: Snapshot | undefined;
  #ticking: NodeJS.Timeout;
  /** Times are of the monotonic clock, in milliseconds. */
  #lastRead = performance.now();
  #streamingSince: number | undefined;
  /** REPLCONF is understood and granted; without it a newline has to do. */
  #mayAcknowledge = true;
  #getAckAnswered = -1;
  #confirmed = false;
  /** The primary is silent because we have not acknowledged its snapshot yet. */
  #awaited = false;

  constructor(options: LinkOptions, host: LinkHost) {
    this.#options = options;
    this.#host = host;
    this.#where = describeEndpoint(options.address);
    this.#handshake = newHandshake(options, host.cached);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { address, tls } = options;
    this.#socket = openSocket(address, tls, this.#buffer, (bytes) => this.#onBytes(bytes));
    this.#watch();
    this.#ticking = setInterval(() => this.#tick(), TICK);
  }

  /** Why the link ended. It never rejects. */
  get ended(): Promise<ReplicaError> {
    return this.#ended;
  }

  /** Milliseconds of streaming so far; undefined before the stream began. */
  get streamed(): number | undefined {
    if (this.#streamingSince === undefined) return undefined;
    return performance.now() - this.#streamingSince;
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
    this.#lastRead = performance.now();
    this.#socket.resume();
  }

  /** All that was delivered has been taken and done with. */
  release(): void {
    this.#buffer.release();
  }

  /** The one who stores has come further: a GETACK may be answered, a new stream asked for. */
  progressed(): void {
    const { acknowledgement, cached } = this.#host;
    if (this.#phase !== 'stream' || acknowledgement === undefined || cached === undefined) return;
    const { lastGetAck } = cached.tracker;
    const due = lastGetAck > this.#getAckAnswered && acknowledgement.written >= lastGetAck;
    if (due || !this.#confirmed) this.#acknowledge(acknowledgement);
    if (due) this.#getAckAnswered = lastGetAck;
  }

  #watch(): void {
    const socket = this.#socket;
    const { address } = this.#options;
    socket.once(address.kind === 'tls' ? 'secureConnect' : 'connect', () => {
      this.#enter('handshake');
      this.#drainHandshake();
    });
    socket.on('error', (error) => {
      this.#error ??= errorOfSocket(error, address);
    });
    socket.once('close', () => {
      clearInterval(this.#ticking);
      const error = this.#error ?? lostError(this.#where, this.#phase);
      if (this.#snapshot?.announced) this.#host.deliver({ type: 'snapshot-aborted', error });
      this.#end(error);
    });
  }

  #onBytes(bytes: Uint8Array): void {
    this.#lastRead = performance.now();
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
    if (this.#host.full && this.#phase !== 'handshake') this.#socket.pause();
  }

  #onHandshakeBytes(bytes: Uint8Array): Uint8Array {
    this.#handshake.push(bytes);
    this.#drainHandshake();
    return this.#handshake.takeRest();
  }

  #drainHandshake(): void {
    for (let event = this.#handshake.next(); event; event = this.#handshake.next()) {
      if (event.type === 'send') this.#socket.write(event.bytes);
      else if (event.type === 'waiting') this.#host.onWaiting();
      else if (event.type === 'outcome') this.#onOutcome(event.outcome);
      else {
        if (event.reply.startsWith('-NOPERM')) this.#mayAcknowledge = false;
        this.#host.onOptionRefused(event.option, this.#said(event.reply));
      }
    }
  }

  #onOutcome(outcome: HandshakeOutcome): void {
    switch (outcome.type) {
      case 'full-resync': {
        const { id, offset } = outcome;
        const held = this.#host.cached?.tracker.offset;
        const reason =
          held === undefined ? 'nothing to go on from' : `the primary does not go on after ${held}`;
        this.#receive({ id, offset, bySync: false }, reason);
        break;
      }
      case 'sync':
        this.#receive(
          { id: undefined, offset: undefined, bySync: true },
          `PSYNC was answered ${quoted(this.#said(outcome.reply))}, SYNC takes its place`,
        );
        break;
      case 'continue':
        this.#continue(outcome.id);
        break;
      default:
        this.close(errorOfOutcome(outcome, this.#said(outcome.reply), this.#options.address));
    }
  }

  #receive(start: SnapshotStart, reason: string): void {
    this.#snapshot = new Snapshot(start, {
      deliver: (item) => this.#host.deliver(item),
      onTransfer: (progress) => this.#host.onTransfer(progress),
      onWaiting: () => this.#host.onWaiting(),
      reason,
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
    this.#snapshot = undefined;
    const { history, offset, database } = end;
    const tracker = new StreamTracker({ offset, database });
    if (!end.acknowledged) this.#mayAcknowledge = false;
    this.#awaited = end.marked;
    this.#host.remember({ history, start: offset, tracker });
    this.#host.deliver({ type: 'snapshot-end', history, offset, database, aux: end.aux });
    this.#stream();
    return end.rest;
  }

  #stream(): void {
    this.#streamingSince = performance.now();
    this.#enter('stream');
    this.progressed();
  }

  #onStreamBytes(bytes: Uint8Array): void {
    const { tracker } = this.#host.cached!;
    tracker.push(bytes);
    const { offset, boundary } = tracker;
    this.#host.deliver({ type: 'stream', bytes, offset, boundary });
  }

  #tick(): void {
    const limits = this.#options.timeouts;
    const limit = this.#phase === 'stream' ? limits.idle : limits[this.#phase];
    if (!this.#deaf && performance.now() - this.#lastRead > limit) {
      this.close(silentError(this.#where, this.#phase, limit));
      return;
    }
    if (this.#phase === 'transfer') this.#write(NEWLINE);
    if (this.#phase === 'stream') this.#acknowledge(this.#host.acknowledgement);
  }

  /** Whether silence is our doing: we are not listening, or the primary waits for us. */
  get #deaf(): boolean {
    if (this.#phase === 'connect' || this.#phase === 'handshake') return false;
    return this.#host.full || this.#awaited;
  }

  #acknowledge(progress: ReplicaProgress | undefined): void {
    if (progress !== undefined) {
      this.#confirmed = true;
      if (this.#awaited) this.#lastRead = performance.now();
      this.#awaited = false;
    }
    const may = this.#mayAcknowledge && progress !== undefined;
    this.#write(may ? encodeAcknowledgement(progress) : NEWLINE);
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  #enter(phase: LinkPhase): void {
    this.#phase = phase;
    this.#lastRead = performance.now();
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
