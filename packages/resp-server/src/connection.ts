/**
 * A connection to one peer. `SocketConnection` adapts a socket; tests may use connections in memory.
 *
 * Nothing is received before `listen`.
 */
export interface Connection {
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly localHost: string;
  readonly localPort: number;
  /** Bytes received. */
  readonly bytesRead: number;
  /** Bytes given to `write`. */
  readonly bytesWritten: number;
  /** Bytes given to `write` that the system has not taken yet. */
  readonly unsent: number;
  /** Whether the caller should wait for `drained` before it writes more. */
  readonly needsDrain: boolean;
  /** Whether nothing can be sent or received any more. */
  readonly closed: boolean;
  /** Sets the receiver; a later call replaces it. */
  listen(listener: ConnectionListener): void;
  /**
   * Sends bytes without a copy: their memory must not change while `unsent` includes them.
   * `onFlushed` is called once the system has taken them, or the connection is closed.
   */
  write(bytes: Uint8Array, onFlushed?: () => void): void;
  /** Resolves when `needsDrain` is false or the connection is closed. */
  drained(): Promise<void>;
  /** Receives nothing until `resume`. */
  pause(): void;
  resume(): void;
  /**
   * Ends the sending direction after all written bytes; the connection closes when the peer has ended its own.
   * `onFlushed` is called once the system has taken the bytes, or the connection is closed.
   */
  end(onFlushed?: () => void): void;
  /** Closes at once; unsent bytes are lost. */
  destroy(): void;
}

/** Receives the events of a connection. */
export interface ConnectionListener {
  /** The bytes do not change afterwards. */
  onBytes(bytes: Uint8Array): void;
  /** The connection was closed or lost; no call follows. */
  onClose(): void;
}
