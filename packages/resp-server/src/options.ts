import type { Clock } from '@forebay/clock';
import type { RespFailure } from '@forebay/resp';
import type { ClientType } from './clients/client.ts';
import type { Identity } from './commands/access-commands.ts';
import type { Commands } from './commands/command.ts';

/** Options that `configure` changes while the server runs. */
export interface LiveOptions {
  /** The password required of clients that connect later; none by default. */
  readonly requirepass?: string | undefined;
  /** The most clients at a time; 10,000 by default (`maxclients`). */
  readonly maxClients?: number;
  /**
   * Milliseconds that a client has for its password, for its first command, for the rest of a command, for
   * taking its replies, and for a TLS handshake; 60,000 by default.
   */
  readonly timeout?: number;
  /** Milliseconds of silence after which any other client without subscriptions is disconnected; 0 by default: never (`timeout`). */
  readonly idleTimeout?: number;
  /** Whether only this machine may connect while no password is required; true by default. */
  readonly protectedMode?: boolean;
  /**
   * Milliseconds of silence after which the system probes whether the peer is reachable; 300,000 by default,
   * 0: never (`tcp-keepalive`). Applies to later connections.
   */
  readonly keepAlive?: number;
}

export interface RespServerOptions extends LiveOptions {
  /** Commands besides those of the server itself; `register` adds more. */
  readonly commands?: Commands;
  /** The error for an unknown command; that of servers by default. */
  readonly refuse?: (name: string) => RespFailure | undefined;
  /** The answer to HELLO; redis 7.4.0 by default. */
  readonly identity?: Identity;
  /** The reply to PING while the server is not ready. */
  readonly notReady?: () => RespFailure | undefined;
  /** Closes connections of a type that are not clients of the server, for `CLIENT KILL TYPE`; returns their number. */
  readonly closeOthers?: (type: ClientType) => number;
  /** The client at `host:port` sent HTTP and was disconnected: a web page may have sent it. */
  readonly onForeign?: (address: string) => void;
  /** A command threw an error, and its client was disconnected. */
  readonly onFault?: (error: unknown) => void;
  readonly clock?: Clock;
}
