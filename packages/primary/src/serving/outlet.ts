import type { Socket } from 'node:net';
import type { Backlog } from '@forebay/backlog';
import type { Source } from '../source.ts';
import { drained } from './flow.ts';

/** Bytes that are copied out of the backlog at a time. */
const PIECE = 64 * 1024;

/** What an outlet serves from. */
export interface Supply {
  readonly backlog: Backlog;
  readonly source: Pick<Source, 'read'>;
}

/**
 * The stream on its way to one replica. One that keeps up is given the bytes that all are given; one
 * that does not is left behind, holds no more than its socket's buffer and a piece, and fetches what it lacks from
 * the backlog, or further back from the source, as fast as it takes it.
 *
 * Invariant: the socket was given each byte up to `offset`, once.
 */
export class Outlet {
  readonly #socket: Socket;
  readonly #supply: Supply;
  readonly #onLost: (error: unknown) => void;
  #offset: number;
  #open = false;
  #fetching = false;
  #stalled = false;

  /** `offset`: of the last byte that the replica holds. `onLost`: what it lacks is not to be had. */
  constructor(socket: Socket, supply: Supply, offset: number, onLost: (error: unknown) => void) {
    this.#socket = socket;
    this.#supply = supply;
    this.#offset = offset;
    this.#onLost = onLost;
  }

  /** Offset of the last byte that was handed to the socket. */
  get offset(): number {
    return this.#offset;
  }

  /** From now on bytes are sent. */
  open(): void {
    this.#open = true;
    void this.#fetch();
  }

  /** Sends nothing more until `resume`: a replica that is looked at as if its network stood still. */
  stall(): void {
    this.#stalled = true;
  }

  resume(): void {
    this.#stalled = false;
    void this.#fetch();
  }

  /** The newest bytes, `end` being the offset of the last: they are never changed. */
  offer(bytes: Uint8Array, end: number): void {
    if (this.#fetching || !this.#flowing) return;
    if (this.#offset === end - bytes.length && !this.#socket.writableNeedDrain) {
      this.#write(bytes);
    } else {
      void this.#fetch();
    }
  }

  get #flowing(): boolean {
    return this.#open && !this.#stalled && !this.#socket.destroyed;
  }

  async #fetch(): Promise<void> {
    if (this.#fetching) return;
    this.#fetching = true;
    const { backlog, source } = this.#supply;
    try {
      while (this.#flowing && this.#offset < backlog.masterOffset) {
        if (this.#socket.writableNeedDrain) await drained(this.#socket);
        else if (backlog.covers(this.#offset + 1)) this.#write(this.#nextOf(backlog));
        else await this.#readFrom(source, backlog);
      }
    } catch (error) {
      this.#onLost(error);
    } finally {
      this.#fetching = false;
    }
  }

  /** A copy: the ring goes on under it while the socket still has it. */
  #nextOf(backlog: Backlog): Uint8Array {
    const [first = new Uint8Array(0)] = backlog.readFrom(this.#offset + 1);
    return first.slice(0, PIECE);
  }

  /** Reads on until what is held is read, or the backlog has all that is left with some to spare. */
  async #readFrom(source: Pick<Source, 'read'>, backlog: Backlog): Promise<void> {
    const before = this.#offset;
    for await (const bytes of source.read(before)) {
      // What was read may already be more than has been propagated.
      const most = backlog.masterOffset - this.#offset;
      this.#write(bytes.length <= most ? bytes : bytes.subarray(0, most));
      await drained(this.#socket);
      if (!this.#flowing || bytes.length >= most) return;
      if (backlog.covers(this.#offset + 1 - Math.floor(backlog.size / 2))) return;
    }
    if (this.#offset === before) throw new Error(`nothing is held after offset ${before}`);
  }

  #write(bytes: Uint8Array): void {
    this.#offset += bytes.length;
    this.#socket.write(bytes);
  }
}
