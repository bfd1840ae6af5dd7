import type { Backlog } from '@forebay/backlog';
import type { Client, Connection } from '@forebay/resp-server';
import type { SharedReader, SharedReading } from './shared-reading.ts';

/** The most bytes of one write to a connection. */
const PIECE = 256 * 1024;

/** What all replicas are sent, whatever it is now. */
export interface Stream {
  readonly backlog: Backlog;
  /** What is further back than the backlog. */
  readonly reading: SharedReading;
}

/** How much of the stream was sent to a replica, and whether more may be sent: a view of its state machine. */
export interface Sending {
  /** Offset of the last byte written to its connection. */
  readonly sentOffset: number | undefined;
  readonly mayStream: boolean;
  /** The stream was written up to `offset`, and reaches up to `newest`. */
  sent(offset: number, newest: number): void;
}

/**
 * Sends the stream to one replica, from the memory of the backlog, which all replicas share. A replica that falls
 * behind uses no memory but the buffer of its connection: the missing bytes are read from the backlog, or from the
 * source if they are older, as fast as the connection accepts them.
 *
 * Invariant: the connection was given each byte up to `offset`, once.
 */
export class Outlet {
  readonly #connection: Connection;
  readonly #stream: Stream;
  readonly #sending: Sending;
  readonly #onLost: (error: unknown) => void;
  #fetching = false;

  /** `onLost`: the bytes that the replica needs next cannot be read. */
  constructor(
    { connection }: Client,
    stream: Stream,
    sending: Sending,
    onLost: (error: unknown) => void,
  ) {
    this.#connection = connection;
    this.#stream = stream;
    this.#sending = sending;
    this.#onLost = onLost;
  }

  /** Offset of the last byte that was handed to the connection. */
  get offset(): number {
    return this.#sending.sentOffset ?? 0;
  }

  /** Offset of the last byte that the connection has passed to the system. */
  get passedOn(): number {
    return (this.unsent ?? this.offset + 1) - 1;
  }

  /** Offset of the first byte that the connection still reads from memory; undefined: none. */
  get unsent(): number | undefined {
    const { unsent } = this.#connection;
    return unsent === 0 ? undefined : this.offset - unsent + 1;
  }

  /** Sends all available bytes, if the state of the replica permits. */
  advance(): void {
    if (!this.#fetching) void this.#fetch();
  }

  get #flowing(): boolean {
    return this.#sending.mayStream && !this.#connection.closed;
  }

  async #fetch(): Promise<void> {
    this.#fetching = true;
    const { backlog, reading } = this.#stream;
    try {
      while (this.#flowing && this.offset < backlog.masterOffset) {
        if (this.#connection.needsDrain) await this.#connection.drained();
        else if (backlog.covers(this.offset + 1)) this.#write(backlog.readNext(this.offset + 1));
        else await this.#readOn(reading.open(), backlog);
      }
    } catch (error) {
      this.#onLost(error);
    } finally {
      this.#fetching = false;
    }
  }

  /** Reads on until what is held is read, or the backlog has all that is left with some to spare. */
  async #readOn(reader: SharedReader, backlog: Backlog): Promise<void> {
    try {
      for (;;) {
        const bytes = await reader.after(this.offset);
        if (bytes === undefined) throw new Error(`nothing is held after offset ${this.offset}`);
        await this.#writeAll(bytes, backlog);
        if (!this.#flowing || this.offset >= backlog.masterOffset) return;
        if (backlog.covers(this.offset + 1 - Math.floor(backlog.size / 2))) return;
      }
    } finally {
      await reader.close();
    }
  }

  /** What was read may already be more than has been propagated. */
  async #writeAll(bytes: Uint8Array, backlog: Backlog): Promise<void> {
    for (let at = 0; at < bytes.length && this.#flowing; at += PIECE) {
      const most = backlog.masterOffset - this.offset;
      this.#write(bytes.subarray(at, at + Math.min(most, PIECE)));
      if (most <= PIECE) return;
      await this.#connection.drained();
    }
  }

  #write(bytes: Uint8Array): void {
    this.#sending.sent(this.offset + bytes.length, this.#stream.backlog.masterOffset);
    this.#connection.write(bytes);
  }
}
