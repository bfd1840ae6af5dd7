import type { Log, Retained } from '@forebay/log';
import type { ReplicaConfig } from '../../config.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import type { DiskBudget } from './disk-budget.ts';
import { retainTarget } from './disk-policy.ts';

/** Deletes from a log what the retention policy does not keep, and more if the disk limit requires it. */
export class Retention {
  readonly #log: Log;
  readonly #budget: DiskBudget;
  readonly #config: () => ReplicaConfig;
  readonly #reporter: Reporter;
  #running: Promise<void> | undefined;
  #stopped = false;
  /** The last logged error. */
  #complaint: string | undefined;

  constructor(log: Log, budget: DiskBudget, config: () => ReplicaConfig, reporter: Reporter) {
    this.#log = log;
    this.#budget = budget;
    this.#config = config;
    this.#reporter = reporter;
  }

  /** Whether a run started by `run` is still in progress. */
  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Applies the retention policy; concurrent callers share one run. It never rejects. */
  async run(): Promise<void> {
    this.#running ??= this.reduceTo(retainTarget(this.#budget.state)).then(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /**
   * Applies the retention policy, and deletes more if the log would exceed `to` bytes. Returns whether anything was deleted.
   * It never rejects.
   */
  async reduceTo(to: number): Promise<boolean> {
    if (this.#stopped || this.#log.history === undefined) return false;
    try {
      const hardLimit = Math.max(0, to - this.#budget.beside);
      const retained = await this.#log.retain({ ...this.#config().retain, hardLimit });
      this.#report(retained);
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

  /** Starts no further run. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when no run started by `run` is in progress. */
  async stopped(): Promise<void> {
    await this.#running;
  }

  #report({ removed, held, cutOff }: Retained): void {
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
