import type { Clock } from '@forebay/clock';
import type { Reporter } from '../reporter.ts';
import { pauseText } from '../status/pause.ts';
import type { PauseStatus } from '../status/status.ts';
import { Timestamp } from '../status/timestamp.ts';
import type { LinkState } from './link-state.ts';

/** A pause of replication because of a full disk or the disk limit, in the log and in the status. */
export class Pause {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #onLink: (state: LinkState) => void;
  #pause: (Omit<PauseStatus, 'since'> & { readonly began: Timestamp }) | undefined;

  constructor(clock: Clock, reporter: Reporter, onLink: (state: LinkState) => void) {
    this.#clock = clock;
    this.#reporter = reporter;
    this.#onLink = onLink;
  }

  /** Undefined while nothing is paused. */
  get status(): PauseStatus | undefined {
    if (this.#pause === undefined) return undefined;
    const { began, ...pause } = this.#pause;
    return { ...pause, since: began.date };
  }

  /** Replication pauses, or pauses again. */
  begin(pause: Omit<PauseStatus, 'since'>): void {
    const { reason, needed: bytes } = pause;
    this.#set(pause);
    this.#onLink({ up: false, reason: pauseText(pause) });
    this.#reporter.trouble(`${reason}; replication paused until there is room`, {
      event: 'no-room',
      bytes,
    });
  }

  /** Replication pauses, or stays paused for another reason; logged only if it was not paused. */
  beginOrUpdate(pause: Omit<PauseStatus, 'since'>): void {
    if (this.#pause === undefined) this.begin(pause);
    else this.#set(pause);
  }

  /** Replication continues. */
  end(): void {
    if (this.#pause === undefined) return;
    this.#pause = undefined;
    this.#reporter.good('room available: replication resumed', { event: 'room' });
  }

  /** The process stops following, and the pause ends without a log line. */
  forget(): void {
    this.#pause = undefined;
  }

  #set({ cause, reason, needed }: Omit<PauseStatus, 'since'>): void {
    const began = this.#pause?.began ?? new Timestamp(this.#clock);
    this.#pause = { cause, reason, needed, began };
  }
}
