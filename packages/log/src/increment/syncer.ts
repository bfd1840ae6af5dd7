import type { Clock } from '@forebay/clock';

/** When what was written is made to survive a power cut, with the names of `appendfsync`. */
export type SyncPolicy = 'always' | 'everysec' | 'no';

/** Milliseconds from a write to its sync under `everysec`. */
const EVERY_SECOND = 1000;

/**
 * Decides when to sync, and owns how far the log is known to be on the disk.
 *
 * Invariant: `synced` is an offset that was written before a sync began that has succeeded. A sync
 * that failed is not tried again: the kernel may have dropped the pages, and would answer well.
 */
export class Syncer {
  readonly #policy: SyncPolicy;
  readonly #sync: () => Promise<void>;
  readonly #onSynced: () => void;
  readonly #onFailure: (error: unknown) => void;
  #written: number;
  #synced: number;
  readonly #clock: Clock;
  /** Calls the timer off; undefined where none runs. */
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #failure: unknown;
  #stopped = false;

  constructor(options: {
    readonly policy: SyncPolicy;
    readonly clock: Clock;
    /** The last offset that is known to be on the disk. */
    readonly offset: number;
    readonly sync: () => Promise<void>;
    readonly onSynced: () => void;
    readonly onFailure: (error: unknown) => void;
  }) {
    this.#policy = options.policy;
    this.#clock = options.clock;
    this.#sync = options.sync;
    this.#onSynced = options.onSynced;
    this.#onFailure = options.onFailure;
    this.#written = options.offset;
    this.#synced = options.offset;
  }

  get synced(): number {
    return this.#synced;
  }

  /** `offset` has been written. Under `always` the promise is to be awaited before it is told. */
  wrote(offset: number): Promise<void> | undefined {
    this.#written = offset;
    if (this.#policy === 'always') return this.flush();
    if (this.#policy === 'everysec') this.#schedule();
    return undefined;
  }

  /** Syncs what has been written up to now, whatever the policy. */
  async flush(): Promise<void> {
    const target = this.#written;
    while (this.#synced < target && !this.#stopped) {
      this.#running ??= this.#syncOnce().finally(() => {
        this.#running = undefined;
      });
      await this.#running;
    }
  }

  /** Begins no further sync, and waits for the one that runs: its file may then be closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#running?.catch(() => {});
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancel ??= this.#clock.after(EVERY_SECOND, () => void this.#onTime());
  }

  async #onTime(): Promise<void> {
    this.#cancel = undefined;
    try {
      await this.flush();
    } catch (error) {
      this.#onFailure(error);
      return;
    }
    if (this.#synced < this.#written) this.#schedule();
  }

  async #syncOnce(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const target = this.#written;
    try {
      await this.#sync();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    this.#synced = target;
    if (!this.#stopped) this.#onSynced();
  }
}
