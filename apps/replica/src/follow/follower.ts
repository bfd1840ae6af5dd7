import { join } from 'node:path';
import { APPEND_DIRECTORY, Log } from '@forebay/log';
import type { Upstream } from '@forebay/primary';
import type { ReplicationReport, ReportedServer } from '@forebay/psync';
import type { UpstreamDecision } from '@forebay/replica';
import { describeEndpoint, probe, ReplicaError } from '@forebay/replica';
import type { Candidate } from '../config/candidate.ts';
import type { SettingsChange, SettingsSubscriber } from '../config/configuration.ts';
import type { ReplicaConfig } from '../config.ts';
import { EXIT, ExitError } from '../exit.ts';
import { decideResume } from '../follow-log/decide-resume.ts';
import type { FollowOptions } from '../follow-log/follow.ts';
import type { Reporter } from '../reporter.ts';
import type { LinkState } from '../service-manager.ts';
import type { Lag } from '../status/lag.ts';
import type { LinkStatus } from '../status/link-record.ts';
import { LinkRecord } from '../status/link-record.ts';
import { pauseText } from '../status/pause.ts';
import type { BaseCounts, LimitsStatus, LogStatus, PauseStatus } from '../status/status.ts';
import { SyncTimes } from '../status/sync-times.ts';
import { Arrivals } from './disk/arrivals.ts';
import { fileSizeUnder } from './disk/disk-policy.ts';
import type { Waiting } from './disk/keeper.ts';
import { Keeper } from './disk/keeper.ts';
import type { Obstacle } from './disk/space.ts';
import { obstacleOf, SpaceWait } from './disk/space.ts';
import type { Downstream } from './downstream.ts';
import { fetchFreshBase } from './fetch-fresh-base.ts';
import type { FollowerEvent, FollowerState } from './follower-states.ts';
import { nextState } from './follower-states.ts';
import { LinkReport } from './link-report.ts';
import { reportClockStep, reportClosed, reportOpened, reportStepBack } from './log-report.ts';
import { Pause } from './pause.ts';
import { Session } from './session.ts';
import { CutInquiry } from './upstream/cut-inquiry.ts';
import { LoopGuard } from './upstream/loop-guard.ts';
import { replicaOptions } from './upstream/replica-options.ts';
import { UpstreamReports } from './upstream/upstream-reports.ts';
import { UpstreamSelector } from './upstream/upstream-selector.ts';
import type { World } from './world.ts';

/** Milliseconds that a candidate has to answer in. */
const PROBE_TIMEOUT = 3000;
/** Milliseconds after which a run is no part of the trouble before it. */
const STEADY = 60_000;
/** Milliseconds for which REPLICAOF waits to find out whether the server follows us. */
const COMMAND_PATIENCE = 500;

/** What a running daemon is told from outside. */
export interface Control {
  /** Aborted: everything is written and synced, and it ends. */
  readonly stop: AbortSignal;
  /** Calls `reload` whenever the settings are to be read anew, until the function returned is called. */
  readonly onReload: (reload: () => void) => () => void;
  /** Told of each log that is opened, for whoever reads it. */
  readonly onLog?: (log: Log) => void;
  /** Told when the stream comes in, and when the link is lost or cannot be had. */
  readonly onLink?: (state: LinkState) => void;
}

/** Follows an upstream into a log, whatever happens to either: opens the log, and connects the parts that decide. */
export class Follower implements SettingsSubscriber {
  #config: ReplicaConfig;
  readonly #reporter: Reporter;
  readonly #world: World;
  readonly #control: Control;
  readonly #downstream: Downstream | undefined;
  readonly #selector: UpstreamSelector;
  readonly #reports: UpstreamReports;
  readonly #loops: LoopGuard;
  readonly #cutInquiry: CutInquiry;
  readonly #arrivals: Arrivals;
  readonly #space: SpaceWait;
  readonly #pause: Pause;
  /** The link to the upstream, in whatever session. */
  readonly link: LinkRecord;
  readonly syncTimes = new SyncTimes();
  readonly #baseCounts = { done: 0, failed: 0 };
  /** Whether a primary has ever served us: what it refuses after that may be granted again. */
  #linked = false;
  #log: Log | undefined;
  #keeper: Keeper | undefined;
  #session: Session | undefined;
  #linkReport: LinkReport | undefined;
  #obstacle: Obstacle | undefined;
  /** When the log was opened last. */
  #openedAt = 0;

  constructor(
    config: ReplicaConfig,
    reporter: Reporter,
    world: World,
    control: Control,
    downstream: Downstream | undefined,
  ) {
    this.#config = config;
    this.#reporter = reporter;
    this.#world = world;
    this.#control = control;
    this.#downstream = downstream;
    const { clock } = world;
    const ask = (candidate: Candidate) => this.#probe(candidate);
    this.#selector = new UpstreamSelector(config.candidates, ask, reporter, (upstream) => {
      this.chain.forget();
      this.#session?.retarget(upstream);
    });
    this.#reports = new UpstreamReports(clock, this.#selector, ask);
    this.#loops = new LoopGuard(clock, ask);
    this.#cutInquiry = new CutInquiry(clock, reporter);
    this.#arrivals = new Arrivals(clock, () => this.#config.timeout);
    this.#space = new SpaceWait(world, config.directory);
    this.#pause = new Pause(clock, reporter);
    this.link = new LinkRecord(clock);
    control.stop.addEventListener('abort', () => this.#selector.chooseFor(undefined), {
      once: true,
    });
  }

  /** Whether an upstream is to be followed. */
  get attached(): boolean {
    return this.#selector.attached;
  }

  /** The server that is followed, for replicas of this process. */
  get upstream(): Upstream {
    const { endpoint } = this.#selector.upstream;
    const up = this.#session?.streaming === true;
    if (endpoint.kind === 'unix') return { host: endpoint.path, port: 0, up };
    return { host: endpoint.host, port: endpoint.port, up };
  }

  /** Which server is followed, as it reported last; undefined until it has. */
  get primary(): ReportedServer | undefined {
    return this.#reports.server;
  }

  get lag(): Lag {
    return this.#reports.lag;
  }

  get chain(): LoopGuard['chain'] {
    return this.#loops.chain;
  }

  /** Servers that may be followed. */
  get candidates(): readonly string[] {
    return this.#selector.candidates.map(({ endpoint }) => describeEndpoint(endpoint));
  }

  /** What is held; undefined where no log is open. */
  get logStatus(): LogStatus | undefined {
    if (this.#log === undefined) return undefined;
    const { history, written, synced, lowest, base } = this.#log;
    const { fetching: fetchingBase = false, failed: baseFailed = false } =
      this.#keeper?.bases ?? {};
    const bytes = this.#log.size.total;
    return { history, written, synced, lowest, base, fetchingBase, baseFailed, bytes };
  }

  /** Why nothing is read from the primary; undefined while nothing is paused. */
  get paused(): PauseStatus | undefined {
    return this.#pause.status;
  }

  get limits(): LimitsStatus {
    const limit = this.#keeper?.limit;
    return { maxDisk: limit === Infinity ? undefined : limit, retain: this.#config.retain };
  }

  get baseCounts(): BaseCounts {
    return this.#baseCounts;
  }

  /** Whether the upstream is known to have more than the log. */
  get catchingUp(): boolean {
    return this.#session?.streaming !== true || (this.#log?.written ?? 0) < this.#reports.offset;
  }

  /**
   * Follows this server alone from now on, with the credentials of the upstream before (`REPLICAOF host port`), and
   * returns both together.
   */
  retarget(host: string, port: number): Candidate {
    const candidate = this.#candidateAt(host, port);
    this.#selector.replace([candidate]);
    this.#selector.attach();
    return candidate;
  }

  /** The reason if this server replicates from this process; undefined also if it does not answer in time. */
  async loopAt(host: string, port: number): Promise<string | undefined> {
    const candidate = this.#candidateAt(host, port);
    const ask = (other: Candidate) => this.#probe(other, COMMAND_PATIENCE);
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

  /** Follows no server until `retarget` (`REPLICAOF NO ONE`). The log is served on. */
  detach(): void {
    this.#selector.detach();
    this.chain.forget();
    this.#session?.detach();
  }

  /** Closes the link to the primary and reconnects (`CLIENT KILL TYPE master`); false: there is no link. */
  cutLink(): boolean {
    return this.#session?.cut() ?? false;
  }

  /** Asks the upstream for its offset. It never rejects. */
  lookAbove(): Promise<void> {
    return this.#reports.askOffset();
  }

  /** Asks the upstream for its offset, for the lag; false: it does not grant that. It never rejects. */
  measureLag(): Promise<boolean> {
    return this.#reports.measureLag();
  }

  /** Fetches a base even if none is due; resolves when that is over, with a base or without. */
  async freshenBase(): Promise<void> {
    await this.#keeper?.bases.freshen();
  }

  /** Applies the settings that can change while it runs. */
  adopt({ config }: SettingsChange): void {
    const { candidates, tls, timeout, acceptUnverified, base, retain, maxDisk } = config;
    const isOther = candidates !== this.#config.candidates;
    const live = { candidates, tls, timeout, acceptUnverified, base, retain, maxDisk };
    this.#config = { ...this.#config, ...live };
    void this.#keeper?.changed();
    this.#session?.adopt(live);
    if (isOther) this.#selector.replace(candidates);
  }

  /** Runs until told to stop. A full disk is waited out. @throws what no waiting mends */
  async run(): Promise<void> {
    for (let state: FollowerState = 'opening'; state !== 'ended'; ) {
      state = nextState(state, await this.#perform(state));
    }
  }

  /** Does the work of a state, and says what ended it. Of several failures the first is thrown. */
  async #perform(state: Exclude<FollowerState, 'ended'>): Promise<FollowerEvent> {
    try {
      await this.#work(state);
      return this.#control.stop.aborted ? 'stopped' : 'done';
    } catch (error) {
      const size = this.#keeper?.transferSize ?? 0;
      this.#obstacle = obstacleOf(error, size);
      if (this.#obstacle !== undefined) return 'no-room';
      await this.#close().catch(() => {});
      throw error;
    }
  }

  async #work(state: Exclude<FollowerState, 'ended'>): Promise<void> {
    const { stop } = this.#control;
    switch (state) {
      case 'opening':
        return this.#open();
      case 'detached':
        if (!this.attached) this.link.entered('detached');
        return this.#selector.untilAttached(stop);
      case 'following':
        return this.#follow(this.#log!, this.#keeper!);
      case 'closing':
        return this.#closeOrderly(this.#log!);
      case 'paused':
        return this.#waitForRoom(this.#obstacle!);
      case 'reopening':
        return this.#close().catch(() => {});
    }
  }

  async #open(): Promise<void> {
    const { directory, fsync } = this.#config;
    const { disk, clock, removeStale } = this.#world;
    this.#openedAt = clock.now();
    const log = await Log.open(directory, {
      fsync,
      disk,
      clock,
      rotateAt: () => fileSizeUnder(this.#keeper?.limit ?? Infinity),
      onSyncTime: (milliseconds) => this.syncTimes.took(milliseconds),
      onClockStep: (step) => reportClockStep(step, this.#reporter),
      onFailure: () => this.#keeper?.endWaiting(),
    });
    this.#log = log;
    if (!this.#control.stop.aborted) this.#selector.chooseFor(log);
    await removeStale(join(directory, APPEND_DIRECTORY));
    reportOpened(log, this.#reporter);
    this.#control.onLog?.(log);
    this.#downstream?.serve(log);
    this.#keeper = new Keeper(log, () => this.#config, this.#world, this.#reporter, {
      fetchBase: () => this.#fetchBase(log, this.#keeper!),
      onWaiting: (waiting) => this.#onWaiting(waiting),
    });
    await this.#keeper.begin();
    if (log.failure !== undefined) throw log.failure;
  }

  async #closeOrderly(log: Log): Promise<void> {
    await this.#close();
    reportClosed(log, this.attached ? 'stopped' : 'detached', this.#reporter);
  }

  async #close(): Promise<void> {
    const log = this.#log;
    await this.#keeper?.stop();
    this.#keeper = undefined;
    this.#log = undefined;
    this.#selector.chooseFor(undefined);
    this.#downstream?.serve(undefined);
    await log?.close();
  }

  /** Waits until there may be room. Meanwhile the log is served, if it can be read. */
  async #waitForRoom(obstacle: Obstacle): Promise<void> {
    const { stop, onLink } = this.#control;
    if (this.#world.clock.now() - this.#openedAt > STEADY) this.#space.reset();
    this.link.entered('waiting');
    onLink?.({ up: false, reason: pauseText(obstacle) });
    this.#pause.begin(obstacle);
    // Unsynced bytes are discarded: replicas that have them must reconnect.
    if (this.#log?.readable === false) this.#downstream?.serve(undefined);
    await this.#space.until(obstacle, stop, this.#keeper);
  }

  /** Received bytes wait in memory, later ones at the primary; the link stays open. */
  #onWaiting(waiting: Waiting | undefined): void {
    if (waiting === undefined) {
      this.#pause.end();
      this.#reportUp();
      return;
    }
    const status = { cause: 'max-disk', ...waiting } as const;
    if (this.#pause.update(status)) return;
    this.#control.onLink?.({ up: false, reason: pauseText(status) });
    this.#pause.begin(status);
  }

  /** A primary serves us: assume that there is room. */
  #onLinked(): void {
    this.#linked = true;
    this.#pause.end();
  }

  #reportUp(): void {
    const { endpoint } = this.#selector.upstream;
    this.#control.onLink?.({ up: true, upstream: describeEndpoint(endpoint) });
  }

  async #follow(log: Log, keeper: Keeper): Promise<void> {
    const { stop } = this.#control;
    await this.#selector.choose();
    const { upstream } = this.#selector;
    const { directory } = this.#config;
    const primary = describeEndpoint(upstream.endpoint);
    this.#reporter.step(`following ${primary} into ${directory}`, {
      event: 'following',
      primary,
      directory,
    });
    const session = new Session(
      log,
      keeper,
      upstream,
      this.#config,
      this.#world,
      this.#reporter,
      this.link,
      (report) => this.#decide(log, keeper, report),
    );
    const report = new LinkReport(session, log, this.link, this.#reporter, this.#world.clock);
    session.replica.on('attempt-ended', (error, delay) => {
      this.#onAttemptEnded(session, report, error, delay);
    });
    this.#session = session;
    this.#linkReport = report;
    // It may have been detached while a candidate was chosen.
    if (!this.attached) session.detach();
    const offWatch = this.#loops.watch(session);
    const offInquiry = this.#cutInquiry.start();
    try {
      await session.run(stop, this.#followOptions(log, keeper, report));
      this.#pause.forget();
    } finally {
      offWatch();
      offInquiry();
      await keeper.linkEnded();
      this.#session = undefined;
      this.#linkReport = undefined;
    }
  }

  #followOptions(log: Log, keeper: Keeper, report: LinkReport): FollowOptions {
    return {
      createBase: async (directory) => {
        const file = await keeper.createBase('transfer', directory);
        report.transferBegan();
        return file;
      },
      admitStream: (bytes) => {
        this.link.heard(bytes);
        return keeper.admit(bytes);
      },
      admitSnapshot: async (length) => {
        await keeper.admitTransfer(length);
        this.#onLinked();
      },
      changeHistory: (change) => this.#changeHistory(log, change),
      onResync: (resync) => {
        if (resync.type === 'continue') this.#onLinked();
        report.resyncBegan(resync);
      },
      onResynced: (resynced) => {
        report.resynced(resynced);
        keeper.transferDone();
        this.#reportUp();
      },
      onSnapshotAborted: (error) => report.snapshotAborted(error),
      onStored: (bytes) => this.#downstream?.propagate(bytes),
      onProgress: () => {
        this.#arrivals.reached(log.written);
        if (this.#session?.streaming) keeper.progressed();
      },
    };
  }

  #onAttemptEnded(session: Session, report: LinkReport, error: ReplicaError, delay: number): void {
    const { code, message } = error;
    if (code === 'DENIED' && !this.#linked && this.#selector.isOnly) {
      session.fail(new ExitError(EXIT.denied, message, error));
      return;
    }
    report.attemptEnded(error, delay);
    this.#control.onLink?.({ up: false, reason: message });
    if (code === 'LINK_LOST') this.#inquire(session.upstream, report.before);
    if (code !== 'RETARGETED') void this.#selector.choose();
  }

  /** Finds out why a link ended that was up. */
  #inquire(upstream: Candidate, { state, since }: Pick<LinkStatus, 'state' | 'since'>): void {
    // A simulated network has no primary that real sockets lead to.
    if (this.#world.network.transport !== undefined) return;
    if (state !== 'transfer' && state !== 'stream') return;
    const lasted = this.#world.clock.now() - since;
    void this.#cutInquiry.inquire(upstream, this.#config, { phase: state, lasted });
  }

  /**
   * Changes the log's id, its history, or its end. Downstream nothing is served meanwhile, and all replicas have to
   * ask again: between two histories bytes of the one would be sent as bytes of the other.
   */
  async #changeHistory<T>(log: Log, change: () => Promise<T>): Promise<T> {
    this.#downstream?.serve(undefined);
    try {
      return await change();
    } finally {
      this.#downstream?.serve(log);
    }
  }

  /** Decides how to continue at the upstream; where it takes a full resync, another candidate may need none. */
  async #decide(
    log: Log,
    keeper: Keeper,
    report: ReplicationReport | undefined,
  ): Promise<UpstreamDecision> {
    const loop = report && (await this.#loops.loopOver(this.#selector.upstream, report));
    if (loop !== undefined) return { type: 'loop', reason: loop };
    this.#cutInquiry.saw(report?.outputBufferCuts);
    this.#reports.saw(report);
    const resume = await decideResume(log, report, {
      admitStepBack: (offset) => keeper.admitStepBack(offset),
      changeHistory: (change) => this.#changeHistory(log, change),
      onNote: (note) => this.#reporter.step(note, { event: 'resume-note' }),
      onStepBack: (stepBack) => reportStepBack(stepBack, this.#reporter),
    });
    const decision = keeper.limited(resume, report?.offset);
    if (decision.type !== 'full' || this.#selector.isOnly) return decision;
    const asked = this.#selector.upstream;
    await this.#selector.choose();
    if (this.#selector.upstream === asked) return decision;
    return { type: 'later', reason: `${decision.reason}; another candidate is asked first` };
  }

  async #fetchBase(log: Log, keeper: Keeper): Promise<void> {
    const [session, report] = [this.#session, this.#linkReport];
    if (session === undefined || report === undefined) throw new Error('no primary is followed');
    const { upstream } = session;
    const since = this.#world.clock.now();
    try {
      const keys = await fetchFreshBase({
        log,
        keeper,
        session,
        arrivals: this.#arrivals,
        config: this.#config,
        world: this.#world,
        reporter: this.#reporter,
      });
      report.counted(keys);
      this.#baseCounts.done++;
    } catch (error) {
      if (!session.ended.aborted) this.#baseCounts.failed++;
      if (error instanceof ReplicaError && error.code === 'LINK_LOST') {
        this.#inquire(upstream, { state: 'transfer', since });
      }
      throw error;
    }
  }

  #candidateAt(host: string, port: number): Candidate {
    const { upstream } = this.#selector;
    const kind = upstream.endpoint.kind === 'tls' ? 'tls' : 'tcp';
    return { ...upstream, endpoint: { kind, host, port } };
  }

  #probe(candidate: Candidate, timeout = PROBE_TIMEOUT): Promise<ReplicationReport | undefined> {
    const options = replicaOptions(candidate, this.#config, this.#world);
    return probe({ ...options, timeout });
  }
}
