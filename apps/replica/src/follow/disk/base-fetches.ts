import type { Log } from '@forebay/log';
import { ReplicaError } from '@forebay/replica';
import type { ReplicaConfig } from '../../config.ts';
import { linkMessageOf } from '../../link-message.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import { refusalOf } from '../verified-snapshot.ts';
import type { DiskBudget } from './disk-budget.ts';
import type { DiskState } from './disk-policy.ts';
import { canFetch, fetchableAt, isFetchUrgent } from './disk-policy.ts';
import { NoRoomError } from './space.ts';

/** Fetches a base, and is notified of the result. */
export interface BaseFetch {
  /** Fetches a base and adds it to the log. @throws the reason why there is no base */
  run(): Promise<void>;
  /** The base is in the log. */
  onDone(): Promise<void>;
  /** The fetch has ended, with or without a base. */
  onEnded(): void;
}

/** Decides when a fresh base is fetched: because of the growth of the stream, the disk limit, or a request. */
export class BaseFetches {
  readonly #log: Log;
  readonly #budget: DiskBudget;
  readonly #config: () => ReplicaConfig;
  readonly #reporter: Reporter;
  readonly #fetch: BaseFetch;
  #fetching: Promise<void> | undefined;
  #failed = false;
  /** `cancelled`: the link is ending; a fetch that fails because of that does not count as a failure. */
  #state: 'active' | 'cancelled' | 'stopped' = 'active';

  constructor(
    log: Log,
    budget: DiskBudget,
    config: () => ReplicaConfig,
    reporter: Reporter,
    fetch: BaseFetch,
  ) {
    this.#log = log;
    this.#budget = budget;
    this.#config = config;
    this.#reporter = reporter;
    this.#fetch = fetch;
  }

  get fetching(): boolean {
    return this.#fetching !== undefined;
  }

  /** Whether the last fetch failed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Fetches a base if one is due. */
  consider(state: DiskState): void {
    if (isFetchUrgent(state)) {
      this.#reportLimit(state);
      void this.freshen();
    } else if (this.#fetching === undefined && this.#isDue(state)) void this.freshen();
  }

  /** Fetches a base even if none is due; concurrent callers share one fetch. It never rejects. */
  async freshen(): Promise<void> {
    if (this.#state === 'stopped') return;
    if (this.#fetching === undefined) {
      this.#budget.began();
      this.#fetching = this.#run().finally(() => {
        this.#fetching = undefined;
        this.#budget.ended();
        this.#fetch.onEnded();
      });
    }
    await this.#fetching;
  }

  /** The link is ending: a fetch that fails from now on does not count as a failure. */
  cancel(): void {
    if (this.#state === 'active') this.#state = 'cancelled';
  }

  /** Resolves when no fetch is running, and ends the effect of `cancel`: failures count again. */
  async ended(): Promise<void> {
    await this.#fetching;
    if (this.#state === 'cancelled') this.#state = 'active';
  }

  /** Starts no further fetch. */
  stop(): void {
    this.#state = 'stopped';
  }

  async #run(): Promise<void> {
    try {
      await this.#fetch.run();
      this.#failed = false;
      this.#budget.fetched();
      await this.#fetch.onDone();
    } catch (error) {
      if (this.#state === 'active') this.#onFailure(error);
    }
  }

  #onFailure(error: unknown): void {
    this.#failed = true;
    const refusal = error instanceof ReplicaError ? refusalOf(error) : undefined;
    // Lack of room is not a failure of the primary: the next fetch may start as soon as there is room.
    if (!(error instanceof NoRoomError)) this.#budget.failed(refusal !== undefined);
    const reason = refusal ?? (error instanceof Error ? linkMessageOf(error) : String(error));
    this.#reporter.trouble(`fetch of a fresh base failed: ${reason}`, {
      event: 'base-failed',
      reason,
    });
  }

  /** Whether the stream after the newest base has grown as far as the settings say. */
  #isDue(state: DiskState): boolean {
    const { percentage, minSize, interval } = this.#config().base;
    const { base, written } = this.#log;
    if (base === undefined || percentage === 0 || !canFetch(state)) return false;
    const { now, fetchedAt = -Infinity, baseAge = Infinity } = state;
    // A base from the future means that the wall clock jumped back: its age is ignored.
    if ((baseAge >= 0 && baseAge < interval) || now - fetchedAt < interval) return false;
    if (state.failures > 0 && now < fetchableAt(state)) return false;
    const grown = written - base.offset;
    return grown >= minSize && grown >= (base.size * percentage) / 100;
  }

  #reportLimit({ total, limit }: DiskState): void {
    const message = `the log has ${formatBytes(total)} of --max-disk ${formatBytes(limit)}: fetching a fresh base early`;
    this.#reporter.step(message, { event: 'limit-near', bytes: total });
  }
}
