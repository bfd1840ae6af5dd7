import type { Clock } from '@forebay/log';
import type { ReplicaState, TransferProgress } from '@forebay/replica';

/** The link above, as of one moment; times in milliseconds since 1970. */
export interface LinkStatus {
  /** `detached`: nobody is followed. */
  readonly state: ReplicaState;
  /** When it came into this state. */
  readonly since: number;
  /** When something came over it last; undefined: nothing yet. */
  readonly lastIo: number | undefined;
  /** When it was lost; undefined while it stands. */
  readonly downSince: number | undefined;
  /** A full copy on its way. */
  readonly transfer: TransferProgress | undefined;
  /** Syncs since the start, by kind. */
  readonly syncs: { readonly full: number; readonly partial: number };
  /** Attempts that have ended. */
  readonly reconnects: number;
}

/** What a session tells of its link; it outlives every session. */
export class LinkRecord {
  readonly #clock: Clock;
  #state: ReplicaState = 'idle';
  #since: number;
  #lastIo: number | undefined;
  #downSince: number | undefined;
  #transfer: TransferProgress | undefined;
  #full = 0;
  #partial = 0;
  #reconnects = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    this.#downSince = this.#since;
  }

  get status(): LinkStatus {
    return {
      state: this.#state,
      since: this.#since,
      lastIo: this.#lastIo,
      downSince: this.#downSince,
      transfer: this.#transfer,
      syncs: { full: this.#full, partial: this.#partial },
      reconnects: this.#reconnects,
    };
  }

  entered(state: ReplicaState): void {
    const now = this.#clock.now();
    if (this.#state === 'stream') this.#downSince = now;
    if (state === 'stream') this.#downSince = undefined;
    this.#transfer = undefined;
    this.#state = state;
    this.#since = now;
  }

  /** Something came. */
  heard(): void {
    this.#lastIo = this.#clock.now();
  }

  transferred(progress: TransferProgress): void {
    this.#transfer = progress;
    this.heard();
  }

  synced(kind: 'full' | 'partial'): void {
    if (kind === 'full') this.#full++;
    else this.#partial++;
    this.heard();
  }

  attemptEnded(): void {
    this.#reconnects++;
  }
}
