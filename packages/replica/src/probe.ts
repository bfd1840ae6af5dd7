import type { HandshakeOutcome, ReplicationReport } from '@forebay/psync';
import { PsyncError, ReplicaHandshake } from '@forebay/psync';
import { describeEndpoint } from './address.ts';
import { errorOfSocket } from './connect.ts';
import type { ReplicaError } from './errors.ts';
import { errorOfBytes, errorOfOutcome, lostError, silentError } from './link-errors.ts';
import type { LinkOptions } from './link-options.ts';
import { withoutPassword, withPassword } from './link-options.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { linkOptions } from './replica-options.ts';
import type { LinkSocket } from './transport.ts';

/** Whom to ask, and how. */
export interface ProbeOptions
  extends Pick<ReplicaOptions, 'url' | 'username' | 'password' | 'tls' | 'transport' | 'clock'> {
  /** Milliseconds that the answer may take in all; 5,000 by default. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT = 5000;

/**
 * Asks a server what it says of its replication (`INFO`), over a connection of its own,
 * and asks for nothing else. Undefined where that is not granted.
 *
 * @throws {ReplicaError} as a rejection: what keeps a link from standing
 */
export async function probe(options: ProbeOptions): Promise<ReplicationReport | undefined> {
  return new Probe(withPassword(linkOptions(options)), options.timeout ?? DEFAULT_TIMEOUT).answer;
}

/** One connection: it ends with the report, or with why there is none. */
class Probe {
  readonly answer: Promise<ReplicationReport | undefined>;
  readonly #options: LinkOptions;
  readonly #where: string;
  readonly #handshake: ReplicaHandshake;
  readonly #socket: LinkSocket;
  readonly #stopTimer: () => void;
  #phase: 'connect' | 'handshake' = 'connect';
  #answered = false;
  #report: ReplicationReport | undefined;
  #failure: ReplicaError | undefined;

  constructor(options: LinkOptions, timeout: number) {
    const { address, tls, transport, clock } = options;
    const { username, password } = address;
    this.#options = options;
    this.#where = describeEndpoint(address);
    this.#handshake = new ReplicaHandshake({
      ...(password === undefined ? {} : { password }),
      ...(username === undefined ? {} : { username }),
      askReport: true,
    });
    let settle = (): void => {};
    this.answer = new Promise((resolve, reject) => {
      settle = () => {
        if (this.#answered) resolve(this.#report);
        else reject(this.#failure ?? lostError(this.#where, this.#phase));
      };
    });
    this.#socket = transport(address, tls, {
      onConnect: () => this.#begin(),
      onBytes: (bytes) => this.#take(bytes),
      onError: (error) => {
        this.#failure ??= errorOfSocket(error, address);
      },
      onClose: () => {
        this.#stopTimer();
        settle();
      },
    });
    const late = (): void => this.#end(silentError(this.#where, this.#phase, timeout));
    this.#stopTimer = clock.after(timeout, late);
  }

  #begin(): void {
    this.#phase = 'handshake';
    this.#drain();
  }

  #take(bytes: Uint8Array): void {
    // What comes after the report was asked by nobody.
    if (this.#answered) return;
    try {
      this.#handshake.push(bytes);
      this.#drain();
    } catch (error) {
      if (!(error instanceof PsyncError)) throw error;
      this.#end(errorOfBytes(error, this.#where));
    }
  }

  #drain(): void {
    for (let event = this.#handshake.next(); event; event = this.#handshake.next()) {
      if (event.type === 'send') this.#socket.write(event.bytes);
      else if (event.type === 'report') {
        this.#answered = true;
        this.#report = event.report;
        this.#socket.destroy();
        return;
      } else if (event.type === 'outcome') this.#onOutcome(event.outcome);
    }
  }

  #onOutcome(outcome: HandshakeOutcome): void {
    const { address } = this.#options;
    if (!('step' in outcome)) this.#end();
    else this.#end(errorOfOutcome(outcome, withoutPassword(outcome.reply, address), address));
  }

  #end(error?: ReplicaError): void {
    this.#failure ??= error;
    this.#socket.destroy();
  }
}
