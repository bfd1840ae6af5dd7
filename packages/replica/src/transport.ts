import type { Endpoint } from './address.ts';

/** What a link uses of a connection. Nothing of it calls the listener before it returns. */
export interface LinkSocket {
  /** Whether `write` still leads anywhere. */
  readonly writable: boolean;
  /** The address of this side, once a link stands; undefined over a unix socket, or where it is not known. */
  readonly localAddress?: string | undefined;
  /** Until when the peer's certificate is valid, once a secured link stands; undefined without one. */
  readonly certificateEnd?: Date | undefined;
  write(bytes: Uint8Array): void;
  /** No more `onBytes` than one read may bring, until `resume`. */
  pause(): void;
  resume(): void;
  /** All bytes that were handed over have been taken and done with: their memory may be used anew. */
  release(): void;
  /** Ends the connection at once; `onClose` follows. */
  destroy(): void;
}

/** What a connection tells its link, never before it has been returned by the transport. */
export interface LinkSocketListener {
  /** It stands, secured where that was asked for. */
  onConnect(): void;
  /** They lie unchanged until `release` has been called, and the next bytes have come. */
  onBytes(bytes: Uint8Array): void;
  /** What it fails with, before `onClose`; a `code` of the system's tells a link what happened. */
  onError(error: NodeJS.ErrnoException): void;
  /** It has ended, by either side. Once, and last. */
  onClose(): void;
}

/** How a `rediss://` link is secured; PEM text throughout. The peer is always verified unless told not to. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** What the key is encrypted with. */
  readonly passphrase?: string;
  /** The name that the certificate has to bear, and that is sent (SNI); the host by default. */
  readonly servername?: string;
  /** false takes any certificate: for a test, never for data. */
  readonly rejectUnauthorized?: boolean;
}

/** How a connection is opened: by a socket, or by a simulation of one. */
export type Transport = (
  endpoint: Endpoint,
  tls: TlsOptions,
  listener: LinkSocketListener,
) => LinkSocket;
