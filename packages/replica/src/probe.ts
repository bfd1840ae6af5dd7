import type { ReplicationReport } from '@forebay/psync';
import { PsyncError, ReplicaHandshake } from '@forebay/psync';
import { describeEndpoint } from './address.ts';
import { errorOfSocket } from './connect.ts';
import type { ReplicaError } from './errors.ts';
import { errorOfBytes, errorOfOutcome, lostError, silentError } from './link-errors.ts';
import { withoutPassword } from './link-options.ts';
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
 * Asks a server what it says of its replication (`INFO replication`), over a connection of its own,
 * and asks for nothing else. Undefined where that is not granted.
 *
 * @throws {ReplicaError} as a rejection: what keeps a link from standing
 */
export function probe(options: ProbeOptions): Promise<ReplicationReport | undefined> {
  const { timeout = DEFAULT_TIMEOUT } = options;
  const { address, tls, transport, clock } = linkOptions(options);
  const where = describeEndpoint(address);
  const { username, password } = address;
  const handshake = new ReplicaHandshake({
    ...(password === undefined ? {} : { password }),
    ...(username === undefined ? {} : { username }),
    askReport: true,
  });
  return new Promise((resolve, reject) => {
    let failure: ReplicaError | undefined;
    let answer: { readonly report: ReplicationReport | undefined } | undefined;
    let phase: 'connect' | 'handshake' = 'connect';
    const end = (error?: ReplicaError): void => {
      failure ??= error;
      socket.destroy();
    };
    const drain = (): void => {
      for (let event = handshake.next(); event !== undefined; event = handshake.next()) {
        if (event.type === 'send') socket.write(event.bytes);
        else if (event.type === 'report') {
          answer = event;
          return end();
        } else if (event.type === 'outcome') return end(errorOf(event.outcome));
      }
    };
    const errorOf = (outcome: Parameters<typeof errorOfOutcome>[0] | { type: string }) => {
      if (!('step' in outcome)) return lostError(where, phase);
      return errorOfOutcome(outcome, withoutPassword(outcome.reply, address), address);
    };
    const socket: LinkSocket = transport(address, tls, {
      onConnect() {
        phase = 'handshake';
        drain();
      },
      onBytes(bytes) {
        try {
          handshake.push(bytes);
          drain();
        } catch (error) {
          // What is asked ends with the report: more is of no interest.
          const late = error instanceof PsyncError && error.code === 'ENDED';
          end(late ? undefined : errorOfBytes(error, where));
        }
      },
      onError(error) {
        failure ??= errorOfSocket(error, address);
      },
      onClose() {
        stopTimer();
        if (answer !== undefined) resolve(answer.report);
        else reject(failure ?? lostError(where, phase));
      },
    });
    const stopTimer = clock.after(timeout, () => end(silentError(where, phase, timeout)));
  });
}
