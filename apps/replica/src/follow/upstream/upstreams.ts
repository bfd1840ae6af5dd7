import type { ReplicationReport } from '@forebay/psync';
import type { UpstreamDecision } from '@forebay/replica';
import { describeEndpoint, probe } from '@forebay/replica';
import type { Candidate } from '../../config/candidate.ts';
import type { ReplicaConfig } from '../../config.ts';
import type { Reporter } from '../../reporter.ts';
import type { LinkPhase } from '../../status/link-record.ts';
import type { World } from '../world.ts';
import { Chain } from './chain.ts';
import { CutInquiry } from './cut-inquiry.ts';
import type { WatchedLink } from './loop-guard.ts';
import { LoopGuard } from './loop-guard.ts';
import { replicaOptions } from './replica-options.ts';
import { UpstreamReports } from './upstream-reports.ts';
import { UpstreamSelector } from './upstream-selector.ts';

/** Milliseconds within which a server must answer INFO. */
const PROBE_TIMEOUT = 3000;
/** Milliseconds for which REPLICAOF waits to find out whether the server replicates from here. */
const COMMAND_TIMEOUT = 500;

/** The servers that may be followed: selects one, asks it for INFO, and keeps this process from following itself. */
export class Upstreams {
  readonly selector: UpstreamSelector;
  readonly reports: UpstreamReports;
  readonly #loops: LoopGuard;
  readonly #cutInquiry: CutInquiry;
  readonly #config: () => ReplicaConfig;
  readonly #world: World;
  readonly #reporter: Reporter;
  /** Whether any server has served this process: if it refuses later, it may accept again. */
  #served = false;

  /** `onChange`: another server is the upstream. */
  constructor(
    config: () => ReplicaConfig,
    world: World,
    reporter: Reporter,
    onChange: (upstream: Candidate) => void,
  ) {
    this.#config = config;
    this.#world = world;
    this.#reporter = reporter;
    const ask = (candidate: Candidate) => this.#probe(candidate);
    this.selector = new UpstreamSelector(config().candidates, ask, reporter, (upstream) => {
      this.chain.forget();
      onChange(upstream);
    });
    this.reports = new UpstreamReports(world.clock, this.selector, ask);
    const runId = Buffer.from(world.random(20)).toString('hex');
    this.#loops = new LoopGuard(world.clock, ask, new Chain(runId));
    this.#cutInquiry = new CutInquiry(world.clock, reporter);
  }

  /** The forebays between this process and the primary. */
  get chain(): LoopGuard['chain'] {
    return this.#loops.chain;
  }

  /** Whether refused credentials end the daemon: no server has accepted them yet, and there is only one candidate. */
  get isDenialFinal(): boolean {
    return !this.#served && this.selector.isOnly;
  }

  /** The upstream serves this process. */
  serves(): void {
    this.#served = true;
  }

  /**
   * Follows only this server from now on, with the credentials of the previous upstream (`REPLICAOF host port`).
   * Returns the server with those credentials.
   */
  retarget(host: string, port: number): Candidate {
    const candidate = this.#candidateAt(host, port);
    this.selector.replace([candidate]);
    this.selector.attach();
    return candidate;
  }

  /** Follows no server until `retarget` (`REPLICAOF NO ONE`). */
  detach(): void {
    this.selector.detach();
    this.chain.forget();
  }

  /** The reason if this server replicates from this process; undefined also if it does not answer in time. */
  async loopAt(host: string, port: number): Promise<string | undefined> {
    const candidate = this.#candidateAt(host, port);
    const ask = (other: Candidate) => this.#probe(other, COMMAND_TIMEOUT);
    const reason = await this.chain.loopAt(candidate, ask);
    if (reason === undefined) return undefined;
    // A Sentinel does not look at the reply.
    const primary = describeEndpoint(candidate.endpoint);
    this.#reporter.trouble(`REPLICAOF refused: cannot follow ${primary}: ${reason}`, {
      event: 'replicaof-refused',
      primary,
      reason,
    });
    return reason;
  }

  /** Records the report of the upstream at the start of a link. Returns a decision if the upstream cannot be followed. */
  async saw(report: ReplicationReport | undefined): Promise<UpstreamDecision | undefined> {
    const loop = report && (await this.#loops.loopOver(this.selector.upstream, report));
    if (loop !== undefined) return { type: 'loop', reason: loop };
    this.#cutInquiry.saw(report?.outputBufferCuts);
    this.reports.saw(report);
    return undefined;
  }

  /** Watches a link for loops and for standstills of this process, until the returned function is called. */
  watch(link: WatchedLink): () => void {
    const stops = [this.#loops.watch(link), this.#cutInquiry.start()];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Finds out why a link was lost. */
  inquire(upstream: Candidate, { state, lasted }: LinkPhase): void {
    // A simulated network has no primary that real sockets lead to.
    if (this.#world.network.transport !== undefined) return;
    if (state !== 'transfer' && state !== 'stream') return;
    void this.#cutInquiry.inquire(upstream, this.#config(), { phase: state, lasted });
  }

  #candidateAt(host: string, port: number): Candidate {
    const { upstream } = this.selector;
    const kind = upstream.endpoint.kind === 'tls' ? 'tls' : 'tcp';
    return { ...upstream, endpoint: { kind, host, port } };
  }

  #probe(candidate: Candidate, timeout = PROBE_TIMEOUT): Promise<ReplicationReport | undefined> {
    const options = replicaOptions(candidate, this.#config(), this.#world);
    return probe({ ...options, timeout });
  }
}
