import { join } from 'node:path';
import type { ClockStep, LeftOut } from '@forebay/log';
import { APPEND_DIRECTORY, Log } from '@forebay/log';
import type { Upstream } from '@forebay/primary';
import type { ReplicationReport, ReportedServer } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import type { UpstreamDecision } from '@forebay/replica';
import { describeEndpoint, probe, ReplicaError } from '@forebay/replica';
import type { Candidate } from '../config/candidate.ts';
import type { SettingsChange, SettingsSubscriber } from '../config/configuration.ts';
import type { ReplicaConfig } from '../config.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import type { Relay } from '../serve/relay.ts';
import type { LinkState } from '../service-manager.ts';
import { Lag } from '../status/lag.ts';
import type { LinkStatus } from '../status/link-record.ts';
import { LinkRecord } from '../status/link-record.ts';
import { pauseText } from '../status/pause.ts';
import type { BaseCounts, LimitsStatus, LogStatus, PauseStatus } from '../status/status.ts';
import { SyncTimes } from '../status/sync-times.ts';
import { Arrivals } from './arrivals.ts';
import { Attachment } from './attachment.ts';
import { Chain } from './chain.ts';
import type { ChoiceHost } from './choice.ts';
import { Choice } from './choice.ts';
import { CutInquiry } from './cut-inquiry.ts';
import { fileSizeUnder } from './disk-policy.ts';
import { fetchBase } from './fetch-base.ts';
import type { Waiting } from './keeper.ts';
import { Keeper } from './keeper.ts';
import { watchForLoops } from './loop-watch.ts';
import { replicaOptions, Session } from './session.ts';
import type { Obstacle } from './space.ts';
import { obstacleOf, SpaceWait } from './space.ts';
import { negotiate } from './upstream.ts';
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

/** One open log after another, and in each a session. */
export class Follower implements SettingsSubscriber {
  #config: ReplicaConfig;
  readonly #reporter: Reporter;
  readonly #world: World;
  readonly #control: Control;
  readonly #relay: Relay | undefined;
  readonly #choice: Choice;
  readonly #arrivals: Arrivals;
  readonly #attachment = new Attachment();
  /** The link above, whatever session it belongs to. */
  readonly link: LinkRecord;
  readonly lag: Lag;
  readonly syncTimes = new SyncTimes();
  readonly chain = new Chain();
  readonly #cutInquiry: CutInquiry;
  #log: Log | undefined;
  #session: Session | undefined;
  /** Aborted when the session ends: a base in transfer then has no stream to belong to. */
  #ending: AbortSignal | undefined;
  #keeper: Keeper | undefined;
  /** Whether a primary has ever served us: what it refuses after that may be granted again. */
  #linked = false;
  readonly #space: SpaceWait;
  #paused: PauseStatus | undefined;
  readonly #baseCounts = { done: 0, failed: 0 };
  /** Bytes of a full resync that there was no room for. */
  #needed = 0;
  /** How far the server that is followed had come when it was asked. */
  #reported = 0;
  #primary: ReportedServer | undefined;
  /** Whether the server that is followed is a replica. */
  #belowReplica = false;

  constructor(
    config: ReplicaConfig,
    reporter: Reporter,
    world: World,
    control: Control,
    relay: Relay | undefined,
  ) {
    this.#relay = relay;
    this.#config = config;
    this.#reporter = reporter;
    this.#world = world;
    this.#control = control;
    this.#choice = new Choice(config.candidates, this.#choiceHost());
    this.#arrivals = new Arrivals(world.clock, () => this.#config.timeout);
    this.#space = new SpaceWait(world, config.directory);
    this.link = new LinkRecord(world.clock);
    this.lag = new Lag(world.clock);
    this.#cutInquiry = new CutInquiry(world.clock, reporter);
  }

  /** Whether anybody is followed. */
  get attached(): boolean {
    return this.#attachment.attached;
  }

  /** Whom it follows, for those who follow us. */
  get upstream(): Upstream {
    const { endpoint } = this.#choice.upstream;
    const up = this.#session?.streaming === true;
    if (endpoint.kind === 'unix') return { host: endpoint.path, port: 0, up };
    return { host: endpoint.host, port: endpoint.port, up };
  }

  /** Which server is followed, as it reported last; undefined until it has. */
  get primary(): ReportedServer | undefined {
    return this.#primary;
  }

  /** Servers that may be followed. */
  get candidates(): readonly string[] {
    return this.#choice.candidates.map(({ endpoint }) => describeEndpoint(endpoint));
  }

  /** What is held; undefined where no log is open. */
  get logStatus(): LogStatus | undefined {
    if (this.#log === undefined) return undefined;
    const { history, written, synced, lowest, base } = this.#log;
    const fetchingBase = this.#keeper?.fetching === true;
    const baseFailed = this.#keeper?.failed === true;
    const bytes = this.#log.size.total;
    return { history, written, synced, lowest, base, fetchingBase, baseFailed, bytes };
  }

  /** Why nothing is read from the primary; undefined while nothing is paused. */
  get paused(): PauseStatus | undefined {
    return this.#paused;
  }

  get limits(): LimitsStatus {
    const limit = this.#keeper?.limit;
    return { maxDisk: limit === Infinity ? undefined : limit, retain: this.#config.retain };
  }

  get baseCounts(): BaseCounts {
    return this.#baseCounts;
  }

  /**
   * Follows this server alone from now on, as who we are to the one before (`REPLICAOF host port`), and
   * returns both together.
   */
  retarget(host: string, port: number): Candidate {
    const candidate = this.#candidateAt(host, port);
    this.#choice.replace([candidate]);
    this.#attachment.attach();
    return candidate;
  }

  /** The reason if this server replicates from this process; undefined also if it does not answer in time. */
  async loopAt(host: string, port: number): Promise<string | undefined> {
    const candidate = this.#candidateAt(host, port);
    const probe = (other: Candidate) => this.#probe(other, COMMAND_PATIENCE);
    const reason = await this.chain.loopAt(candidate, probe);
    if (reason === undefined) return undefined;
    // A Sentinel does not look at the reply.
    const primary = describeEndpoint(candidate.endpoint);
    this.#reporter.trouble(`REPLICAOF refused: cannot follow ${primary}: ${reason}`, {
      ...{ event: 'replicaof-refused', primary, reason },
    });
    return reason;
  }

  #candidateAt(host: string, port: number): Candidate {
    const { upstream } = this.#choice;
    const kind = upstream.endpoint.kind === 'tls' ? 'tls' : 'tcp';
    return { ...upstream, endpoint: { kind, host, port } };
  }

  /** Follows nobody, until told whom (`REPLICAOF NO ONE`). What is held is served on. */
  detach(): void {
    this.#attachment.detach();
    this.chain.forget();
    this.#session?.detach();
  }

  /** Closes the link to the primary and reconnects (`CLIENT KILL TYPE master`); false: there is no link. */
  cutLink(): boolean {
    return this.#session?.cut() ?? false;
  }

  /** Whether more is known to come than is here. */
  get catchingUp(): boolean {
    return this.#session?.streaming !== true || (this.#log?.written ?? 0) < this.#reported;
  }

  /** Asks the server that is followed how far it has come. It never rejects. */
  async lookAbove(): Promise<void> {
    const report = await this.#askUpstream().catch(() => undefined);
    this.#reported = report?.offset ?? 0;
  }

  /**
   * Asks the server that is followed how far it has come, for the lag; false: it does not grant that.
   * It never rejects.
   */
  async measureLag(): Promise<boolean> {
    const { upstream } = this.#choice;
    try {
      const report = await this.#askUpstream();
      if (report?.offset === undefined) return false;
      if (this.#choice.upstream === upstream) this.lag.saw(report.offset, report.id);
    } catch {
      // The link itself tells what keeps it from being reached.
    }
    return true;
  }

  /** Has a fresh base fetched, whenever the last one was; resolves when that is over, well or not. */
  async freshenBase(): Promise<void> {
    await this.#keeper?.freshen();
  }

  /** Runs until told to stop. A full disk is waited out. @throws what no waiting mends */
  async run(): Promise<void> {
    // A log that was closed is opened again: the next link continues from its recovered end.
    do await this.#run();
    while (!this.#control.stop.aborted);
  }

  async #run(): Promise<void> {
    const { clock } = this.#world;
    const began = clock.now();
    try {
      const log = await this.#open();
      if (log.failure !== undefined) throw log.failure;
      await this.#follow(log, this.#keeper!);
      await this.#close();
      this.#tellStopped(log);
    } catch (error) {
      // Reports the first failure: later ones may be consequences.
      const obstacle = obstacleOf(error, this.#needed);
      if (clock.now() - began > STEADY) this.#space.reset();
      if (obstacle !== undefined) await this.#pause(obstacle);
      await this.#close().catch(() => {});
      if (obstacle === undefined) throw error;
    }
  }

  async #open(): Promise<Log> {
    const { directory, fsync } = this.#config;
    const { disk, clock, removeStale } = this.#world;
    this.#needed = 0;
    const log = await Log.open(directory, {
      ...{ fsync, disk, clock },
      rotateAt: () => fileSizeUnder(this.#keeper?.limit ?? Infinity),
      onProgress: (progress) => this.#session?.progressed(progress),
      onSyncTime: (milliseconds) => this.syncTimes.took(milliseconds),
      onClockStep: (step) => this.#tellStep(step),
      onFailure: (error) => this.#session?.fail(error),
    });
    this.#log = log;
    await removeStale(join(directory, APPEND_DIRECTORY));
    this.#describe(log);
    this.#control.onLog?.(log);
    this.#relay?.serve(log);
    const config = () => this.#config;
    this.#keeper = new Keeper(log, config, this.#world, this.#reporter, {
      fetchBase: () => this.#fetchBase(log),
      onWaiting: (waiting) => this.#onWaiting(waiting),
    });
    await this.#keeper.begin();
    return log;
  }

  #tellStep({ from, to }: ClockStep): void {
    const [before, after] = [from, to].map((time) => new Date(time).toISOString());
    const seconds = (from - to) / 1000;
    const message =
      `the clock stepped back by ${seconds} s, from ${before} to ${after}: ` +
      'restore --at a time between them ends before the step';
    this.#reporter.trouble(message, { event: 'clock-stepped-back', seconds });
  }

  async #close(): Promise<void> {
    const log = this.#log;
    await this.#keeper?.stop();
    this.#keeper = undefined;
    this.#log = undefined;
    this.#relay?.serve(undefined);
    await log?.close();
  }

  /** Waits until there may be room. Meanwhile the log is served, if it can be read. */
  async #pause(obstacle: Obstacle): Promise<void> {
    const { stop, onLink } = this.#control;
    const { cause, reason, needed } = obstacle;
    const since = this.#paused?.since ?? this.#world.clock.now();
    this.#paused = { cause, reason, needed, since };
    this.link.entered('waiting');
    onLink?.({ up: false, reason: pauseText(obstacle) });
    this.#reporter.trouble(`${reason}; replication paused until there is room`, {
      ...{ event: 'no-room', bytes: needed },
    });
    // Unsynced bytes are discarded: replicas that have them must reconnect.
    if (this.#log?.readable === false) this.#relay?.serve(undefined);
    await this.#space.until(obstacle, stop, this.#keeper);
  }

  /** Received bytes wait in memory, later ones at the primary; the link stays open. */
  #onWaiting(waiting: Waiting | undefined): void {
    if (waiting === undefined) {
      this.#resume();
      this.#tellUp();
      return;
    }
    const { reason, needed } = waiting;
    const before = this.#paused;
    const since = before?.since ?? this.#world.clock.now();
    this.#paused = { cause: 'max-disk', reason, needed, since };
    if (before !== undefined) return;
    this.#control.onLink?.({ up: false, reason: pauseText(this.#paused) });
    this.#reporter.trouble(`${reason}; replication paused until there is room`, {
      ...{ event: 'no-room', bytes: needed },
    });
  }

  /** The link is up: assume that there is room. */
  #onLinked(): void {
    this.#linked = true;
    this.#resume();
  }

  #resume(): void {
    if (this.#paused === undefined) return;
    this.#paused = undefined;
    this.#reporter.good('room available: replication resumed', { event: 'room' });
  }

  #tellStopped({ history, written }: Log): void {
    const position = history && formatPosition({ id: history.id, offset: written });
    const place = position === undefined ? 'with an empty log' : `at ${position}`;
    const how = this.#attachment.attached ? 'stopped' : 'detached';
    const message = `${how} ${place}, all data synced to disk`;
    this.#reporter.good(message, { event: 'stopped', position });
  }

  #tellUp(): void {
    const { endpoint } = this.#choice.upstream;
    this.#control.onLink?.({ up: true, upstream: describeEndpoint(endpoint) });
  }

  async #follow(log: Log, keeper: Keeper): Promise<void> {
    const { stop } = this.#control;
    // It may have been asked for before there was any link.
    if (!this.attached) this.link.entered('detached');
    await this.#attachment.awaited(stop);
    if (stop.aborted) return;
    await this.#choice.choose();
    const { upstream } = this.#choice;
    const { directory } = this.#config;
    const primary = describeEndpoint(upstream.endpoint);
    this.#reporter.step(`following ${primary} into ${directory}`, {
      ...{ event: 'following', primary, directory },
    });
    const ending = new AbortController();
    const events = {
      link: this.link,
      decide: (report: ReplicationReport | undefined) => this.#decide(log, keeper, report),
      isDenialFinal: () => !this.#linked && this.#choice.isOnly,
      onLinked: () => this.#onLinked(),
      onStream: () => {
        keeper.transferDone();
        this.#tellUp();
      },
      admit: (bytes: number) => keeper.admit(bytes),
      admitTransfer: (length: number | undefined) => keeper.admitTransfer(length),
      onEnding: () => keeper.endWaiting(),
      onAttemptEnded: ({ code, message }: ReplicaError, before: LinkStatus) => {
        this.#control.onLink?.({ up: false, reason: message });
        if (code === 'LINK_LOST') this.#inquire(session.upstream, before);
        if (code !== 'RETARGETED') void this.#choice.choose();
      },
      onProgress: () => this.#onProgress(log),
      onStored: (bytes: Uint8Array) => this.#relay?.propagate(bytes),
      change: <T>(change: () => Promise<T>) => this.#change(log, change),
    };
    const createBase = (inner: string) => keeper.createBase('transfer', inner);
    const world = { ...this.#world, createBase };
    const session = new Session(log, upstream, this.#config, world, this.#reporter, events);
    this.#session = session;
    // It may have been asked for while a candidate was chosen.
    if (!this.#attachment.attached) session.detach();
    this.#ending = ending.signal;
    const offWatch = this.#watchForLoops(session);
    const offInquiry = this.#cutInquiry.start();
    try {
      await session.run(stop);
      this.#paused = undefined;
    } finally {
      offWatch();
      offInquiry();
      this.#needed = session.needed;
      ending.abort();
      await keeper.linkEnded();
      this.#session = undefined;
    }
  }

  /** Has it found out why a link ended that stood. */
  #inquire(upstream: Candidate, { state, since }: Pick<LinkStatus, 'state' | 'since'>): void {
    // A simulated network has no primary that real sockets lead to.
    if (this.#world.network.transport !== undefined) return;
    if (state !== 'transfer' && state !== 'stream') return;
    const lasted = this.#world.clock.now() - since;
    void this.#cutInquiry.inquire(upstream, this.#config, { phase: state, lasted });
  }

  #watchForLoops(session: Session): () => void {
    const follower = this;
    return watchForLoops(this.#world.clock, {
      get link() {
        return follower.link.status;
      },
      get belowReplica() {
        return follower.#belowReplica;
      },
      inspect: async () => {
        const { upstream } = session;
        const report = await this.#probe(upstream).catch(() => 'unreachable' as const);
        if (report === undefined) return false;
        if (report === 'unreachable' || session.upstream !== upstream) return true;
        const loop = await this.#loopOver(upstream, report);
        // The next attempt finds it too, and says so.
        if (loop !== undefined && session.upstream === upstream) session.reconnect();
        return true;
      },
    });
  }

  /** The followed server replicates from this process and cannot be followed. */
  #loopOver(upstream: Candidate, report: ReplicationReport): Promise<string | undefined> {
    this.#belowReplica = report.role === 'replica';
    return this.chain.update(upstream, report, (candidate) => this.#probe(candidate));
  }

  #describe({ found }: Log): void {
    if (found === undefined) {
      this.#reporter.step('nothing is held yet: a full copy comes first', { event: 'held' });
      return;
    }
    const { history, offset, dropped, copied } = found;
    const position = formatPosition({ id: history.id, offset });
    this.#reporter.step(`held up to ${position}`, { event: 'held', position });
    if (copied !== undefined) this.#describeCopy(position, dropped, copied);
    if (dropped === 0 || copied !== undefined) return;
    const lost = formatBytes(dropped);
    this.#reporter.trouble(
      `${lost} after that were not synced when the power went, and are not kept`,
      { event: 'bytes-dropped', position, bytes: dropped },
    );
  }

  /** A directory that was copied while it was written to. */
  #describeCopy(position: string, dropped: number, leftOut: readonly LeftOut[]): void {
    const tail = dropped === 0 ? '' : `; ${formatBytes(dropped)} after that position are dropped`;
    this.#reporter.step(`the directory is a copy: checksums confirm it up to ${position}${tail}`, {
      event: 'copy-opened',
      position,
      bytes: dropped,
    });
    for (const { file, what } of leftOut) {
      this.#reporter.trouble(`ignored, incomplete copy: ${file}: ${what}`, {
        ...{ event: 'copy-left-out', position, reason: what },
      });
    }
  }

  #onProgress({ written }: Log): void {
    this.#arrivals.reached(written);
    if (this.#session?.streaming) this.#keeper?.progressed();
  }

  /** Applies the settings that can change while it runs. */
  adopt({ config }: SettingsChange): void {
    const { candidates, tls, timeout, acceptUnverified, base, retain, maxDisk } = config;
    const isOther = candidates !== this.#config.candidates;
    const live = { candidates, tls, timeout, acceptUnverified, base, retain, maxDisk };
    this.#config = { ...this.#config, ...live };
    void this.#keeper?.changed();
    this.#session?.setTimeout(timeout);
    this.#session?.acceptUnverified(acceptUnverified);
    this.#session?.secure(tls);
    if (isOther) this.#choice.replace(candidates);
  }

  /**
   * Changes the log's id, its history, or its end. Nobody below us is served meanwhile, and all have to
   * ask anew: between two histories bytes of the one would go out as the other's.
   */
  async #change<T>(log: Log, change: () => Promise<T>): Promise<T> {
    this.#relay?.serve(undefined);
    try {
      return await change();
    } finally {
      this.#relay?.serve(log);
    }
  }

  /** Where a full copy would be the way on, another candidate may know a shorter one. */
  async #decide(
    log: Log,
    keeper: Keeper,
    report: ReplicationReport | undefined,
  ): Promise<UpstreamDecision> {
    const loop = report && (await this.#loopOver(this.#choice.upstream, report));
    if (loop !== undefined) return { type: 'loop', reason: loop };
    this.#cutInquiry.saw(report?.outputBufferCuts);
    this.#reported = report?.offset ?? 0;
    this.#primary = report?.server ?? this.#primary;
    if (report?.offset !== undefined) this.lag.saw(report.offset, report.id);
    const change = <T>(change: () => Promise<T>) => this.#change(log, change);
    const admit = (offset: number) => keeper.admitStepBack(offset);
    const negotiated = await negotiate(log, report, this.#reporter, change, admit);
    const decision = keeper.limited(negotiated, report?.offset);
    if (decision.type !== 'full' || this.#choice.isOnly) return decision;
    const asked = this.#choice.upstream;
    await this.#choice.choose();
    if (this.#choice.upstream === asked) return decision;
    return { type: 'later', reason: `${decision.reason}; another candidate is asked first` };
  }

  async #fetchBase(log: Log): Promise<void> {
    const [session, ending] = [this.#session, this.#ending];
    if (session === undefined || ending === undefined) throw new Error('no primary is followed');
    const { upstream } = session;
    const keeper = this.#keeper!;
    const since = this.#world.clock.now();
    const reached = async (offset: number): Promise<void> => {
      keeper.baseStands(offset);
      await this.#arrivals.at(offset, log.written, ending);
      await keeper.basePlaced(offset);
    };
    const createBase = (inner: string) => keeper.createBase('fetch', inner);
    const world = { ...this.#world, createBase };
    try {
      const { keys } = await fetchBase(
        ...([log, upstream, this.#config, world, this.#reporter, reached, ending] as const),
      );
      session.counted(keys);
      this.#baseCounts.done++;
    } catch (error) {
      if (!ending.aborted) this.#baseCounts.failed++;
      if (error instanceof ReplicaError && error.code === 'LINK_LOST') {
        this.#inquire(upstream, { state: 'transfer', since });
      }
      throw error;
    }
  }

  async #askUpstream(): Promise<ReplicationReport | undefined> {
    const { upstream } = this.#choice;
    const report = await this.#probe(upstream);
    if (this.#choice.upstream === upstream) this.#primary = report?.server ?? this.#primary;
    return report;
  }

  #probe(candidate: Candidate, timeout = PROBE_TIMEOUT): Promise<ReplicationReport | undefined> {
    const options = replicaOptions(candidate, this.#config, this.#world);
    return probe({ ...options, timeout });
  }

  #choiceHost(): ChoiceHost {
    const follower = this;
    return {
      reporter: this.#reporter,
      probe: (candidate) => this.#probe(candidate),
      get log() {
        return follower.#control.stop.aborted ? undefined : follower.#log;
      },
      onTurn: (upstream) => {
        this.chain.forget();
        this.#session?.retarget(upstream);
      },
    };
  }
}
