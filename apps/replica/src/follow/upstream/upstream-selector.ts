import { isDeepStrictEqual } from 'node:util';
import type { Log } from '@forebay/log';
import type { HeldStream } from '@forebay/psync';
import type { Candidate, Candidates } from '../../config/candidate.ts';
import type { Reporter } from '../../reporter.ts';
import type { Probe } from './candidates.ts';
import { choose } from './candidates.ts';

/** Selects which of the candidates is the upstream, and whether any is followed (`REPLICAOF NO ONE`). */
export class UpstreamSelector {
  readonly #probe: Probe;
  readonly #reporter: Reporter;
  readonly #onChange: (upstream: Candidate) => void;
  #candidates: Candidates;
  #upstream: Candidate;
  #choosing: Promise<void> | undefined;
  /** The open log, which the upstream is to continue; undefined: none, or it is closing. */
  #log: Log | undefined;
  #attached = true;
  #wake: (() => void) | undefined;

  /** `onChange`: another candidate is the upstream. */
  constructor(
    candidates: Candidates,
    probe: Probe,
    reporter: Reporter,
    onChange: (upstream: Candidate) => void,
  ) {
    this.#probe = probe;
    this.#reporter = reporter;
    this.#onChange = onChange;
    this.#candidates = candidates;
    this.#upstream = candidates[0];
  }

  get upstream(): Candidate {
    return this.#upstream;
  }

  get candidates(): Candidates {
    return this.#candidates;
  }

  /** Whether there is no other candidate. */
  get isOnly(): boolean {
    return this.#candidates.length === 1;
  }

  /** Whether an upstream is to be followed. */
  get attached(): boolean {
    return this.#attached;
  }

  /** From now on candidates are chosen by the position of this log; undefined: no candidate is chosen. */
  chooseFor(log: Log | undefined): void {
    this.#log = log;
  }

  attach(): void {
    this.#attached = true;
    this.#wake?.();
  }

  detach(): void {
    this.#attached = false;
  }

  /** Resolves when an upstream is to be followed, or `stop` is aborted. */
  async untilAttached(stop: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake?.();
    stop.addEventListener('abort', wake);
    while (!this.#attached && !stop.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    stop.removeEventListener('abort', wake);
  }

  /** Finds the candidate to follow, if there are several; concurrent callers share one search. */
  async choose(): Promise<void> {
    this.#choosing ??= this.#chooseOnce().finally(() => {
      this.#choosing = undefined;
    });
    await this.#choosing;
  }

  /** Replaces the candidates, and selects the upstream among them. */
  replace(candidates: Candidates): void {
    this.#candidates = candidates;
    if (this.isOnly) this.#select(candidates[0]);
    else if (this.#log !== undefined) void this.choose();
  }

  async #chooseOnce(): Promise<void> {
    const log = this.#log;
    if (this.isOnly || log === undefined) return;
    const candidates = this.#candidates;
    const chosen = await choose(candidates, this.#probe, heldBy(log));
    if (this.#log !== log) return;
    // The candidates may have been replaced meanwhile.
    if (candidates !== this.#candidates) return this.#chooseOnce();
    if (chosen !== undefined) this.#select(chosen);
    else {
      const message = 'no candidate is a primary, or names one, just now';
      this.#reporter.trouble(message, { event: 'no-primary' });
    }
  }

  #select(upstream: Candidate): void {
    if (isDeepStrictEqual(upstream, this.#upstream)) return;
    this.#upstream = upstream;
    this.#onChange(upstream);
  }
}

function heldBy({ history, written: offset, lowest }: Log): HeldStream | undefined {
  if (history === undefined || lowest === undefined) return undefined;
  return { history, offset, lowest };
}
