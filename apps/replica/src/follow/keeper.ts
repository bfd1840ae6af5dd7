import type { Log, Retained } from '@forebay/log';
import type { UpstreamDecision } from '@forebay/replica';
import { ReplicaError } from '@forebay/replica';
import type { ReplicaConfig } from '../config.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import type { CountedBase } from './counted-base.ts';
import { DiskBudget } from './disk-budget.ts';
import type { DiskState } from './disk-policy.ts';
import {
  complaintAbout,
  fetchableAt,
  fitsBase,
  fitsStream,
  isFetchUrgent,
  isRetentionDue,
  LEAST_LEAD,
  neededFor,
  retainTarget,
  verdictOn,
} from './disk-policy.ts';
import { NoRoomError, overLimit, spaceOf } from './space.ts';
import type { World } from './world.ts';

/** Milliseconds between two looks at what may go. */
const SWEEP = 10_000;

/** Why bytes of the stream wait, and the `--max-disk` that would spare it. */
export interface Waiting {
  readonly reason: string;
  readonly needed: number;
}

/** The state of a keeper, for status and metrics. */
export interface KeeperHost {
  /** Fetches a base and adds it to the log. @throws what kept it from coming */
  fetchBase(): Promise<void>;
  /** Bytes of the stream wait for room; undefined: they wait no longer. */
  onWaiting(waiting: Waiting | undefined): void;
}

/** Keeps a log within its limits: has bases fetched, removes the past, and says whether more may be written. */
export class Keeper {
  readonly #log: Log;
  readonly #config: () => ReplicaConfig;
  readonly #world: World;
  readonly #reporter: Reporter;
  readonly #host: KeeperHost;
  readonly #budget: DiskBudget;
  #cancel: (() => void) | undefined;
  #fetching: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #failed = false;
  /** The fetch was ended on purpose. */
  #ending = false;
  #stopped = false;
  /** Callers that wait for a change. */
  readonly #waiting = new Set<() => void>();
  /** The last logged error of retention. */
  #complaint: string | undefined;
  /** The settings for which a warning was logged, by the kind of the warning. */
  readonly #said = new Map<string, string>();
  /** Bytes of the file system that were free. */
  #free = Infinity;

  constructor(
    log: Log,
    config: () => ReplicaConfig,
    world: World,
    reporter: Reporter,
    host: KeeperHost,
  ) {
    this.#log = log;
    this.#config = config;
    this.#world = world;
    this.#reporter = reporter;
    this.#host = host;
    this.#budget = new DiskBudget(log, world.clock);
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

  /** Whether the last base that was asked for did not come. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Whether a base is on its way. */
  get fetching(): boolean {
    return this.#fetching !== undefined;
  }

  /** The settings have changed. */
  async changed(): Promise<void> {
    await this.#measure();
    this.#wake();
  }

  /** The log has grown: a base or retention may be due. */
  progressed(): void {
    if (this.#stopped) return;
    const { state } = this.#budget;
    if (isFetchUrgent(state)) {
      this.#tellLimit(state.total);
      void this.freshen();
    } else if (this.#fetching === undefined && this.#isDue(state)) void this.freshen();
    if (this.#looking === undefined && isRetentionDue(state)) void this.#look();
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
    this.#budget.fetch = 'placed';
    const bytes = this.#log.copiedBy(offset);
    await this.#makeRoom(bytes);
    this.#budget.copying = bytes;
    this.#wake();
  }

  /** A file for a base: `fetch`, beside the stream, or `transfer`, of a full resync. */
  async createBase(kind: 'fetch' | 'transfer', directory: string): Promise<CountedBase> {
    if (kind === 'fetch') this.#budget.copying = 0;
    const file = await this.#world.createBase(directory);
    return this.#budget.counted(kind, file, (bytes) => this.#makeRoom(bytes));
  }

  /** A full resync has begun. @throws {NoRoomError} if it cannot fit beside the present log */
  async admitTransfer(length: number | undefined): Promise<void> {
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
    if (!goesOn || offset === undefined || this.#log.history === undefined) return decision;
    this.#budget.saw(offset);
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

  /** Has a base fetched though none is due; who asks meanwhile waits for the same. It never rejects. */
  async freshen(): Promise<void> {
    if (this.#stopped) return;
    if (this.#fetching === undefined) {
      this.#budget.began();
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined;
        this.#budget.fetch = 'none';
        this.#budget.copying = 0;
        this.#wake();
      });
    }
    await this.#fetching;
  }

  /** The link is lost: ends all waits, and waits for the fetch to end, without counting a failure. */
  async linkEnded(): Promise<void> {
    this.#ending = true;
    this.#wake();
    await this.#fetching;
    this.#ending = false;
  }

  /** The link is about to end: ends the waits for room. */
  endWaiting(): void {
    this.#ending = true;
    this.#wake();
  }

  /** Begins nothing more, and waits for what runs; the fetch is to be ended by who began it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#wake();
    await this.#fetching;
    await this.#looking;
  }

  /** Whether the stream after the newest base has grown as far as the settings say. */
  #isDue(state: DiskState): boolean {
    const { percentage, minSize, interval } = this.#config().base;
    const { base, written } = this.#log;
    if (base === undefined || percentage === 0 || !fitsBase(state)) return false;
    // A time in the future means that the clock stepped back: it is ignored.
    const isRecent = (time: number): boolean =>
      state.now - time >= 0 && state.now - time < interval;
    if (isRecent(base.time) || isRecent(state.fetchedAt ?? -Infinity)) return false;
    if (state.failures > 0 && state.now < fetchableAt(state)) return false;
    const grown = written - base.offset;
    return grown >= minSize && grown >= (base.size * percentage) / 100;
  }

  async #fetch(): Promise<void> {
    try {
      await this.#makeRoom(this.#budget.state.expected);
      await this.#host.fetchBase();
      this.#failed = false;
      this.#budget.fetched();
      await this.#look();
      this.#warn();
    } catch (error) {
      if (this.#stopped || this.#ending) return;
      this.#failed = true;
      // Lack of room is not a failure of the primary: the next fetch may start as soon as there is room.
      const isRefused = error instanceof ReplicaError && error.verdict !== undefined;
      if (!(error instanceof NoRoomError)) this.#budget.failed(isRefused);
      const reason = error instanceof Error ? error.message : String(error);
      this.#reporter.trouble(`fetch of a fresh base failed: ${reason}`, {
        event: 'base-failed',
        reason,
      });
    }
  }

  /** Waits until bytes of the stream may be written. */
  async #await(bytes: number): Promise<boolean> {
    let told = false;
    let retained = false;
    while (!this.#stopped && !this.#ending) {
      const { state } = this.#budget;
      // Where retention has nothing to give, all that is there counts as required.
      const seen = retained ? { ...state, required: state.total } : state;
      const verdict = verdictOn(seen, bytes);
      if (verdict.type === 'write') {
        if (told) {
          this.#budget.waited();
          this.#host.onWaiting(undefined);
        }
        return true;
      }
      if (verdict.type === 'retain') {
        retained = !(await this.#retain(verdict.to));
        continue;
      }
      if (verdict.type === 'fetch') {
        void this.freshen();
        continue;
      }
      const error = overLimit(this.limit, 'stream', verdict.reason, verdict.needed);
      if (verdict.type === 'pause') throw error;
      this.#host.onWaiting({ reason: error.message, needed: verdict.needed });
      told = true;
      retained = false;
      await this.#change(verdict.until);
    }
    return false;
  }

  /** Removes old data until this many more bytes fit. @throws {NoRoomError} if that is not enough */
  async #makeRoom(bytes: number): Promise<void> {
    const { most } = this.#budget;
    if (this.#budget.state.total + bytes <= most) return;
    await this.#retain(most - bytes);
    if (this.#budget.state.total + bytes <= most) return;
    const what = `${formatBytes(bytes)} more do not fit beside the present log`;
    const needed = this.#budget.neededBeside(bytes);
    throw overLimit(this.limit, 'base', what, Math.max(needed, this.limit + 1));
  }

  #schedule(delay = SWEEP): void {
    if (this.#stopped) return;
    this.#cancel = this.#world.clock.after(delay, () => {
      void this.#measure()
        .then(() => this.#look())
        .then(() => this.#schedule());
    });
  }

  /** Applies the retention policy; concurrent callers share one run. */
  async #look(): Promise<void> {
    this.#looking ??= this.#retain(retainTarget(this.#budget.state)).then(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /** Applies the retention policy, and removes more if the log would exceed `to` bytes; whether anything was removed. */
  async #retain(to: number): Promise<boolean> {
    if (this.#stopped || this.#log.history === undefined) return false;
    try {
      const hardLimit = Math.max(0, to - this.#budget.beside);
      const retained = await this.#log.retain({ ...this.#config().retain, hardLimit });
      this.#tell(retained);
      this.#complaint = undefined;
      return retained.removed > 0;
    } catch (error) {
      // An error here is reported by the log; on a full disk it recurs at each run.
      const { message } = error as Error;
      if (this.#stopped || message === this.#complaint) return false;
      this.#complaint = message;
      this.#reporter.trouble(message, { event: 'retention-failed' });
      return false;
    }
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

  /** Says of settings that cannot hold, once as long as they stay as they are. */
  #warn(): void {
    const { state } = this.#budget;
    const { retain, maxDisk } = this.#config();
    const limit = formatBytes(this.limit);
    const complaint = complaintAbout(state);
    if (complaint === undefined) this.#said.delete('two bases');
    else {
      const { reason, needed } = complaint;
      const message =
        `--max-disk ${limit} is too small: ${reason}; ` +
        `replication will pause at the limit; set at least ${formatBytes(needed)}`;
      this.#warnOf('two bases', message, needed);
    }
    if ('size' in retain && retain.size > this.limit) {
      const message = `--retain ${formatBytes(retain.size)} exceeds --max-disk ${limit}`;
      this.#warnOf('retain', message, retain.size);
    }
    const room = state.total + this.#free;
    if ('size' in maxDisk && this.limit > room) {
      const message =
        `--max-disk ${limit} exceeds the space on the disk: the log has ${formatBytes(state.total)}, ` +
        `${formatBytes(this.#free)} are free; replication pauses when the disk is full`;
      this.#warnOf('disk', message, room);
    }
  }

  #warnOf(what: string, message: string, bytes: number): void {
    const key = `${this.limit} ${JSON.stringify(this.#config().retain)}`;
    if (this.#said.get(what) === key) return;
    this.#said.set(what, key);
    this.#reporter.trouble(message, { event: 'limit-too-small', bytes });
  }

  #tellLimit(total: number): void {
    const [has, limit] = [total, this.limit].map(formatBytes);
    this.#reporter.step(`the log has ${has} of --max-disk ${limit}: fetching a fresh base early`, {
      event: 'limit-near',
      bytes: total,
    });
  }

  /** Resolves at the next change, at the latest at `until`. */
  #change(until: number | undefined): Promise<void> {
    const { clock } = this.#world;
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = until === undefined ? () => {} : clock.after(until - clock.now(), wake);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #tell({ removed, held, cutOff }: Retained): void {
    if (removed > 0) {
      const message = `let go of ${formatBytes(removed)}, ${formatBytes(held)} are kept`;
      this.#reporter.step(message, { event: 'let-go', bytes: removed, kept: held });
    }
    for (const { name = 'a reader without a name', offset } of cutOff) {
      const message = `cut off ${name} at offset ${offset}: --max-disk is reached`;
      this.#reporter.trouble(message, { event: 'reader-cut-off', reader: name, offset });
    }
  }
}
