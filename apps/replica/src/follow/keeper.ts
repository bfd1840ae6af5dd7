import type { Log, Retained, RetainPolicy } from '@forebay/log';
import type { ReplicaConfig } from '../config.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import type { World } from './world.ts';

/** Milliseconds between two looks at what may go. */
const SWEEP = 10_000;

/** Keeps a log from growing for ever: has a fresh base fetched when it is due, and lets the past go. */
export class Keeper {
  readonly #log: Log;
  readonly #config: () => ReplicaConfig;
  readonly #world: World;
  readonly #reporter: Reporter;
  readonly #fetchBase: () => Promise<void>;
  #cancel: (() => void) | undefined;
  #fetching: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  /** When the last fetch began that failed; it cost a fork too. */
  #tried = 0;
  #failed = false;
  #overLimit = false;
  #limit: number | undefined;
  /** What is fetched is ended on purpose. */
  #ending = false;
  #stopped = false;
  /** What was said last of a retention that failed. */
  #complaint: string | undefined;

  constructor(
    log: Log,
    config: () => ReplicaConfig,
    world: World,
    reporter: Reporter,
    fetchBase: () => Promise<void>,
  ) {
    this.#log = log;
    this.#config = config;
    this.#world = world;
    this.#reporter = reporter;
    this.#fetchBase = fetchBase;
    // A log that was opened anew for want of room has something to let go of, perhaps, at once.
    this.#schedule(0);
  }

  /** Whether the last base that was asked for did not come. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Whether a base is on its way. */
  get fetching(): boolean {
    return this.#fetching !== undefined;
  }

  /** The log has come further: a base may be due. */
  progressed(): void {
    if (this.#fetching === undefined && !this.#stopped && this.#isDue()) void this.freshen();
  }

  /** Has a base fetched though none is due; who asks meanwhile waits for the same. It never rejects. */
  async freshen(): Promise<void> {
    if (this.#stopped) return;
    this.#tried = this.#world.clock.now();
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    await this.#fetching;
  }

  /** `--max-disk` in bytes; undefined before the file system was asked for its size. */
  get limit(): number | undefined {
    return this.#limit;
  }

  /** The link that a fetch belongs to is gone: waits for the fetch to end, which is no failure of it. */
  async fetchEnded(): Promise<void> {
    this.#ending = true;
    await this.#fetching;
    this.#ending = false;
  }

  /** Begins nothing more, and waits for what runs; the fetch is to be ended by who began it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#fetching;
    await this.#looking;
  }

  #isDue(): boolean {
    const { percentage, minSize, interval } = this.#config().base;
    const { base, written } = this.#log;
    if (base === undefined || percentage === 0) return false;
    const now = this.#world.clock.now();
    // What the clock says is yet to come was before it was set back: that keeps nothing from being due.
    const isRecent = (time: number): boolean => now - time >= 0 && now - time < interval;
    if (isRecent(base.time) || isRecent(this.#tried)) return false;
    const grown = written - base.offset;
    if (this.#overLimit) return grown > 0;
    return grown >= minSize && grown >= (base.size * percentage) / 100;
  }

  async #fetch(): Promise<void> {
    try {
      await this.#fetchBase();
      this.#failed = false;
      await this.#look();
    } catch (error) {
      if (!this.#stopped && !this.#ending) {
        this.#failed = true;
        const reason = error instanceof Error ? error.message : String(error);
        this.#reporter.trouble(`no fresh base: ${reason}`, { event: 'base-failed', reason });
      }
    }
  }

  #schedule(delay = SWEEP): void {
    if (this.#stopped) return;
    this.#cancel = this.#world.clock.after(delay, () => {
      this.#looking = this.#look().finally(() => this.#schedule());
    });
  }

  /** Lets go of what the policy does not keep. What fails here has failed the log, which tells it. */
  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      const policy = await this.#policy();
      if (this.#log.history === undefined) return;
      const retained = await this.#log.retain(policy);
      this.#overLimit = retained.held > (policy.hardLimit ?? Infinity);
      this.#tell(retained);
      this.#complaint = undefined;
    } catch (error) {
      const { message } = error as Error;
      // On a disk that stays full it would be said at each look.
      if (this.#stopped || message === this.#complaint) return;
      this.#complaint = message;
      this.#reporter.trouble(message, { event: 'retention-failed' });
    }
  }

  async #policy(): Promise<RetainPolicy> {
    const { retain, maxDisk, directory } = this.#config();
    this.#limit =
      'size' in maxDisk
        ? maxDisk.size
        : Math.floor((await this.#world.disk.space(directory)).total * maxDisk.share);
    return { ...retain, hardLimit: this.#limit };
  }

  #tell({ removed, held, cutOff }: Retained): void {
    if (removed > 0) {
      const message = `let go of ${formatBytes(removed)}, ${formatBytes(held)} are kept`;
      this.#reporter.step(message, { event: 'let-go', bytes: removed, kept: held });
    }
    for (const { name = 'a reader without a name', offset } of cutOff) {
      const message = `cut off ${name} at offset ${offset}: --max-disk is reached; "forebay cursor" lists, moves and removes cursors`;
      this.#reporter.trouble(message, { event: 'reader-cut-off', reader: name, offset });
    }
  }
}
