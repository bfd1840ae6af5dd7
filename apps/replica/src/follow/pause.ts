import type { Clock } from '@forebay/clock';
import type { Reporter } from '../reporter.ts';
import type { PauseStatus } from '../status/status.ts';

/** A pause of replication for want of room, as it is reported. */
export class Pause {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  #status: PauseStatus | undefined;

  constructor(clock: Clock, reporter: Reporter) {
    this.#clock = clock;
    this.#reporter = reporter;
  }

  /** Undefined while nothing is paused. */
  get status(): PauseStatus | undefined {
    return this.#status;
  }

  /** Replication pauses, or pauses for another cause. */
  begin({ cause, reason, needed }: Omit<PauseStatus, 'since'>): void {
    const since = this.#status?.since ?? this.#clock.now();
    this.#status = { cause, reason, needed, since };
    this.#reporter.trouble(`${reason}; replication paused until there is room`, {
      event: 'no-room',
      bytes: needed,
    });
  }

  /** The pause has another reason now; false: nothing is paused. */
  update({ cause, reason, needed }: Omit<PauseStatus, 'since'>): boolean {
    if (this.#status === undefined) return false;
    this.#status = { cause, reason, needed, since: this.#status.since };
    return true;
  }

  /** Replication continues. */
  end(): void {
    if (this.#status === undefined) return;
    this.#status = undefined;
    this.#reporter.good('room available: replication resumed', { event: 'room' });
  }

  /** Replication ends, with the pause. */
  forget(): void {
    this.#status = undefined;
  }
}
