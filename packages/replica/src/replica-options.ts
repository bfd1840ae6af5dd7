import type { Clock } from '@forebay/clock';
import { systemClock } from '@forebay/clock';
import type { Address, Endpoint } from './address.ts';
import { addressOf } from './address.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Resume } from './cached-stream.ts';
import { openSocket } from './connect.ts';
import type { ReplicaError } from './errors.ts';
import type {
  AcceptedSnapshots,
  LinkOptions,
  LinkPhase,
  ListeningPort,
  Timeouts,
  TransferProgress,
} from './link-options.ts';
import type { TlsOptions, Transport } from './transport.ts';
import type { DecideUpstream } from './upstream.ts';

/** The servers' `repl-timeout`, in milliseconds. */
const DEFAULT_TIMEOUT = 60_000;

/** Which primary to follow, and who we are to it. */
export interface ReplicaTarget {
  /** `redis://`, `rediss://` or `unix://`, with `[user][:password]@`; or the endpoint, read already. */
  readonly url: string | URL | Endpoint;
  readonly username?: string;
  /** A function is called before each attempt: a password that was rotated is found by the next one. */
  readonly password?: Password;
  readonly tls?: TlsOptions;
}

/** A password, or what reads the present one. What it throws ends one attempt, as `INVALID_OPTION`. */
export type Password = string | (() => string);

export interface ReplicaOptions extends ReplicaTarget {
  readonly resume?: Resume;
  /** Told to the primary, 0 to 65535, or what finds it for each link; 0 by default: nothing listens. */
  readonly listeningPort?: ListeningPort;
  readonly announcedAddress?: string;
  /** Told to the primary, by which Valkey 9.1 chooses the RDB's version; false omits it. */
  readonly version?: string | false;
  /** Asked at each attempt, by what the server says of itself. */
  readonly onUpstream?: DecideUpstream;
  /**
   * A snapshot and nothing after it: the items end with `snapshot-end`, nothing is acknowledged, and
   * an attempt that fails is the last. Not with `resume`.
   */
  readonly rdbOnly?: boolean;
  /**
   * What the snapshot of a full resync is to hold (`REPLCONF rdb-filter-only`, 7.0 and later): `functions`,
   * or nothing (`""`); everything unless given. Older servers refuse the option and send everything.
   */
  readonly rdbFilterOnly?: string;
  /** Which snapshots are taken; `proven` by default. */
  readonly acceptedSnapshots?: AcceptedSnapshots;
  /** Milliseconds of silence after which a link is given up, 60,000 each by default. */
  readonly timeouts?: Partial<Timeouts>;
  readonly backoff?: BackoffOptions;
  /** Bytes that may wait before the socket is paused, 1 MiB by default. */
  readonly bufferSize?: number;
  /** Aborted: everything stops at once and the iteration throws `STOPPED`. */
  readonly signal?: AbortSignal;
  /** How connections are opened; sockets by default. */
  readonly transport?: Transport;
  /** The time to live by; the machine's by default. */
  readonly clock?: Clock;
}

/** What a replica is doing. */
export type ReplicaState = 'idle' | LinkPhase | 'waiting' | 'detached';

/** The events of a replica, by name; what comes in order and may not be missed comes as items. */
export interface ReplicaEvents {
  state: [state: ReplicaState];
  /** A transfer has come further. */
  transfer: [progress: TransferProgress];
  /** The primary has to make the snapshot first. */
  'snapshot-awaited': [];
  /** The primary does not take a REPLCONF option: it may be old, or the user may not. */
  'option-refused': [option: string, reply: string];
  /** An attempt has ended; the next comes after `delay` milliseconds. */
  'attempt-ended': [error: ReplicaError, delay: number];
}

/** @throws {ReplicaError} `INVALID_OPTION` */
export function linkOptions(options: ReplicaOptions): LinkOptions {
  const address: Address = addressOf(options.url);
  const { timeouts, password = address.password } = options;
  const isRead = typeof password === 'function';
  return {
    address: {
      ...address,
      username: options.username ?? address.username,
      password: isRead ? undefined : password,
    },
    readPassword: isRead ? password : undefined,
    tls: options.tls ?? {},
    listeningPort: options.listeningPort,
    announcedAddress: options.announcedAddress,
    version: options.version,
    rdbOnly: options.rdbOnly ?? false,
    rdbFilterOnly: options.rdbFilterOnly,
    acceptedSnapshots: options.acceptedSnapshots ?? 'proven',
    asksReport: options.onUpstream !== undefined,
    timeouts: {
      connect: timeouts?.connect ?? DEFAULT_TIMEOUT,
      handshake: timeouts?.handshake ?? DEFAULT_TIMEOUT,
      transfer: timeouts?.transfer ?? DEFAULT_TIMEOUT,
      idle: timeouts?.idle ?? DEFAULT_TIMEOUT,
    },
    transport: options.transport ?? openSocket,
    clock: options.clock ?? systemClock,
  };
}

/**
 * The same, to another primary. Nothing that was for the earlier one is shown to it.
 *
 * @throws {ReplicaError} `INVALID_OPTION`
 */
export function retargeted(options: LinkOptions, target: ReplicaTarget): LinkOptions {
  const { address, readPassword, tls } = linkOptions(target);
  return { ...options, address, readPassword, tls };
}
