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

  /** From now on candidates are chosen by what this log holds; undefined: none is chosen. */
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

  /** Among several candidates, finds the one to follow; callers meanwhile share one search. */
  async choose(): Promise<void> {
    this.#choosing ??= this.#chooseOnce().finally(() => {
      this.#choosing = undefined;
    });
    await this.#choosing;
  }

  /** Replaces the candidates; the upstream changes if it is none of them. */
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
    // They may have been replaced meanwhile.
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
