import { Backlog } from '@forebay/backlog';
import type { Connection } from '@forebay/resp-server';
import type { Source } from '../../source.ts';
import type { Stream } from './outlet.ts';
import { Outlet } from './outlet.ts';
import { SharedReading } from './shared-reading.ts';

/** The connection of a replica, as far as it is used. */
export interface ReplicaConnection {
  readonly connection: Connection;
  /** It had no cause to say anything until now. */
  touch(): void;
  /** Ends it when all that was written has been passed on. */
  end(): void;
  /** Calls once when the connection is closed. */
  onClose(listener: () => void): void;
}

/** What all replicas are sent: the newest of the stream in memory, and what is further back from the source. */
export class Supply implements Stream {
  readonly #source: Source;
  readonly #backlogSize: number | undefined;
  readonly #outlets = new Set<Outlet>();
  #backlog: Backlog;
  #reading: SharedReading;

  /** @throws {BacklogError} `INVALID_SIZE` */
  constructor(source: Source, backlogSize: number | undefined) {
    this.#source = source;
    this.#backlogSize = backlogSize;
    this.#backlog = this.#freshBacklog();
    this.#reading = new SharedReading(source);
  }

  get backlog(): Backlog {
    return this.#backlog;
  }

  /** What is further back than the backlog. */
  get reading(): SharedReading {
    return this.#reading;
  }

  /** What the source has is another stream. */
  renew(): void {
    this.#backlog = this.#freshBacklog();
    this.#reading = new SharedReading(this.#source);
  }

  /** A way to one replica, which has the stream up to `offset`; what comes after it is kept meanwhile. */
  outlet(
    to: ReplicaConnection,
    offset: number,
    name: string,
    onLost: (error: unknown) => void,
  ): Outlet {
    const outlet = new Outlet(to.connection, this, offset, onLost);
    this.#outlets.add(outlet);
    const letGo = this.#source.hold?.({
      name,
      get offset() {
        return outlet.offset;
      },
      cutOff: () => onLost(new Error('what it needs next is not held any longer')),
    });
    // Its end may be long after that of the replica: what is on its way still goes out.
    to.onClose(() => {
      this.#outlets.delete(outlet);
      letGo?.();
    });
    return outlet;
  }

  #freshBacklog(): Backlog {
    const { offset = 0 } = this.#source.held ?? {};
    return new Backlog({
      ...(this.#backlogSize === undefined ? {} : { size: this.#backlogSize }),
      offset,
      reuse: (end) => this.#isSent(end),
    });
  }

  /** Whether no connection reads bytes up to `end` in memory any longer. */
  #isSent(end: number): boolean {
    for (const { unsent } of this.#outlets) if (unsent !== undefined && unsent <= end) return false;
    return true;
  }
}
