import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Clock } from '@forebay/clock';
import type { Position } from '@forebay/psync';
import { ReplicaHandshake } from '@forebay/psync';
import type { Address, Endpoint } from './address.ts';
import type { CachedStream } from './cached-stream.ts';
import { ReplicaError } from './errors.ts';
import type { TlsOptions, Transport } from './transport.ts';

/**
 * Which snapshots are taken (`RdbVerdict`):
 *
 * - `proven`: those that are sound, and those with a flaw that a checksum proves to be the primary's own;
 * - `unproven`: also those with a flaw and without a checksum; of all these none is damaged;
 * - `any`: every snapshot with complete framing. Not verified.
 */
export type AcceptedSnapshots = 'proven' | 'unproven' | 'any';

/** How far a transfer has come. */
export interface TransferProgress {
  /** Bytes of the payload; undefined where the primary does not know it. */
  readonly total: number | undefined;
  /** Bytes received. */
  readonly read: number;
}

/** What a link is doing; it begins with `connect`, which it does not tell. */
export type LinkPhase = 'connect' | 'handshake' | 'transfer' | 'stream';

/** Milliseconds without a byte after which a link is given up, by what it is doing. */
export interface Timeouts {
  readonly connect: number;
  readonly handshake: number;
  readonly transfer: number;
  readonly idle: number;
}

export interface LinkOptions {
  /** Without the password, where that is read before each attempt: see `withPassword`. */
  readonly address: Address;
  readonly readPassword: (() => string) | undefined;
  readonly tls: TlsOptions;
  readonly listeningPort: ListeningPort | undefined;
  readonly announcedAddress: string | undefined;
  readonly version: string | false | undefined;
  /** A snapshot is wanted, and no stream. */
  readonly rdbOnly: boolean;
  /** What a snapshot is to hold; everything unless given. */
  readonly rdbFilterOnly: string | undefined;
  readonly acceptedSnapshots: AcceptedSnapshots;
  /** What the server says of itself is to be known before it is asked for anything. */
  readonly asksReport: boolean;
  readonly timeouts: Timeouts;
  readonly transport: Transport;
  readonly clock: Clock;
}

/**
 * The port announced to the primary, 0 to 65535; 0: nothing listens. A function finds it for the address that a link
 * leaves from, undefined over a unix socket.
 */
export type ListeningPort = number | ((localAddress: string | undefined) => number);

/** The negotiation of one link that leaves from `localAddress`, which goes on after what `cached` has received. */
export function newHandshake(
  options: LinkOptions,
  cached: CachedStream | undefined,
  localAddress?: string,
): ReplicaHandshake {
  const { address, listeningPort, announcedAddress, version, rdbOnly, asksReport } = options;
  const { rdbFilterOnly } = options;
  const { username, password } = address;
  return new ReplicaHandshake({
    ...(password === undefined ? {} : { password }),
    ...(username === undefined ? {} : { username }),
    listeningPort:
      typeof listeningPort === 'function' ? listeningPort(localAddress) : (listeningPort ?? 0),
    ...(announcedAddress === undefined ? {} : { announcedAddress }),
    ...(version === undefined ? {} : { version }),
    ...(cached === undefined ? {} : { resume: positionOf(cached) }),
    askReport: asksReport,
    ...(rdbFilterOnly === undefined ? {} : { rdbFilterOnly }),
    rdbOnly,
  });
}

/**
 * The options of one attempt, with the password as it is now.
 *
 * @throws {ReplicaError} `INVALID_OPTION` where it cannot be read
 */
export function withPassword(options: LinkOptions): LinkOptions {
  const { address, readPassword } = options;
  if (readPassword === undefined) return options;
  try {
    return { ...options, address: { ...address, password: readPassword() } };
  } catch (error) {
    throw invalid('cannot read the password: ', error);
  }
}

/** Where it listens, without who we are to it. */
export function endpointOf(address: Address): Endpoint {
  if (address.kind === 'unix') return { kind: 'unix', path: address.path };
  return { kind: address.kind, host: address.host, port: address.port };
}

/** The last byte received. */
export function positionOf({ history, tracker }: CachedStream): Position {
  return { id: history.id, offset: tracker.offset };
}

/**
 * Finds what no attempt could be made with, before the first one is.
 *
 * @throws {ReplicaError} `INVALID_OPTION`
 */
export function checkLinkOptions(options: LinkOptions, cached: CachedStream | undefined): void {
  const { address, readPassword } = options;
  const password = readPassword === undefined ? address.password : '';
  try {
    // A port that is found for each link is not known yet.
    const listeningPort = typeof options.listeningPort === 'function' ? 0 : options.listeningPort;
    newHandshake({ ...options, listeningPort, address: { ...address, password } }, cached);
  } catch (error) {
    throw invalid('', error);
  }
  if (address.kind === 'tls') checkTlsOptions(options.tls);
}

/**
 * Whether the certificates and the key can be read, and belong together.
 *
 * @throws {ReplicaError} `INVALID_OPTION`
 */
export function checkTlsOptions(tls: TlsOptions): void {
  try {
    createSecureContext({ ...tls });
    // A CA that cannot be read would be passed over, and each certificate refused.
    if (tls.ca !== undefined) new X509Certificate(tls.ca);
  } catch (error) {
    throw invalid('the CA, certificate or key cannot be used: ', error);
  }
}

/** Servers may name a command's arguments in their errors, and AUTH's are secret. */
export function withoutPassword(reply: string, { password }: Address): string {
  if (password === undefined) return reply;
  // Replies have one character a byte.
  const secret = Buffer.from(password).toString('latin1');
  if (!reply.includes(secret) && !reply.includes(' with args ')) return reply;
  const code = /^-[A-Z]+(?= )/.exec(reply)?.[0] ?? '';
  return code.includes(secret) ? '…' : `${code} …`.trim();
}

function invalid(what: string, cause: unknown): ReplicaError {
  const message = `${what}${cause instanceof Error ? cause.message : String(cause)}`;
  return new ReplicaError('INVALID_OPTION', message, { cause });
}
