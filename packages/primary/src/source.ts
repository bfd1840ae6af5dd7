import type { History, ServedStream } from '@forebay/psync';

/** A data set as of an offset, as an RDB. */
export interface Snapshot {
  readonly history: Pick<History, 'id'>;
  /** Offset of the last byte of the stream that it contains. */
  readonly offset: number;
  /** Bytes, exactly. */
  readonly length: number;
  /** The bytes, once. They are not changed after they were given. */
  read(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** What replicas are served from: a log on disk, or memory. */
export interface Source {
  /** What can be gone on from; undefined while there is nothing to serve (`-NOMASTERLINK`). */
  readonly held: ServedStream | undefined;
  /** Whom this follows itself; undefined at the top of a chain. */
  readonly upstream?: Upstream | undefined;
  /**
   * Offset of the last byte of the stream, at or before `held.offset`, after which neither a command nor a
   * transaction is unfinished. Left out where what is published in the stream is not passed on to
   * subscribers here.
   */
  readonly boundary?: number | undefined;
  /**
   * A data set to begin with. What comes after its offset can be read; who asks for it `alone`
   * (`rdb-only`) does not, and expects the data set of now. Rejects where there is none.
   */
  openSnapshot(asked: { readonly alone: boolean }): Promise<Snapshot>;
  /**
   * The stream after an offset, as far as it is held now, in pieces that are not changed after they
   * were given. Throws where it is not held, or not any longer: whoever needs it is cut off.
   */
  read(after: number): AsyncIterable<Uint8Array>;
  /**
   * Keeps what comes after a place, wherever that moves, until the function returned is called. Left out
   * where nothing is let go.
   */
  hold?(place: ReplicaPlace): () => void;
  /**
   * Finds out how far the stream has come above, before one who holds more than there is here gets a full
   * copy (`held.growing`). Left out at the top of a chain.
   */
  lookAbove?(): Promise<void>;
}

/** How far a replica is. */
export interface ReplicaPlace {
  /** Offset of the last byte that it needs no more. */
  readonly offset: number;
  /** What it is called. */
  readonly name: string;
  /** What it needs next was let go of. */
  cutOff(): void;
}

/** Whom one in the middle of a chain follows. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
  /** Whether the link stands. */
  readonly up: boolean;
}
