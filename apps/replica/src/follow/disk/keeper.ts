import type { Log } from '@forebay/log';
import type { UpstreamDecision } from '@forebay/replica';
import type { ReplicaConfig } from '../../config.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import type { World } from '../world.ts';
import { BaseFetches } from './base-fetches.ts';
import type { CountedBase } from './counted-base.ts';
import { DiskBudget } from './disk-budget.ts';
import {
  fitsBase,
  fitsStream,
  isRetentionDue,
  LEAST_LEAD,
  neededFor,
  verdictOn,
} from './disk-policy.ts';
import { LimitWarnings } from './limit-warnings.ts';
import { Retention } from './retention.ts';
import { NoRoomError, overLimit, spaceOf } from './space.ts';

/** Milliseconds between two checks of the disk. */
const SWEEP = 10_000;

/** Why bytes of the stream wait, and the `--max-disk` that would spare it. */
export interface Waiting {
  readonly reason: string;
  readonly needed: number;
}

/** What a keeper asks its owner to do. */
export interface KeeperActions {
  /** Fetches a base and adds it to the log. @throws the reason why there is no base */
  fetchBase(): Promise<void>;
  /** Bytes of the stream wait for room; undefined: they wait no longer. */
  onWaiting(waiting: Waiting | undefined): void;
}

/** Keeps a log within its disk limit: admits writes, and makes room for them by retention and fresh bases. */
export class Keeper {
  readonly bases: BaseFetches;
  readonly #log: Log;
  readonly #config: () => ReplicaConfig;
  readonly #world: World;
  readonly #actions: KeeperActions;
  readonly #budget: DiskBudget;
  readonly #retention: Retention;
  readonly #warnings: LimitWarnings;
  #cancelSweep: (() => void) | undefined;
  /** `ending`: the link is ending, and so do all waits for room. */
  #state: 'active' | 'ending' | 'stopped' = 'active';
  /** Wakes the callers that wait for a change. */
  readonly #waiting = new Set<() => void>();
  /** Bytes of the file system that were free. */
  #free = Infinity;

  constructor(
    log: Log,
    config: () => ReplicaConfig,
    world: World,
    reporter: Reporter,
    actions: KeeperActions,
  ) {
    this.#log = log;
    this.#config = config;
    this.#world = world;
    this.#actions = actions;
    this.#budget = new DiskBudget(log, world.clock);
    this.#retention = new Retention(log, this.#budget, config, reporter);
    this.#warnings = new LimitWarnings(reporter);
    this.bases = new BaseFetches(log, this.#budget, config, reporter, {
      run: async () => {
        await this.#makeRoom(this.#budget.state.expected);
        await actions.fetchBase();
      },
      onDone: async () => {
        await this.#retention.run();
        this.#warn();
      },
      onEnded: () => this.#wake(),
    });
  }

  /** Computes the limit and starts maintenance of the log: retention may free space even in a log opened on a full disk. */
  async begin(): Promise<void> {
    await this.#measure();
    this.#schedule(0);
  }

  /** `--max-disk` in bytes. */
  get limit(): number {
    return this.#budget.limit;
  }

  /** Size of the full resync in progress, as far as it is known; 0: none, or it is a part of the log. */
  get transferSize(): number {
    return this.#budget.transferSize;
  }

  /** The settings have changed. */
  async changed(): Promise<void> {
    await this.#measure();
    this.#wake();
  }

  /** The log has grown: a base or retention may be due. */
  progressed(): void {
    if (this.#state === 'stopped') return;
    const { state } = this.#budget;
    this.bases.consider(state);
    if (!this.#retention.running && isRetentionDue(state)) void this.#retention.run();
  }

  /**
   * Whether so many bytes of the stream may be written: undefined where they may at once, else a promise,
   * of false where the wait was ended by the end of the link.
   *
   * @throws {NoRoomError} as a rejection, where no wait makes room
   */
  admit(bytes: number): undefined | Promise<boolean> {
    this.#budget.streamed(bytes);
    return verdictOn(this.#budget.state, bytes).type === 'write' ? undefined : this.#await(bytes);
  }

  /** Sets the offset of the base in transfer. @throws {NoRoomError} if there is no room for the stream up to there */
  baseStands(offset: number): void {
    this.#budget.announced(offset);
    const { state } = this.#budget;
    if (!fitsStream(state, state.ahead)) {
      const reason = 'the stream up to a fresh base does not fit';
      throw overLimit(this.limit, 'base', reason, neededFor(state));
    }
    this.#wake();
  }

  /** The stream reached the base: makes room for the files of the stream after it. @throws {NoRoomError} */
  async basePlaced(offset: number): Promise<void> {
    this.#budget.placed();
    const bytes = this.#log.copiedBy(offset);
    await this.#makeRoom(bytes);
    this.#budget.copying(bytes);
    this.#wake();
  }

  /** A file for a base: `fetch`, beside the stream, or `transfer`, of a full resync. */
  async createBase(kind: 'fetch' | 'transfer', directory: string): Promise<CountedBase> {
    if (kind === 'fetch') this.#budget.copying(0);
    const file = await this.#world.createBase(directory);
    return this.#budget.counted(kind, file, (bytes) => this.#makeRoom(bytes));
  }

  /** A full resync has begun. @throws {NoRoomError} if it cannot fit beside the present log */
  async admitTransfer(length: number | undefined): Promise<void> {
    this.#budget.transferring(length);
    if (length === undefined) return;
    const needed = this.#budget.neededBeside(length);
    const size = formatBytes(length);
    if (needed > this.limit) {
      const reason = `a full resync of ${size} does not fit beside the present log`;
      throw overLimit(this.limit, 'base', reason, needed);
    }
    const { free } = (await spaceOf(this.#world, this.#config().directory)) ?? { free: Infinity };
    if (free >= length) return;
    const reason = `a full resync of ${size} does not fit: ${formatBytes(free)} free`;
    throw new NoRoomError('disk-full', 'base', reason, length);
  }

  /** The full resync is a part of the log. */
  transferDone(): void {
    this.#budget.transferred();
    this.#warn();
  }

  /**
   * How to continue at a server at `offset`: with a full resync if the missed part of the stream does not fit,
   * because the next base would come after it.
   *
   * @throws {NoRoomError} where neither fits
   */
  limited(decision: UpstreamDecision, offset: number | undefined): UpstreamDecision {
    const goesOn = decision.type === 'ask' || decision.type === 'resume';
    if (!goesOn || this.#log.history === undefined) return decision;
    this.#budget.saw(offset);
    if (offset === undefined) return decision;
    const { state } = this.#budget;
    const missed = Math.max(0, offset - this.#log.written);
    if (fitsStream(state, missed)) return decision;
    const reason = `the missed ${formatBytes(missed)} of the stream do not fit`;
    if (fitsBase(state)) return { type: 'full', reason: `${reason} under --max-disk` };
    throw overLimit(this.limit, 'stream', reason, neededFor(state));
  }

  /** Makes room for a copy of the bytes after an offset (`Log.stepBack`). @throws {NoRoomError} */
  async admitStepBack(offset: number): Promise<void> {
    await this.#makeRoom(this.#log.copiedBy(offset));
  }

  /** Whether the stream may go on after a pause at the limit: as it was, or with a full resync. */
  get hasRoom(): boolean {
    const { state } = this.#budget;
    const { type } = verdictOn(state, LEAST_LEAD);
    return type === 'write' || type === 'retain' || fitsBase(state);
  }

  /** The link is about to end: ends the waits for room. */
  endWaiting(): void {
    if (this.#state === 'active') this.#state = 'ending';
    this.bases.cancel();
    this.#wake();
  }

  /** The link has ended; resolves when the fetch of a base has ended too. */
  async linkEnded(): Promise<void> {
    this.endWaiting();
    await this.bases.ended();
    if (this.#state === 'ending') this.#state = 'active';
  }

  /** Starts nothing more, and resolves when nothing is running. The caller must end a running fetch. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#cancelSweep?.();
    this.bases.stop();
    this.#retention.stop();
    this.#wake();
    await this.bases.ended();
    await this.#retention.stopped();
  }

  /** Waits until bytes of the stream may be written. */
  async #await(bytes: number): Promise<boolean> {
    let told = false;
    let retained = false;
    while (this.#state === 'active') {
      const { state } = this.#budget;
      // Where retention has nothing to give, all that is there counts as required.
      const seen = retained ? { ...state, required: state.total } : state;
      const verdict = verdictOn(seen, bytes);
      if (verdict.type === 'write') {
        if (told) {
          this.#budget.waited();
          this.#actions.onWaiting(undefined);
        }
        return true;
      }
      if (verdict.type === 'retain') {
        retained = !(await this.#retention.reduceTo(verdict.to));
        continue;
      }
      if (verdict.type === 'fetch') {
        void this.bases.freshen();
        continue;
      }
      const error = overLimit(this.limit, 'stream', verdict.reason, verdict.needed);
      if (verdict.type === 'pause') throw error;
      this.#actions.onWaiting({ reason: error.message, needed: verdict.needed });
      told = true;
      retained = false;
      await this.#change(verdict.until);
    }
    return false;
  }

  /** Removes old data until this many more bytes fit. @throws {NoRoomError} if that is not enough */
  async #makeRoom(bytes: number): Promise<void> {
    const { most } = this.#budget;
    if (this.#budget.total + bytes <= most) return;
    await this.#retention.reduceTo(most - bytes);
    if (this.#budget.total + bytes <= most) return;
    const what = `${formatBytes(bytes)} more do not fit beside the present log`;
    const needed = this.#budget.neededBeside(bytes);
    throw overLimit(this.limit, 'base', what, Math.max(needed, this.limit + 1));
  }

  #schedule(delay = SWEEP): void {
    if (this.#state === 'stopped') return;
    this.#cancelSweep = this.#world.clock.after(delay, () => {
      void this.#measure()
        .then(() => this.#retention.run())
        .then(() => this.#schedule());
    });
  }

  async #measure(): Promise<void> {
    const { maxDisk, directory } = this.#config();
    const space = await spaceOf(this.#world, directory);
    // If the size of the file system is unavailable, the last known size is used.
    if ('size' in maxDisk) this.#budget.limit = maxDisk.size;
    else if (space !== undefined) this.#budget.limit = Math.floor(space.total * maxDisk.share);
    this.#free = space?.free ?? Infinity;
    this.#warn();
  }

  #warn(): void {
    this.#warnings.check(this.#budget.state, this.#free, this.#config());
  }

  /** Resolves at the next change, at the latest at `until` (`Clock.elapsed`). */
  #change(until: number | undefined): Promise<void> {
    const { clock } = this.#world;
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = until === undefined ? () => {} : clock.after(until - clock.elapsed(), wake);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
