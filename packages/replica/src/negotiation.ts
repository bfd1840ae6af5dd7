import type { CopyCause, HandshakeEvent, HandshakeOutcome, ReplicaHandshake } from '@forebay/psync';
import { describeEndpoint } from './address.ts';
import type { ReplicaError } from './errors.ts';
import { laterError, loopError } from './link-errors.ts';
import type { LinkHost } from './link-host.ts';
import type { LinkOptions } from './link-options.ts';
import { newHandshake, positionOf, withoutPassword } from './link-options.ts';
import type { UpstreamDecision } from './upstream.ts';

/** Why a full copy comes; `reason` is for people. */
export interface CopyReason {
  readonly cause: CopyCause;
  readonly reason: string;
}

/** The link that is negotiated for. */
export interface NegotiationLink {
  /** Whether it is lost, or to be closed. */
  readonly over: boolean;
  write(bytes: Uint8Array): void;
  onOutcome(outcome: HandshakeOutcome): void;
  /** REPLCONF is not granted. */
  onOptionDenied(): void;
  /** The primary is spoken to again, after a silence of ours. */
  onDecided(): void;
  close(error: ReplicaError): void;
  /** Something was thrown while the decision was followed. */
  fail(error: unknown): void;
}

/** The negotiation of one link, which stands still while it is decided what to ask for. */
export class Negotiation {
  readonly #options: LinkOptions;
  readonly #host: LinkHost;
  readonly #link: NegotiationLink;
  /** There from `begin` on. */
  #handshake!: ReplicaHandshake;
  #deciding = false;
  #reason: CopyReason | undefined;

  constructor(options: LinkOptions, host: LinkHost, link: NegotiationLink) {
    this.#options = options;
    this.#host = host;
    this.#link = link;
  }

  /** Whether the primary is silent because it has not been asked yet. */
  get deciding(): boolean {
    return this.#deciding;
  }

  /** Why a full copy comes. */
  get reasonOfCopy(): CopyReason {
    if (this.#reason !== undefined) return this.#reason;
    const held = this.#host.cached?.tracker.offset;
    if (held === undefined) return { cause: 'nothing-held', reason: 'nothing to go on from' };
    return { cause: 'refused', reason: `the primary does not go on after ${held}` };
  }

  /** The link stands, and leaves from this address. */
  begin(localAddress: string | undefined): void {
    this.#handshake = newHandshake(this.#options, this.#host.cached, localAddress);
    this.#drain();
  }

  /**
   * The next bytes from the primary; those after the outcome are returned.
   *
   * @throws {PsyncError} `LINE_TOO_LONG`
   */
  push(bytes: Uint8Array): Uint8Array {
    this.#handshake.push(bytes);
    this.#drain();
    return this.#handshake.takeRest();
  }

  #drain(): void {
    for (let event = this.#handshake.next(); event; event = this.#handshake.next()) {
      this.#onEvent(event);
    }
  }

  #onEvent(event: HandshakeEvent): void {
    switch (event.type) {
      case 'send':
        this.#link.write(event.bytes);
        break;
      case 'waiting':
        this.#host.onWaiting();
        break;
      case 'option-refused':
        if (event.reply.startsWith('-NOPERM')) this.#link.onOptionDenied();
        this.#host.onOptionRefused(event.option, this.#said(event.reply));
        break;
      case 'report':
        this.#decide(event);
        break;
      case 'outcome':
        this.#link.onOutcome(event.outcome);
        break;
    }
  }

  #decide({ report, reply }: Extract<HandshakeEvent, { type: 'report' }>): void {
    this.#deciding = true;
    const said = reply === undefined ? undefined : this.#said(reply);
    void this.#host.decide(report, said).then((decision) => {
      this.#deciding = false;
      this.#link.onDecided();
      if (!this.#link.over && decision !== undefined) this.#onDecision(decision);
    });
  }

  #onDecision(decision: UpstreamDecision): void {
    if (decision.type === 'later' || decision.type === 'loop') {
      const { type, reason } = decision;
      const where = describeEndpoint(this.#options.address);
      this.#link.close(type === 'loop' ? loopError(where, reason) : laterError(where, reason));
      return;
    }
    if (decision.type === 'full') {
      const { cause = 'decided', reason } = decision;
      this.#reason = { cause, reason };
    }
    const cached = asksForNothing(decision) ? undefined : this.#host.cached;
    try {
      this.#handshake.ask(cached && positionOf(cached));
      this.#drain();
    } catch (error) {
      this.#link.fail(error);
    }
  }

  #said(reply: string): string {
    return withoutPassword(reply, this.#options.address);
  }
}

/**
 * If a report names no held id, the held position is still requested: a forebay continues from
 * ids that INFO has no field for, and any other server sends the full copy that it is about to send anyway.
 */
function asksForNothing(decision: UpstreamDecision): boolean {
  return decision.type === 'full' && decision.cause !== 'history';
}
