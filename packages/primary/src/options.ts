import type { Identity, RespServerOptions } from '@forebay/resp-server';
import type { OutputLimit } from './replicas/output-limit.ts';
import type { ReplicaEvents } from './replicas/replica-events.ts';
import type { ResyncBackoffOptions } from './replicas/resync-backoff.ts';
import type { RandomBytes } from './replicas/transfer.ts';

/** `timeout` is also the silence after which a replica is disconnected (`repl-timeout`). */
export interface ReplicationServerOptions
  extends Omit<RespServerOptions, 'identity' | 'closeOthers' | 'onForeign' | 'onFault'> {
  /** Bytes of the backlog in memory; 1 MiB by default. */
  readonly backlogSize?: number;
  /** The server and version that HELLO reports; redis 7.4.0 by default. The role is that of the source. */
  readonly identity?: Pick<Identity, 'server' | 'version'>;
  /**
   * When a replica is disconnected for what it has not taken. By default it is not: whatever it has not taken
   * is read again from the source, and held nowhere else.
   */
  readonly outputLimit?: OutputLimit;
  /** Delays of full resyncs to replicas that did not load the last ones; false: none. */
  readonly resyncBackoff?: ResyncBackoffOptions | false;
  readonly events?: ReplicaEvents;
  /**
   * Closes the link to the upstream, for `CLIENT KILL TYPE master`; false: there is none.
   * Left out at the top of a chain.
   */
  readonly cutUpstream?: () => boolean;
  /** Asks the replicas for acknowledgements in the stream, at the top of a chain. */
  readonly askForAcks?: () => void;
  /** Random bytes for the mark at the end of a payload; those of the system by default. */
  readonly random?: RandomBytes;
}
