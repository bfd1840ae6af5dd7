import { isDeepStrictEqual } from 'node:util';
import type { Log } from '@forebay/log';
import type { HeldStream } from '@forebay/psync';
import type { Candidate, Candidates } from '../config/candidate.ts';
import type { Reporter } from '../reporter.ts';
import type { Probe } from './candidates.ts';
import { choose } from './candidates.ts';

/** What a choice is told, and tells. */
export interface ChoiceHost {
  readonly probe: Probe;
  readonly reporter: Reporter;
  /** The log that is open; undefined: none, or it is closing. */
  readonly log: Log | undefined;
  /** Another is followed from now on. */
  onTurn(upstream: Candidate): void;
}

/** Whom it follows, among those it may. */
export class Choice {
  readonly #host: ChoiceHost;
  #candidates: Candidates;
  #upstream: Candidate;
  #choosing: Promise<void> | undefined;

  constructor(candidates: Candidates, host: ChoiceHost) {
    this.#host = host;
    this.#candidates = candidates;
    this.#upstream = candidates[0];
  }

  get upstream(): Candidate {
    return this.#upstream;
  }

  get candidates(): Candidates {
    return this.#candidates;
  }

  /** Whether there is no other. */
  get isOnly(): boolean {
    return this.#candidates.length === 1;
  }

  /** Among several candidates, finds the one to follow; who comes while that is done awaits the same. */
  async choose(): Promise<void> {
    this.#choosing ??= this.#chooseOnce().finally(() => {
      this.#choosing = undefined;
    });
    await this.#choosing;
  }

  /** Takes other candidates; what was followed is let go where it is none of them any more. */
  replace(candidates: Candidates): void {
    this.#candidates = candidates;
    if (this.isOnly) this.#turnTo(candidates[0]);
    else if (this.#host.log !== undefined) void this.choose();
  }

  async #chooseOnce(): Promise<void> {
    const { log, probe, reporter } = this.#host;
    if (this.isOnly || log === undefined) return;
    const candidates = this.#candidates;
    const chosen = await choose(candidates, probe, heldBy(log));
    if (this.#host.log !== log) return;
    // They may have been named anew meanwhile.
    if (candidates !== this.#candidates) return this.#chooseOnce();
    if (chosen !== undefined) this.#turnTo(chosen);
    else {
      const message = 'no candidate is a primary, or names one, just now';
      reporter.trouble(message, { event: 'no-primary' });
    }
  }

  #turnTo(upstream: Candidate): void {
    if (isDeepStrictEqual(upstream, this.#upstream)) return;
    this.#upstream = upstream;
    this.#host.onTurn(upstream);
  }
}

function heldBy({ history, written: offset, lowest }: Log): HeldStream | undefined {
  if (history === undefined || lowest === undefined) return undefined;
  return { history, offset, lowest };
}
