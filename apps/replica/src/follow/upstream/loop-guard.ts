import type { Clock } from '@forebay/clock';
import type { ReplicationReport } from '@forebay/psync';
import type { Candidate } from '../../config/candidate.ts';
import type { LinkRecord } from '../../status/link-record.ts';
import type { Probe } from './candidates.ts';
import type { Chain } from './chain.ts';

/** Milliseconds between two inspections. */
const PERIOD = 5000;
/** Milliseconds without a byte: longer than the servers' default period of PINGs (`repl-ping-replica-period`). */
const SILENCE = 12_000;

/** A link to an upstream; a loop closes it. */
export interface WatchedLink {
  readonly upstream: Candidate;
  readonly record: Pick<LinkRecord, 'status' | 'silence'>;
  /** Closes the link: the next attempt finds the loop too, and reports it. */
  reconnect(): void;
}

/** Keeps this process from following a server that replicates from it. */
export class LoopGuard {
  readonly chain: Chain;
  readonly #clock: Clock;
  readonly #probe: Probe;
  /** Whether the upstream said last that it is a replica. */
  #belowReplica = false;

  constructor(clock: Clock, probe: Probe, chain: Chain) {
    this.chain = chain;
    this.#clock = clock;
    this.#probe = probe;
  }

  /** The reason if the upstream, which has just made this report, replicates from this process. It never rejects. */
  loopOver(upstream: Candidate, report: ReplicationReport): Promise<string | undefined> {
    this.#belowReplica = report.role === 'replica';
    return this.chain.update(upstream, report, this.#probe);
  }

  /**
   * Inspects the upstream while the link is up: the upstream may become a replica of this process later. A stream
   * with data comes from a primary, so only idle links and chains are inspected. An upstream that refuses INFO is
   * asked once per link. Runs until the returned function is called.
   */
  watch(link: WatchedLink): () => void {
    let cancel = (): void => {};
    /** `since` of the link on which the upstream refused INFO. */
    let refusedSince: number | undefined;
    const schedule = (): void => {
      cancel = this.#clock.after(PERIOD, tick);
    };
    const tick = async (): Promise<void> => {
      let stopped = false;
      cancel = () => {
        stopped = true;
      };
      const { silence, status } = link.record;
      const { state, since } = status;
      const isDue =
        state === 'stream' && since !== refusedSince && (silence >= SILENCE || this.#belowReplica);
      if (isDue && !(await this.#inspect(link))) refusedSince = since;
      if (!stopped) schedule();
    };
    schedule();
    return () => cancel();
  }

  /** Reconnects if there is a loop; false if the upstream refuses INFO. It never rejects. */
  async #inspect(link: WatchedLink): Promise<boolean> {
    const { upstream } = link;
    const report = await this.#probe(upstream).catch(() => 'unreachable' as const);
    if (report === undefined) return false;
    if (report === 'unreachable' || link.upstream !== upstream) return true;
    const loop = await this.loopOver(upstream, report);
    if (loop !== undefined && link.upstream === upstream) link.reconnect();
    return true;
  }
}
