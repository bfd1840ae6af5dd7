import { Backlog } from '@forebay/backlog';
import type { Client } from '@forebay/resp-server';
import type { Source } from '../source.ts';
import type { Sending, Stream } from './outlet.ts';
import { Outlet } from './outlet.ts';
import { SharedReading } from './shared-reading.ts';

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

  /** Starts to send to a replica. The source keeps bytes that were not sent to it until its connection is closed. */
  outlet(client: Client, sending: Sending, name: string, onLost: (error: unknown) => void): Outlet {
    const outlet = new Outlet(client, this, sending, onLost);
    this.#outlets.add(outlet);
    const letGo = this.#source.hold?.({
      name,
      get offset() {
        return outlet.offset;
      },
      cutOff: () => onLost(new Error('what it needs next is not held any longer')),
    });
    // A connection may still be sending long after the replica is gone.
    client.onClose(() => {
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

  /** Whether no connection still reads bytes up to `end` from memory. */
  #isSent(end: number): boolean {
    for (const { unsent } of this.#outlets) if (unsent !== undefined && unsent <= end) return false;
    return true;
  }
}
