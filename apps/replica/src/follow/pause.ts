import type { Clock } from '@forebay/clock';
import type { Reporter } from '../reporter.ts';
import { pauseText } from '../status/pause.ts';
import type { PauseStatus } from '../status/status.ts';
import type { LinkState } from './link-state.ts';

/** A pause of replication because of a full disk or the disk limit, in the log and in the status. */
export class Pause {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #onLink: (state: LinkState) => void;
  #status: PauseStatus | undefined;

  constructor(clock: Clock, reporter: Reporter, onLink: (state: LinkState) => void) {
    this.#clock = clock;
    this.#reporter = reporter;
    this.#onLink = onLink;
  }

  /** Undefined while nothing is paused. */
  get status(): PauseStatus | undefined {
    return this.#status;
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
    if (this.#status === undefined) this.begin(pause);
    else this.#set(pause);
  }

  /** Replication continues. */
  end(): void {
    if (this.#status === undefined) return;
    this.#status = undefined;
    this.#reporter.good('room available: replication resumed', { event: 'room' });
  }

  /** The process stops following, and the pause ends without a log line. */
  forget(): void {
    this.#status = undefined;
  }

  #set({ cause, reason, needed }: Omit<PauseStatus, 'since'>): void {
    const since = this.#status?.since ?? this.#clock.now();
    this.#status = { cause, reason, needed, since };
  }
}
