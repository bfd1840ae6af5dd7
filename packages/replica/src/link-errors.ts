import type { HandshakeOutcome, HandshakeStep } from '@forebay/psync';
import { classifyReply, PsyncError } from '@forebay/psync';
import type { RdbVerdict } from '@forebay/rdb';
import { RdbError } from '@forebay/rdb';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import type { Address } from './address.ts';
import { describeEndpoint } from './address.ts';
import { ReplicaError } from './errors.ts';
import type { LinkPhase } from './link-options.ts';

/** An outcome after which the link is closed. */
type Failure = Exclude<HandshakeOutcome, { type: 'full-resync' | 'sync' | 'continue' }>;

/** What a handshake that failed means; `reply` is the primary's, as it may be shown. */
export function errorOfOutcome(failure: Failure, reply: string, address: Address): ReplicaError {
  const { type, step } = failure;
  if (type === 'denied') return deniedError(reply, step, address);
  if (type === 'not-understood')
    return strangerError(describeEndpoint(address), quoted(reply), { reply });
  return answeredError(type === 'try-later' ? 'TRY_LATER' : 'REFUSED', reply, step, address);
}

/** What an error in place of a payload means. */
export function errorOfRefusal(reply: string, address: Address): ReplicaError {
  const said = classifyReply(reply);
  if (said === '-NOPERM' || said === '-NOAUTH') return deniedError(reply, 'sync', address);
  const isTransient = said === '-transient' || said === '-MASTERDOWN';
  return answeredError(isTransient ? 'TRY_LATER' : 'REFUSED', reply, 'sync', address);
}

/** What bytes that could not be taken mean. What is no fault of the peer's is thrown on. */
export function errorOfBytes(cause: unknown, where: string): ReplicaError {
  if (cause instanceof PsyncError && cause.code === 'DESYNCHRONIZED') {
    return new ReplicaError('DESYNCHRONIZED', `${where}: ${cause.message}`, { cause });
  }
  if (cause instanceof PsyncError) return strangerError(where, cause.message, { cause });
  if (cause instanceof RdbReceiverError || cause instanceof RdbError) {
    const message = `${where} sent a payload that cannot be taken: ${cause.message}`;
    return new ReplicaError('BAD_PAYLOAD', message, { cause });
  }
  throw cause;
}

/** A snapshot that came and is not taken. */
export function errorOfSnapshot(verdict: RdbVerdict, where: string): ReplicaError {
  const { outcome, findings } = verdict;
  const [first, ...others] = findings.map(({ message }) => message);
  const last = others.at(-1);
  const found = [first, ...(last === undefined ? [] : [last])].join('; ');
  const proof = outcome === 'unproven' ? '; without a checksum the rest is unproven' : '';
  const message = `snapshot from ${where} refused: ${found}${proof}`;
  return new ReplicaError('BAD_PAYLOAD', message, { verdict });
}

export function lostError(where: string, phase: LinkPhase): ReplicaError {
  const when = phase === 'connect' ? 'before it stood' : `in the ${phase}`;
  return new ReplicaError('LINK_LOST', `${where} closed the link ${when}`);
}

/** It was decided to ask later. */
export function laterError(where: string, reason: string): ReplicaError {
  return new ReplicaError('TRY_LATER', `${where} is to be asked later: ${reason}`);
}

/** It was decided that the server's stream comes from us. */
export function loopError(where: string, reason: string): ReplicaError {
  return new ReplicaError('LOOP', `cannot follow ${where}: ${reason}`);
}

/** `limit` in milliseconds. */
export function silentError(where: string, phase: LinkPhase, limit: number): ReplicaError {
  const seconds = Math.round(limit / 1000);
  return new ReplicaError('TIMEOUT', `${where} sent nothing for ${seconds} s (${phase})`);
}

/** A primary's words, as part of a sentence. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/** The peer speaks another protocol. */
export function strangerError(
  where: string,
  what: string,
  details: { reply?: string; cause?: unknown },
): ReplicaError {
  const message = `what answers at ${where} is no Redis or Valkey: ${what}`;
  return new ReplicaError('NOT_UNDERSTOOD', message, details);
}

function answeredError(
  code: 'TRY_LATER' | 'REFUSED',
  reply: string,
  step: HandshakeStep | 'sync',
  address: Address,
): ReplicaError {
  const where = describeEndpoint(address);
  const message = `${where} answered ${step.toUpperCase()} with ${quoted(reply)}`;
  return new ReplicaError(code, message, { reply });
}

function deniedError(reply: string, step: HandshakeStep | 'sync', address: Address): ReplicaError {
  const who = address.username ?? 'default';
  const denied = `denies ${step.toUpperCase()} to user ${quoted(who)}: ${quoted(reply)}`;
  const message = `${describeEndpoint(address)} ${denied}; ${adviceOn(reply, address)}`;
  return new ReplicaError('DENIED', message, { reply });
}

function adviceOn(reply: string, { username = 'default', password }: Address): string {
  if (reply.startsWith('-NOPERM'))
    return `grant it: ACL SETUSER ${username} +psync +replconf +ping`;
  if (password !== undefined) return 'check the user and the password';
  return 'give a password (masterauth), and a user (masteruser) where there is one';
}
