import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { APPEND_DIRECTORY, Log } from '@forebay/log';
import type { Upstream } from '@forebay/primary';
import type { HeldStream, ReplicationReport } from '@forebay/psync';
import { formatPosition } from '@forebay/psync';
import type { ReplicaError, UpstreamDecision } from '@forebay/replica';
import { describeEndpoint, probe } from '@forebay/replica';
import type { Candidate, Candidates, ReplicaConfig } from '../config.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import { Relay } from '../serve/relay.ts';
import { choose } from './candidates.ts';
import { fetchBase } from './fetch-base.ts';
import { Keeper } from './keeper.ts';
import { replicaOptions, Session } from './session.ts';
import { isNoRoom, SpaceWait } from './space.ts';
import { negotiate } from './upstream.ts';
import type { World } from './world.ts';
import { realWorld } from './world.ts';

/** What a running daemon is told from outside. */
export interface Control {
  /** Aborted: everything is written and synced, and it ends. */
  readonly stop: AbortSignal;
  /** Calls `reload` whenever the candidates may have changed, until the function returned is called. */
  readonly onReload: (reload: () => void) => () => void;
  /** The candidates as they are now. */
  readonly reload: () => Candidates;
  /** Told of each log that is opened, for whoever reads it. */
  readonly onLog?: (log: Log) => void;
}

/** Bytes of room that make it worth another try. */
const LEAST_ROOM = 1024 * 1024;
/** Milliseconds after which a run is no part of the trouble before it. */
const STEADY = 60_000;
/** Milliseconds that a candidate has to answer in. */
const PROBE_TIMEOUT = 3000;

/**
 * Follows a primary into a directory until told to stop: the whole of `forebay replica`. A full disk
 * is waited out. Resolves when everything received is on the disk.
 *
 * @throws {ExitError} @throws {LogError} @throws {RdbReceiverError} what will not mend itself
 */
export async function follow(
  config: ReplicaConfig,
  reporter: Reporter,
  control: Control,
  world: World = realWorld,
): Promise<void> {
  const space = new SpaceWait(world, config.directory);
  const { listen, timeout } = config;
  const host = {
    get upstream() {
      return follower.upstream;
    },
    get catchingUp() {
      return follower.catchingUp;
    },
    now: () => world.clock.now(),
    freshenBase: () => follower.freshenBase(),
  };
  const relay = listen && (await Relay.listen(listen, timeout, host, reporter));
  const told = relay === undefined ? config : { ...config, port: relay.port };
  const follower: Follower = new Follower(told, reporter, world, control, relay);
  const offReload = control.onReload(() => follower.reload());
  try {
    await followOn(follower, space, reporter, world, control);
  } finally {
    offReload();
    await relay?.close();
  }
}

async function followOn(
  follower: Follower,
  space: SpaceWait,
  reporter: Reporter,
  world: World,
  control: Control,
): Promise<void> {
  while (!control.stop.aborted) {
    const began = world.clock.now();
    const failure = await follower.run();
    if (failure === undefined) return;
    if (world.clock.now() - began > STEADY) space.reset();
    reporter.trouble(
      `${(failure as Error).message}; waiting for room, nothing more is acknowledged`,
    );
    await space.until(LEAST_ROOM, follower.needed, control.stop);
  }
}

/** One open log after another, and in each a session. */
class Follower {
  readonly #config: ReplicaConfig;
  readonly #reporter: Reporter;
  readonly #world: World;
  readonly #control: Control;
  readonly #relay: Relay | undefined;
  #candidates: Candidates;
  #upstream: Candidate;
  #log: Log | undefined;
  #session: Session | undefined;
  #keeper: Keeper | undefined;
  #choosing: Promise<void> | undefined;
  /** Whether a primary has ever served us: what it refuses after that may be granted again. */
  #linked = false;
  /** Who waits for the log to come to an offset. */
  #waiting: { readonly offset: number; readonly resolve: () => void }[] = [];
  #needed = 0;
  /** How far the server that is followed had come when it was asked. */
  #reported = 0;

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
    this.#candidates = config.candidates;
    this.#upstream = config.candidates[0];
  }

  /** Whom it follows, for those who follow us. */
  get upstream(): Upstream {
    const { endpoint } = this.#upstream;
    const up = this.#session?.streaming === true;
    if (endpoint.kind === 'unix') return { host: endpoint.path, port: 0, up };
    return { host: endpoint.host, port: endpoint.port, up };
  }

  /** Whether more is known to come than is here. */
  get catchingUp(): boolean {
    return this.#session?.streaming !== true || (this.#log?.written ?? 0) < this.#reported;
  }

  /** Has a fresh base fetched, whenever the last one was; resolves when that is over, well or not. */
  async freshenBase(): Promise<void> {
    await this.#keeper?.freshen();
  }

  /** Bytes that there was no room for, as far as it is known. */
  get needed(): number {
    return this.#needed;
  }

  /** Runs until told to stop, or until there is no room: that error is returned, any other thrown. */
  async run(): Promise<unknown> {
    try {
      await this.#run();
      return undefined;
    } catch (error) {
      if (isNoRoom(error)) return error;
      throw error;
    }
  }

  async #run(): Promise<void> {
    const log = await this.#open();
    this.#log = log;
    try {
      await this.#follow(log);
    } catch (error) {
      // What is told is the first failure, of which this may be another effect.
      await log.close().catch(() => {});
      throw error;
    } finally {
      this.#log = undefined;
      this.#relay?.serve(undefined);
    }
    await log.close();
    const { history, written } = log;
    const place =
      history === undefined
        ? 'before anything was held'
        : `at ${formatPosition({ id: history.id, offset: written })}`;
    this.#reporter.good(`stopped ${place}, everything is on the disk`);
  }

  async #open(): Promise<Log> {
    const { directory, fsync } = this.#config;
    const { disk, clock, removeStale } = this.#world;
    const log = await Log.open(directory, {
      ...{ fsync, disk, clock },
      onProgress: (progress) => this.#session?.progressed(progress),
      onFailure: (error) => this.#session?.fail(error),
    });
    await removeStale(join(directory, APPEND_DIRECTORY));
    this.#describe(log);
    this.#control.onLog?.(log);
    this.#relay?.serve(log);
    return log;
  }

  async #follow(log: Log): Promise<void> {
    const { stop } = this.#control;
    await this.#choose(log);
    this.#reporter.step(
      `following ${describeEndpoint(this.#upstream.endpoint)} into ${this.#config.directory}`,
    );
    const ending = new AbortController();
    const events = {
      decide: (report: ReplicationReport | undefined) => this.#decide(log, report),
      isDenialFinal: () => !this.#linked && this.#candidates.length === 1,
      onLinked: () => {
        this.#linked = true;
      },
      onAttemptEnded: (error: ReplicaError) => this.#onAttemptEnded(error, log),
      onProgress: () => this.#onProgress(log),
      onStored: (bytes: Uint8Array) => this.#relay?.propagate(bytes),
      change: <T>(change: () => Promise<T>) => this.#change(log, change),
    };
    const session = new Session(
      log,
      this.#upstream,
      this.#config,
      this.#world,
      this.#reporter,
      events,
    );
    this.#session = session;
    this.#keeper = new Keeper(log, this.#config, this.#world, this.#reporter, () =>
      this.#fetchBase(log, session, ending.signal),
    );
    try {
      await session.run(stop);
    } finally {
      this.#needed = session.needed;
      ending.abort();
      await this.#keeper.stop();
      this.#keeper = undefined;
      this.#session = undefined;
    }
  }

  #describe({ found }: Log): void {
    if (found === undefined) {
      this.#reporter.step('nothing is held yet: a full copy comes first');
      return;
    }
    const { history, offset, dropped } = found;
    this.#reporter.step(`held up to ${formatPosition({ id: history.id, offset })}`);
    if (dropped === 0) return;
    const lost = formatBytes(dropped);
    this.#reporter.trouble(
      `${lost} after that were not synced when the power went, and are not kept`,
    );
  }

  #onProgress({ written }: Log): void {
    const reached = this.#waiting.filter(({ offset }) => offset <= written);
    if (reached.length > 0) {
      this.#waiting = this.#waiting.filter(({ offset }) => offset > written);
      for (const { resolve } of reached) resolve();
    }
    if (this.#session?.streaming) this.#keeper?.progressed();
  }

  #onAttemptEnded(error: ReplicaError, log: Log): void {
    if (error.code !== 'RETARGETED' && this.#candidates.length > 1) void this.#choose(log);
  }

  /** Takes the candidates anew; what was followed is let go where it is none of them any more. */
  reload(): void {
    try {
      this.#candidates = this.#control.reload();
    } catch (error) {
      this.#reporter.trouble(`the candidates stay as they are: ${(error as Error).message}`);
      return;
    }
    if (this.#candidates.length === 1) this.#turnTo(this.#candidates[0]);
    else if (this.#log !== undefined) void this.#choose(this.#log);
  }

  /** Among several candidates, finds the one to follow; who comes while that is done awaits the same. */
  #choose(log: Log): Promise<void> {
    this.#choosing ??= this.#chooseOnce(log).finally(() => {
      this.#choosing = undefined;
    });
    return this.#choosing;
  }

  async #chooseOnce(log: Log): Promise<void> {
    const candidates = this.#candidates;
    if (candidates.length === 1) return;
    const ask = (candidate: Candidate) =>
      probe({ ...replicaOptions(candidate, this.#config, this.#world), timeout: PROBE_TIMEOUT });
    const chosen = await choose(candidates, ask, heldBy(log));
    if (log !== this.#log || this.#control.stop.aborted) return;
    // They may have been named anew meanwhile.
    if (candidates !== this.#candidates) return this.#chooseOnce(log);
    if (chosen !== undefined) this.#turnTo(chosen);
    else this.#reporter.trouble('no candidate is a primary, or names one, just now');
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
  async #decide(log: Log, report: ReplicationReport | undefined): Promise<UpstreamDecision> {
    this.#reported = report?.offset ?? 0;
    const change = <T>(change: () => Promise<T>) => this.#change(log, change);
    const decision = await negotiate(log, report, this.#reporter, change);
    if (decision.type !== 'full' || this.#candidates.length === 1) return decision;
    const asked = this.#upstream;
    await this.#choose(log);
    if (this.#upstream === asked) return decision;
    return { type: 'later', reason: `${decision.reason}; another candidate is asked first` };
  }

  #turnTo(upstream: Candidate): void {
    if (isDeepStrictEqual(upstream, this.#upstream)) return;
    this.#upstream = upstream;
    this.#session?.retarget(upstream);
  }

  async #fetchBase(log: Log, session: Session, ending: AbortSignal): Promise<void> {
    const { upstream } = session;
    const reached = (offset: number) => this.#reached(log, offset, ending);
    await fetchBase(log, upstream, this.#config, this.#world, this.#reporter, reached, ending);
  }

  /** Resolves when the log has come so far; rejects where it does not in the time of a silence. */
  async #reached(log: Log, offset: number, ending: AbortSignal): Promise<void> {
    if (log.written >= offset) return;
    let settle = (_?: Error): void => {};
    const promise = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    const waiting = { offset, resolve: () => settle() };
    const giveUp = (): void => settle(new Error(`the stream did not come to ${offset}`));
    const cancel = this.#world.clock.after(this.#config.timeout, giveUp);
    ending.addEventListener('abort', giveUp, { once: true });
    this.#waiting.push(waiting);
    try {
      if (ending.aborted) giveUp();
      await promise;
    } finally {
      cancel();
      ending.removeEventListener('abort', giveUp);
      this.#waiting = this.#waiting.filter((each) => each !== waiting);
    }
  }
}

function heldBy({ history, written: offset, lowest }: Log): HeldStream | undefined {
  if (history === undefined || lowest === undefined) return undefined;
  return { history, offset, lowest };
}
