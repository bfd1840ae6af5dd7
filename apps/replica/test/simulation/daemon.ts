import type { Log } from '@forebay/log';
import type { Random, SimulatedClock, SimulatedConnection, SimulatedDisk } from '@forebay/testkit';
import { SimulatedLink } from '@forebay/testkit';
import { Configuration } from '../../src/config/configuration.ts';
import type { SettingName } from '../../src/config/settings.ts';
import { runDaemon } from '../../src/daemon/daemon.ts';
import { ExitError } from '../../src/exit.ts';
import type { World } from '../../src/follow/world.ts';
import type { Entry } from '../../src/logging/entry.ts';
import { Speaker } from '../../src/reporter.ts';
import { SimulatedBaseFile } from './base-file.ts';
import type { SimulatedNetwork } from './network.ts';
import { ProcessClock } from './process-clock.ts';

export const DIRECTORY = '/data';

export type SettingTexts = Readonly<Partial<Record<SettingName, string>>>;

/** The settings at the start. The timeout is long because simulated servers send no PINGs. */
const SETTINGS: SettingTexts = {
  replicaof: 'a:6379 b:6379 c:6379',
  dir: DIRECTORY,
  port: '6380',
  maxclients: '100',
  http: 'off',
  'repl-timeout': '3600',
  'auto-aof-rewrite-percentage': '1',
  'auto-aof-rewrite-min-size': '400',
  'base-interval': '4s',
  retain: '20s',
  'max-disk': '80%',
};

export interface DaemonEvents {
  onEntry(entry: Entry): void;
  onLog(log: Log): void;
  /** The daemon has ended by itself. */
  onEnd(error: Error): void;
}

/** Runs `runDaemon` as the program does, one process after another on the same disk. */
export class Daemon {
  readonly #clock: SimulatedClock;
  readonly #disk: SimulatedDisk;
  readonly #network: SimulatedNetwork;
  readonly #random: Random;
  readonly #events: DaemonEvents;
  #settings: SettingTexts = {};
  #process: Process | undefined;

  constructor(
    clock: SimulatedClock,
    disk: SimulatedDisk,
    network: SimulatedNetwork,
    backoff: Random,
    events: DaemonEvents,
  ) {
    this.#clock = clock;
    this.#disk = disk;
    this.#network = network;
    this.#random = backoff;
    this.#events = events;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  /** The log that is open; undefined: none. */
  get log(): Log | undefined {
    return this.#process?.log;
  }

  /** The clock of the running process; its timers end with the process. */
  get clock(): ProcessClock | undefined {
    return this.#process?.clock;
  }

  /** A new connection to its port, with delays drawn from `random`; undefined: it does not listen. */
  connect(random: Random): SimulatedLink | undefined {
    const process = this.#process;
    if (process?.accept === undefined) return undefined;
    const link = new SimulatedLink({
      clock: this.#clock,
      random,
      delay: random.pick([1, 5, 50]),
      systemBuffer: random.pick([100, 1000, 256 * 1024]),
      highWaterMark: random.pick([100, 256 * 1024]),
    });
    process.links.add(link);
    process.accept(link.near);
    return link;
  }

  start(): void {
    const process = new Process(this.#clock);
    this.#process = process;
    const { process: disk } = this.#disk;
    const configuration = this.#configurationOf(process);
    const { clock } = process;
    const world: World = {
      disk,
      clock,
      random: (size) => Uint8Array.from({ length: size }, () => this.#random.integer(0, 255)),
      createBase: async () => new SimulatedBaseFile(disk),
      removeStale: async () => {},
      listen: (accept) => {
        process.accept = accept;
      },
      network: {
        backoff: { random: () => this.#random.float() },
        transport: this.#network.transport(clock),
      },
    };
    const control = {
      stop: process.stop.signal,
      onReload: (reload: () => void) => process.onReload(reload),
      onLog: (log: Log) => {
        process.log = log;
        if (process === this.#process) this.#events.onLog(log);
      },
    };
    const reporter = new Listener((entry) => {
      if (process === this.#process) this.#events.onEntry(entry);
    });
    process.ended = runDaemon(configuration, reporter, control, world).catch((error: Error) => {
      if (process !== this.#process) return;
      this.#end(process);
      this.#disk.crash('process');
      this.#events.onEnd(error);
    });
  }

  /** Ends the process as SIGTERM does; resolves when it has ended. */
  async stop(): Promise<void> {
    const process = this.#process;
    process?.stop.abort();
    await process?.ended;
    if (process !== undefined && process === this.#process) this.#end(process);
  }

  /** Ends the process as SIGKILL or a power cut does. */
  crash(kind: 'process' | 'power'): void {
    if (this.#process !== undefined) this.#end(this.#process);
    this.#disk.crash(kind);
  }

  /** Replaces the settings given before, and sends SIGHUP. */
  configure(settings: SettingTexts): void {
    this.#settings = settings;
    const process = this.#process;
    if (process === undefined) return;
    process.flags.clear();
    for (const [name, text] of this.#flagsOf(process)) process.flags.set(name, text);
    process.hangUp();
  }

  #configurationOf(process: Process): Configuration {
    const origin = { flags: this.#flagsOf(process), env: {}, path: undefined };
    try {
      return new Configuration(origin);
    } catch (error) {
      if (!(error instanceof ExitError)) throw error;
      // The daemon does not start with invalid settings: an administrator would correct them.
      this.#settings = {};
      process.flags.clear();
      this.#flagsOf(process);
      return new Configuration(origin);
    }
  }

  #flagsOf({ flags }: Process): Map<SettingName, string> {
    const texts = { ...SETTINGS, ...this.#settings };
    for (const [name, text] of Object.entries(texts)) flags.set(name as SettingName, text);
    return flags;
  }

  #end(process: Process): void {
    process.clock.end();
    for (const { near, far } of process.links) {
      // An ended process receives no events.
      near.listen({ onBytes: () => {}, onClose: () => {} });
      near.destroy();
      far.destroy();
    }
    this.#network.crash();
    this.#process = undefined;
  }
}

/** The state of one process. */
class Process {
  readonly clock: ProcessClock;
  readonly stop = new AbortController();
  readonly links = new Set<SimulatedLink>();
  /** Serves a connection; undefined until it listens. */
  accept: ((connection: SimulatedConnection) => void) | undefined;
  readonly flags = new Map<SettingName, string>();
  log: Log | undefined;
  #reload: (() => void) | undefined;
  /** SIGHUP was sent before the daemon could reload. */
  #missed = false;
  ended: Promise<void> = Promise.resolve();

  constructor(clock: SimulatedClock) {
    this.clock = new ProcessClock(clock);
  }

  onReload(reload: () => void): () => void {
    this.#reload = reload;
    if (this.#missed) reload();
    this.#missed = false;
    return () => {
      this.#reload = undefined;
    };
  }

  hangUp(): void {
    if (this.#reload === undefined) this.#missed = true;
    else this.#reload();
  }
}

/** Takes what the daemon logs. */
class Listener extends Speaker {
  readonly #onEntry: (entry: Entry) => void;

  constructor(onEntry: (entry: Entry) => void) {
    super();
    this.#onEntry = onEntry;
  }

  override say(entry: Entry): void {
    this.#onEntry(entry);
  }

  override transfer(): void {}

  override clear(): void {}
}
