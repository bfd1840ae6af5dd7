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
   * When a replica is disconnected because it is too far behind. Never by default: bytes that it has not read are
   * read from the source again, and use no memory.
   */
  readonly outputLimit?: OutputLimit;
  /** Delays before full resyncs of replicas that did not load the last ones; false: none. */
  readonly resyncBackoff?: ResyncBackoffOptions | false;
  readonly events?: ReplicaEvents;
  /**
   * Closes the link to the upstream, for `CLIENT KILL TYPE master`; returns false if there is none.
   * Absent at the top of a chain.
   */
  readonly cutUpstream?: () => boolean;
  /** Adds REPLCONF GETACK to the stream, at the top of a chain. */
  readonly askForAcks?: () => void;
  /** Random bytes for the mark at the end of a payload; those of the system by default. */
  readonly random?: RandomBytes;
}
