import type { Clock } from '@forebay/clock';
import type { RespFailure } from '@forebay/resp';
import type { CommandTable } from './serving/command.ts';
import type { Identity } from './serving/commands/command-host.ts';
import type { OutputLimit } from './serving/replica/output-limit.ts';
import type { ResyncBackoffOptions } from './serving/replica/resync-backoff.ts';
import type { RandomBytes } from './serving/replica/transfer.ts';
import type { ReplicaEvents } from './serving/served-replicas.ts';

/** What can be changed while it serves (`configure`). */
export interface LiveOptions {
  /** Asked of everyone who comes from now on, before anything is served. */
  readonly requirepass?: string | undefined;
  /** Clients at once; 10,000 by default (`maxclients`). */
  readonly maxClients?: number;
  /**
   * Milliseconds of silence after which a replica is given up; 60,000 by default (`repl-timeout`). As long
   * is waited for who is asked for a password to give it, for a first command, for the rest of one, and
   * for a handshake of TLS.
   */
  readonly timeout?: number;
  /** Milliseconds of silence for who is none of these, nor a subscriber; 0, the default: for ever (`timeout`). */
  readonly idleTimeout?: number;
  /** Whether only this machine is served where no password is asked for; true by default. */
  readonly protectedMode?: boolean;
  /**
   * Milliseconds of silence after which the system asks whether a peer is still there; 300,000 by default,
   * 0: never (`tcp-keepalive`). Of connections that come from now on.
   */
  readonly keepAlive?: number;
}

export interface ReplicationServerOptions extends LiveOptions {
  /** Bytes of the backlog in memory; 1 MiB by default. */
  readonly backlogSize?: number;
  /** Commands that are served besides, or in the place of those of the same name. */
  readonly commands?: CommandTable;
  /** What is answered to a command that is not served; by default what servers say. */
  readonly refuse?: (name: string) => RespFailure;
  /** What HELLO reports, read at each HELLO; redis 7.4.0 by default. */
  readonly identity?: Identity;
  /**
   * When a replica is cut off for what it leaves lying. By default it is not: whatever it has not taken
   * is read again from the source, and held nowhere else.
   */
  readonly outputLimit?: OutputLimit;
  /** How long replicas wait for a full resync that did not load the last ones; false: they do not. */
  readonly resyncBackoff?: ResyncBackoffOptions | false;
  /** What is told of replicas. */
  readonly events?: ReplicaEvents;
  /**
   * Ends the link to the server that is followed, for `CLIENT KILL TYPE master`; false: there is none.
   * Left out at the top of a chain.
   */
  readonly cutUpstream?: () => boolean;
  /** Puts a question into the stream, as its top: how far the replicas are. */
  readonly askForAcks?: () => void;
  readonly clock?: Clock;
  /** Random bytes for the mark at the end of a payload; those of the system by default. */
  readonly random?: RandomBytes;
}
