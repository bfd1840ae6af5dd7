import type { Clock, StopTimer } from '@forebay/clock';
import type { ReplicaProgress } from './acknowledgement.ts';
import { encodeAcknowledgement, NEWLINE } from './acknowledgement.ts';
import type { LinkOwner } from './link-owner.ts';

/** Milliseconds between acknowledgements that a primary waits for, and how many there are of them. */
const HASTE = 100;
const HASTY = 50;

export interface AcknowledgerOptions {
  readonly owner: Pick<LinkOwner, 'cached' | 'acknowledgement'>;
  readonly clock: Clock;
  readonly write: (bytes: Uint8Array) => void;
  /** Called when the acknowledgement that the primary waited for has been sent. */
  readonly onAnswered: () => void;
}

/** When a link that streams acknowledges, beyond the clock's beat, and what it sends. */
export class Acknowledger {
  readonly #options: AcknowledgerOptions;
  /** REPLCONF is understood and granted; without it a newline has to do. */
  #granted = true;
  /** The last GETACK that an ACK has answered, and what FACK has told. */
  #getAckAnswered = -1;
  #syncedTold = -1;
  #confirmed = false;
  #awaited = false;
  #stopHaste: StopTimer | undefined;

  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  /** The primary is silent because we have not acknowledged its snapshot yet. */
  get awaited(): boolean {
    return this.#awaited;
  }

  /** No acknowledgement from here on, newlines only. */
  refuse(): void {
    this.#granted = false;
  }

  /**
   * The snapshot ended at a mark: the stream begins at an acknowledgement, and at the first one only
   * if the primary has seen by then that its child is done (`replication.c: replicaPutOnline`). So
   * they follow each other fast until it does, for five seconds at most.
   */
  hasten(): void {
    this.#awaited = true;
    let left = HASTY;
    this.#stopHaste = this.#options.clock.every(HASTE, () => {
      const { acknowledgement } = this.#options.owner;
      if (acknowledgement === undefined || !this.#granted) return;
      this.#send(acknowledgement);
      left--;
      if (left === 0) this.settle();
    });
  }

  /** The stream has begun, or the link has ended. */
  settle(): void {
    this.#stopHaste?.();
    this.#stopHaste = undefined;
  }

  /**
   * The stored position has advanced: a GETACK may be answered, a new stream requested. WAITAOF waits for
   * FACK, so what is synced after the answer is told at once, until it reaches the GETACK: one ACK a sync at
   * most, and none where nobody has asked (`replication.c: waitaofCommand`).
   */
  progressed(): void {
    const { acknowledgement, cached } = this.#options.owner;
    if (acknowledgement === undefined || cached === undefined) return;
    const { lastGetAck } = cached.tracker;
    const { written, synced = -1 } = acknowledgement;
    const due = lastGetAck > this.#getAckAnswered && written >= lastGetAck;
    const syncDue = this.#getAckAnswered > this.#syncedTold && synced > this.#syncedTold;
    if (due || syncDue || !this.#confirmed) this.#send(acknowledgement);
    if (due) this.#getAckAnswered = lastGetAck;
  }

  /** The beat: an acknowledgement where there is one to send, a sign of life otherwise. */
  tick(): void {
    this.#send(this.#options.owner.acknowledgement);
  }

  #send(progress: ReplicaProgress | undefined): void {
    if (progress !== undefined) {
      this.#confirmed = true;
      this.#syncedTold = progress.synced ?? -1;
      if (this.#awaited) this.#options.onAnswered();
      this.#awaited = false;
    }
    const may = this.#granted && progress !== undefined;
    this.#options.write(may ? encodeAcknowledgement(progress) : NEWLINE);
  }
}
