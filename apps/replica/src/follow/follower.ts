import { join } from 'node:path';
import { APPEND_DIRECTORY, Log } from '@forebay/log';
import type { Upstream } from '@forebay/primary';
import type { ReportedServer } from '@forebay/psync';
import { describeEndpoint } from '@forebay/replica';
import type { Candidate } from '../config/candidate.ts';
import type { SettingsChange, SettingsSubscriber } from '../config/configuration.ts';
import type { ReplicaConfig } from '../config.ts';
import type { Reporter } from '../reporter.ts';
import type { Lag } from '../status/lag.ts';
import { LinkRecord } from '../status/link-record.ts';
import type { BaseCounts, LimitsStatus, LogStatus, PauseStatus } from '../status/status.ts';
import { SyncTimes } from '../status/sync-times.ts';
import { fileSizeUnder } from './disk/disk-policy.ts';
import type { Waiting } from './disk/keeper.ts';
import { Keeper } from './disk/keeper.ts';
import type { Obstacle } from './disk/space.ts';
import { obstacleOf, SpaceWait } from './disk/space.ts';
import type { Downstream } from './downstream.ts';
import type { FollowerEvent, FollowerState } from './follower-states.ts';
import { nextState } from './follower-states.ts';
import type { LinkState } from './link-state.ts';
import { reportClockStep, reportClosed, reportOpened } from './log-report.ts';
import { Pause } from './pause.ts';
import { Session } from './session.ts';
import { Upstreams } from './upstream/upstreams.ts';
import type { World } from './world.ts';

/** Milliseconds after which a run is no part of the trouble before it. */
const STEADY = 60_000;

/** Controls a follower from outside. */
export interface FollowerControl {
  /** Aborted: everything is written and synced, and it ends. */
  readonly stop: AbortSignal;
  /** Told of each log that is opened, for whoever reads it. */
  readonly onLog?: (log: Log) => void;
  /** Called when the link comes up, and when it is lost or cannot be established. */
  readonly onLink?: (state: LinkState) => void;
}

type Working = Exclude<FollowerState, 'ended'>;

/** Follows an upstream into a log through all failures of either: opens the log, waits for room, and starts sessions. */
export class Follower implements SettingsSubscriber {
  #config: ReplicaConfig;
  readonly #reporter: Reporter;
  readonly #world: World;
  readonly #control: FollowerControl;
  readonly #downstream: Downstream | undefined;
  readonly #upstreams: Upstreams;
  readonly #space: SpaceWait;
  readonly #pause: Pause;
  /** The record of the link to the upstream, across sessions. */
  readonly link: LinkRecord;
  readonly syncTimes = new SyncTimes();
  readonly #baseCounts = { done: 0, failed: 0 };
  #log: Log | undefined;
  #keeper: Keeper | undefined;
  #session: Session | undefined;
  #obstacle: Obstacle | undefined;
  /** When the log was opened last (`Clock.elapsed`). */
  #openedAt = 0;

  constructor(
    config: ReplicaConfig,
    reporter: Reporter,
    world: World,
    control: FollowerControl,
    downstream: Downstream | undefined,
  ) {
    this.#config = config;
    this.#reporter = reporter;
    this.#world = world;
    this.#control = control;
    this.#downstream = downstream;
    this.#upstreams = new Upstreams(
      () => this.#config,
      world,
      reporter,
      (upstream) => this.#session?.replica.retarget(upstream),
    );
    this.#space = new SpaceWait(world, config.directory);
    this.#pause = new Pause(world.clock, reporter, (state) => this.#onLink(state));
    this.link = new LinkRecord(world.clock);
    const stopChoosing = (): void => this.#upstreams.selector.chooseFor(undefined);
    control.stop.addEventListener('abort', stopChoosing, { once: true });
  }

  /** Whether an upstream is to be followed. */
  get attached(): boolean {
    return this.#upstreams.selector.attached;
  }

  /** The server that is followed, for replicas of this process. */
  get upstream(): Upstream {
    const { endpoint } = this.#upstreams.selector.upstream;
    const up = this.#session?.replica.streaming === true;
    if (endpoint.kind === 'unix') return { host: endpoint.path, port: 0, up };
    return { host: endpoint.host, port: endpoint.port, up };
  }

  /** Which server is followed, as it reported last; undefined until it has. */
  get primary(): ReportedServer | undefined {
    return this.#upstreams.reports.server;
  }

  get lag(): Lag {
    return this.#upstreams.reports.lag;
  }

  get chain(): Upstreams['chain'] {
    return this.#upstreams.chain;
  }

  /** Servers that may be followed. */
  get candidates(): readonly string[] {
    const { candidates } = this.#upstreams.selector;
    return candidates.map(({ endpoint }) => describeEndpoint(endpoint));
  }

  /** What is held; undefined where no log is open. */
  get logStatus(): LogStatus | undefined {
    if (this.#log === undefined) return undefined;
    const { history, written, synced, lowest, base } = this.#log;
    const bases = this.#keeper?.bases;
    return {
      history,
      written,
      synced,
      lowest,
      base,
      fetchingBase: bases?.fetching === true,
      baseFailed: bases?.failed === true,
      bytes: this.#log.size.total,
    };
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

  /** Whether the upstream is known to have bytes that the log lacks. */
  get catchingUp(): boolean {
    const written = this.#log?.written ?? 0;
    return this.#session?.replica.streaming !== true || written < this.#upstreams.reports.offset;
  }

  /** `REPLICAOF host port`: see `Upstreams.retarget`. */
  retarget(host: string, port: number): Candidate {
    return this.#upstreams.retarget(host, port);
  }

  /** The reason if this server replicates from this process; undefined also if it does not answer in time. */
  loopAt(host: string, port: number): Promise<string | undefined> {
    return this.#upstreams.loopAt(host, port);
  }

  /** Follows no server until `retarget` (`REPLICAOF NO ONE`). The log is still served. */
  detach(): void {
    this.#upstreams.detach();
    this.#session?.replica.detach();
  }

  /** Closes the link to the primary and reconnects (`CLIENT KILL TYPE master`); false: there is no link. */
  cutLink(): boolean {
    return this.#session?.replica.cut() ?? false;
  }

  /** Asks the upstream for its offset. It never rejects. */
  lookAbove(): Promise<void> {
    return this.#upstreams.reports.askOffset();
  }

  /** Asks the upstream for its offset, to measure the lag; false: the upstream refuses INFO. It never rejects. */
  measureLag(): Promise<boolean> {
    return this.#upstreams.reports.measureLag();
  }

  /** Fetches a base even if none is due; resolves when the fetch has ended, with or without a base. */
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
    this.#session?.replica.adopt(live);
    if (isOther) this.#upstreams.selector.replace(candidates);
  }

  /** Runs until told to stop. A full disk is waited out. @throws what no waiting mends */
  async run(): Promise<void> {
    for (let state: FollowerState = 'opening'; state !== 'ended'; ) {
      state = nextState(state, await this.#perform(state));
    }
  }

  /** Does the work of a state, and returns what ended it. If several things fail, the first error is thrown. */
  async #perform(state: Working): Promise<FollowerEvent> {
    try {
      await this.#work(state);
      return this.#control.stop.aborted ? 'stopped' : 'done';
    } catch (error) {
      this.#obstacle = obstacleOf(error, this.#keeper?.transferSize ?? 0);
      if (this.#obstacle !== undefined) return 'no-room';
      await this.#close().catch(() => {});
      throw error;
    }
  }

  #work(state: Working): Promise<void> {
    switch (state) {
      case 'opening':
        return this.#open();
      case 'detached':
        if (!this.attached) this.link.entered('detached');
        return this.#upstreams.selector.untilAttached(this.#control.stop);
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
    this.#openedAt = clock.elapsed();
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
    if (!this.#control.stop.aborted) this.#upstreams.selector.chooseFor(log);
    await removeStale(join(directory, APPEND_DIRECTORY));
    reportOpened(log, this.#reporter);
    this.#control.onLog?.(log);
    this.#downstream?.serve(log);
    this.#keeper = new Keeper(log, () => this.#config, this.#world, this.#reporter, {
      fetchBase: () => this.#fetchBase(),
      onWaiting: (waiting) => this.#onWaiting(waiting),
    });
    await this.#keeper.begin();
    if (log.failure !== undefined) throw log.failure;
  }

  async #follow(log: Log, keeper: Keeper): Promise<void> {
    const { selector } = this.#upstreams;
    await selector.choose();
    const { directory } = this.#config;
    const primary = describeEndpoint(selector.upstream.endpoint);
    this.#reporter.step(`following ${primary} into ${directory}`, {
      event: 'following',
      primary,
      directory,
    });
    const session = new Session({
      log,
      keeper,
      upstreams: this.#upstreams,
      downstream: this.#downstream,
      record: this.link,
      pause: this.#pause,
      config: () => this.#config,
      world: this.#world,
      reporter: this.#reporter,
      onLink: (state) => this.#onLink(state),
    });
    this.#session = session;
    // It may have been detached while a candidate was chosen.
    if (!this.attached) session.replica.detach();
    try {
      await session.run(this.#control.stop);
      this.#pause.forget();
    } finally {
      this.#session = undefined;
    }
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
    this.#upstreams.selector.chooseFor(undefined);
    this.#downstream?.serve(undefined);
    await log?.close();
  }

  /** Waits until there may be room. Meanwhile the log is served, if it can be read. */
  async #waitForRoom(obstacle: Obstacle): Promise<void> {
    if (this.#world.clock.elapsed() - this.#openedAt > STEADY) this.#space.reset();
    this.link.entered('waiting');
    this.#pause.begin(obstacle);
    // Unsynced bytes are discarded: replicas that have them must reconnect.
    if (this.#log?.readable === false) this.#downstream?.serve(undefined);
    await this.#space.until(obstacle, this.#control.stop, this.#keeper);
  }

  /** Received bytes wait in memory, later ones at the primary; the link stays open. */
  #onWaiting(waiting: Waiting | undefined): void {
    if (waiting !== undefined) {
      this.#pause.beginOrUpdate({ cause: 'max-disk', ...waiting });
      return;
    }
    this.#pause.end();
    const { endpoint } = this.#upstreams.selector.upstream;
    this.#onLink({ up: true, upstream: describeEndpoint(endpoint) });
  }

  async #fetchBase(): Promise<void> {
    const session = this.#session;
    if (session === undefined) throw new Error('no primary is followed');
    try {
      await session.fetchBase();
      this.#baseCounts.done++;
    } catch (error) {
      if (!session.replica.ended.aborted) this.#baseCounts.failed++;
      throw error;
    }
  }

  #onLink(state: LinkState): void {
    this.#control.onLink?.(state);
  }
}
