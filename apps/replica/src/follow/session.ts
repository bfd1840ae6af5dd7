import type { ReplicationReport } from '@forebay/psync';
import type { UpstreamDecision } from '@forebay/replica';
import { describeEndpoint, ReplicaError } from '@forebay/replica';
import { EXIT, ExitError } from '../exit.ts';
import { decideResume } from '../follow-log/decide-resume.ts';
import type { FollowOptions } from '../follow-log/follow.ts';
import { linkMessageOf } from '../link-message.ts';
import { Arrivals } from './disk/arrivals.ts';
import { fetchFreshBase } from './fetch-fresh-base.ts';
import { LinkReport } from './link-report.ts';
import { reportStepBack } from './log-report.ts';
import type { SessionParts } from './session-parts.ts';
import { UpstreamReplica } from './upstream-replica.ts';

/** Follows the upstream into an open log, over any number of links; each part decides on what it owns. */
export class Session {
  readonly replica: UpstreamReplica;
  readonly #parts: SessionParts;
  readonly #report: LinkReport;
  readonly #arrivals: Arrivals;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { log, record, reporter, world, config } = parts;
    this.replica = new UpstreamReplica(parts, (report) => this.#decide(report));
    this.#report = new LinkReport(this.replica, log, record, reporter, world.clock);
    this.#arrivals = new Arrivals(world.clock, () => config().timeout);
    this.replica.replica.on('attempt-ended', (error, delay) => this.#onAttemptEnded(error, delay));
  }

  /** Resolves when `stop` is aborted or the replica is detached; everything received is in the log then. */
  async run(stop: AbortSignal): Promise<void> {
    const { upstreams, keeper } = this.#parts;
    const stopWatching = upstreams.watch(this.replica);
    try {
      await this.replica.run(stop, this.#followOptions());
    } finally {
      stopWatching();
      await keeper.linkEnded();
    }
  }

  /** Fetches a base from the upstream. @throws the reason why there is no base */
  async fetchBase(): Promise<void> {
    const { upstreams, world } = this.#parts;
    const { upstream } = this.replica;
    const since = world.clock.elapsed();
    try {
      const keys = await fetchFreshBase(this.replica, this.#arrivals, this.#parts);
      this.#report.counted(keys);
    } catch (error) {
      if (error instanceof ReplicaError && error.code === 'LINK_LOST') {
        const lasted = world.clock.elapsed() - since;
        upstreams.inquire(upstream, { state: 'transfer', lasted });
      }
      throw error;
    }
  }

  #followOptions(): FollowOptions {
    const { log, keeper, record, downstream, onLink } = this.#parts;
    const report = this.#report;
    return {
      createBase: async (directory) => {
        const file = await keeper.createBase('transfer', directory);
        report.transferBegan();
        return file;
      },
      admitStream: (bytes) => {
        record.heard(bytes);
        return keeper.admit(bytes);
      },
      admitSnapshot: async (length) => {
        await keeper.admitTransfer(length);
        this.#onServed();
      },
      changeHistory: (change) => this.#changeHistory(change),
      onResync: (resync) => {
        if (resync.type === 'continue') this.#onServed();
        report.resyncBegan(resync);
      },
      onResynced: (resynced) => {
        if (resynced.type === 'full') this.#arrivals.abandon();
        report.resynced(resynced);
        keeper.transferDone();
        onLink({ up: true, upstream: describeEndpoint(this.replica.upstream.endpoint) });
      },
      onSnapshotAborted: (error) => report.snapshotAborted(error),
      onStored: (bytes) => downstream?.propagate(bytes),
      onProgress: () => {
        this.#arrivals.reached(log.written);
        if (this.replica.streaming) keeper.progressed();
      },
    };
  }

  /** A primary serves this process: assume that there is room. */
  #onServed(): void {
    const { upstreams, pause } = this.#parts;
    upstreams.serves();
    pause.end();
  }

  #onAttemptEnded(error: ReplicaError, delay: number): void {
    const { upstreams, onLink } = this.#parts;
    const { code } = error;
    const message = linkMessageOf(error);
    if (code === 'DENIED' && upstreams.isDenialFinal) {
      this.replica.fail(new ExitError(EXIT.denied, message, error));
      return;
    }
    this.#report.attemptEnded(error, delay);
    onLink({ up: false, reason: message });
    if (code === 'LINK_LOST') upstreams.inquire(this.replica.upstream, this.#report.before);
    if (code !== 'RETARGETED') void upstreams.selector.choose();
  }

  /**
   * Changes the log's id, its history, or its end. Meanwhile replicas are not served, and all of them must ask again:
   * otherwise a replica could receive bytes of one history as bytes of another.
   */
  async #changeHistory<T>(change: () => Promise<T>): Promise<T> {
    const { log, downstream } = this.#parts;
    downstream?.serve(undefined);
    try {
      return await change();
    } finally {
      downstream?.serve(log);
    }
  }

  /** Decides how to continue at the upstream. If a full resync is necessary, another candidate may avoid it. */
  async #decide(report: ReplicationReport | undefined): Promise<UpstreamDecision> {
    const { log, keeper, reporter, upstreams } = this.#parts;
    const refusal = await upstreams.saw(report);
    if (refusal !== undefined) return refusal;
    const resume = await decideResume(log, report, {
      admitStepBack: (offset) => keeper.admitStepBack(offset),
      changeHistory: (change) => this.#changeHistory(change),
      onNote: (note) => reporter.step(note, { event: 'resume-note' }),
      onStepBack: (stepBack) => {
        this.#arrivals.abandon();
        reportStepBack(stepBack, reporter);
      },
    });
    const decision = keeper.limited(resume, report?.offset);
    const { selector } = upstreams;
    if (decision.type !== 'full' || selector.isOnly) return decision;
    const asked = selector.upstream;
    await selector.choose();
    if (selector.upstream === asked) return decision;
    return { type: 'later', reason: `${decision.reason}; another candidate is asked first` };
  }
}
