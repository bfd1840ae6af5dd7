import { crc32 } from 'node:zlib';
import type { Cursor, Log, LogItem } from '@forebay/log';
import { LogError } from '@forebay/log';
import type { History, Position } from '@forebay/psync';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import type { Random } from '@forebay/testkit';
import { concatBytes, SimulatedClock, SimulatedDisk } from '@forebay/testkit';
import { Configuration } from '../../src/config/configuration.ts';
import type { SettingName } from '../../src/config/settings.ts';
import { follow } from '../../src/follow/follow.ts';
import type { World } from '../../src/follow/world.ts';
import type { BaseFile } from '../../src/follow-log/follow.ts';
import type { Entry } from '../../src/logging/entry.ts';
import { Speaker } from '../../src/reporter.ts';
import { SimulatedNetwork } from './network.ts';
import { ReaderCopy } from './reader-copy.ts';
import { SimulatedServer } from './server.ts';
import type { Stream } from './stream.ts';

const DIRECTORY = '/data';
const READER = 'reader';

/** The daemon, its primaries, a network, a disk and a reader, without sockets or a clock. */
export class Simulation {
  /** What happened, for whoever looks into a failure. */
  readonly story: string[] = [];
  readonly #random: Random;
  readonly #clock = new SimulatedClock();
  readonly #disk: SimulatedDisk;
  readonly #servers: SimulatedServer[];
  readonly #network: SimulatedNetwork;
  /** What was written under each id. */
  readonly #truth = new Map<string, SimulatedServer>();
  readonly #streams = new Map<string, Stream>();
  #primary: SimulatedServer;
  #ids = 0;
  #log: Log | undefined;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #failure: Error | undefined;
  /** What was told to be synced: it survives. */
  #floor: Position | undefined;
  #read = 0;
  /** What the reader had read when it last kept its place. */
  #kept: ReaderCopy | undefined;
  fulls = 0;
  rewinds = 0;
  bases = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#disk = new SimulatedDisk({ random, clock: this.#clock, slowWriteRate: 0.1 });
    this.#servers = ['a', 'b', 'c'].map(
      (name) => new SimulatedServer(name, random, () => this.#newId()),
    );
    this.#primary = this.#servers[0]!;
    for (const replica of this.#servers.slice(1)) replica.replicateFrom(this.#primary);
    this.#noteIds();
    this.#network = new SimulatedNetwork(random, this.#clock, this.#servers, {
      onFull: (server, rdbOnly) => this.#onFull(server, rdbOnly),
      onAckSent: (written, synced) => this.#onAckSent(written, synced),
    });
  }

  async run(steps: number): Promise<void> {
    this.#start();
    for (let i = 0; i < steps; i++) await this.#step();
    await this.#settle();
  }

  async #step(): Promise<void> {
    const draw = this.#random.integer(0, 99);
    if (draw < 35) this.#write();
    else if (draw < 75) await this.#pass(this.#random.pick([10, 100, 500, 2000]));
    else if (draw < 82) this.#cut();
    else if (draw < 88) this.#failOver();
    else if (draw < 90) this.#shift();
    else if (draw < 95) await this.#crash(this.#random.pick(['process', 'power']));
    else if (draw < 98) await this.#restart();
    else this.#disk.failNext(this.#random.pick(['write', 'sync']), 'ENOSPC');
    for (const server of this.#servers) if (server.upstream?.running) server.catchUp(false);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #write(): void {
    const { running, upstream } = this.#primary;
    if (!running || upstream !== undefined) return;
    const count = this.#random.integer(1, 12);
    this.story.push(`${count} writes on ${this.#primary.name}`);
    for (let i = 0; i < count; i++) this.#primary.write();
  }

  #cut(): void {
    this.story.push('links are cut');
    this.#network.cut();
  }

  #shift(): void {
    this.#primary.shift();
    this.#noteIds();
    this.story.push(`${this.#primary.name} restarts under ${short(this.#primary.id)}`);
    this.#network.cut(this.#primary);
  }

  /** The primary dies, and a replica takes over from wherever it has come to. */
  #failOver(): void {
    const old = this.#primary;
    old.running = false;
    this.#network.cut(old);
    const others = this.#servers.filter((server) => server !== old);
    const [next, other] = this.#random.pick([others, others.toReversed()]);
    next!.promote();
    next!.running = true;
    this.#noteIds();
    this.#network.cut(next);
    other!.replicateFrom(next!);
    this.#network.cut(other);
    if (this.#random.integer(0, 1) === 1) old.replicateFrom(next!);
    this.#primary = next!;
    const place = `${short(next!.id)}:${next!.stream.end}`;
    this.story.push(`${old.name} at ${old.stream.end} dies, ${next!.name} is ${place}`);
  }

  async #crash(kind: 'process' | 'power'): Promise<void> {
    this.story.push(`crash: ${kind}`);
    this.#network.crash();
    this.#clock.clear();
    this.#disk.crash(kind);
    this.#log = undefined;
    await settled();
    this.#start();
  }

  async #restart(): Promise<void> {
    this.story.push('restart');
    this.#stop.abort();
    await this.#pass(3000);
    await this.#running;
    this.#start();
  }

  /** When nothing goes wrong any more, everything comes in, to the reader too. */
  async #settle(): Promise<void> {
    this.story.push('everything is well from here on');
    if (!this.#primary.running) this.#primary.running = true;
    this.#primary.write();
    for (const server of this.#servers) {
      if (server !== this.#primary) server.replicateFrom(this.#primary);
    }
    for (let i = 0; i < 200; i++) {
      await this.#pass(1000);
      const { stream, id } = this.#primary;
      const whole = this.#log?.history?.id === id && this.#log.written === stream.end;
      if (whole && this.#read === stream.end) break;
    }
    const { stream, id } = this.#primary;
    const held = `${short(this.#log?.history?.id)}:${this.#log?.written}, read ${this.#read}`;
    if (this.#log?.history?.id !== id || this.#log.written !== stream.end) {
      throw new Error(`ends at ${held}, and not at ${short(id)}:${stream.end}`);
    }
    if (this.#read !== stream.end) throw new Error(`ends at ${held} of ${stream.end}`);
    this.#stop.abort();
    await this.#pass(3000);
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#disk.openFiles > 0) throw new Error(`${this.#disk.openFiles} files are left open`);
  }

  #start(): void {
    const { process } = this.#disk;
    this.#stop = new AbortController();
    const world: World = {
      disk: process,
      clock: this.#clock,
      createBase: (directory) => MemoryBase.create(process, directory),
      removeStale: async () => {},
      network: {
        backoff: { random: () => this.#random.float() },
        transport: this.#network.transport(),
      },
    };
    const control = {
      stop: this.#stop.signal,
      onReload: () => () => {},
      onLog: (log: Log) => {
        if (process === this.#disk.process) this.#onLog(log);
      },
    };
    const reporter = new Story((entry) => {
      if (process === this.#disk.process) this.#onEntry(entry);
    });
    const origin = { flags: this.#flags, env: {}, path: undefined };
    const configuration = new Configuration(origin);
    this.#running = follow(configuration, reporter, control, world).catch((error: Error) => {
      if (process === this.#disk.process) this.#failure ??= error;
    });
  }

  get #flags(): ReadonlyMap<SettingName, string> {
    return new Map([
      ['replicaof', this.#servers.map(({ name }) => `${name} 6379`).join(' ')],
      ['dir', DIRECTORY],
      ['replica-announce-port', '6380'],
      ['port', '0'],
      ['http', 'off'],
      ['repl-timeout', '3600'],
      ['auto-aof-rewrite-percentage', '1'],
      ['auto-aof-rewrite-min-size', '400b'],
      ['base-interval', '4s'],
      ['retain', '20s'],
    ]);
  }

  #onEntry({ message, fields }: Entry): void {
    this.story.push(`    ${message}`);
    if (fields?.event === 'rewound') this.rewinds++;
    if (fields?.event === 'base-done') this.bases++;
    if (fields?.event === 'rewound' || fields?.event === 'full-copy-done') this.#floor = undefined;
  }

  #onLog(log: Log): void {
    const { found } = log;
    const floor = this.#floor;
    if (floor !== undefined && found === undefined) {
      this.#fail(`${floor.offset} was told to be synced, and nothing is there`);
    }
    const known = floor !== undefined && found !== undefined && found.history.id === floor.id;
    if (known && found.offset < floor.offset) {
      this.#fail(`${floor.offset} was told to be synced, and ${found.offset} is there`);
    }
    this.#log = log;
    void this.#readFrom(log);
  }

  /** Only what is in the log is acknowledged, and only what is synced is called so. */
  #onAckSent(written: number, synced: number | undefined): void {
    const log = this.#log;
    if (log === undefined) {
      this.#fail('acknowledged before the log was open');
      return;
    }
    if (written > log.written) this.#fail(`acknowledged ${written}, written is ${log.written}`);
    if (synced === undefined || log.history === undefined) return;
    if (synced > log.synced) this.#fail(`FACK ${synced}, synced is ${log.synced}`);
    const { id } = log.history;
    if (this.#floor?.id !== id || synced > this.#floor.offset) this.#floor = { id, offset: synced };
  }

  /** Whether a full copy was the only way. */
  #onFull(server: SimulatedServer, rdbOnly: boolean): void {
    if (rdbOnly) return;
    this.fulls++;
    const { history, written, lowest } = this.#log ?? {};
    if (history === undefined || written === undefined || lowest === undefined) return;
    const shared = sharedEnd(history, written, server);
    if (shared === undefined || shared < lowest || shared < server.backlogStart) return;
    this.#fail(`a full copy, though ${server.name} could go on after ${shared} of ${written}`);
  }

  /** A reader that keeps its place now and then, with all that it has read up to there. */
  async #readFrom(log: Log): Promise<void> {
    try {
      while (log.history === undefined) await this.#tick();
      const { id } = log.history;
      const cursor = await log.cursor(READER, { id, offset: log.lowest ?? 0 });
      const copy = new ReaderCopy(cursor.position, this.#kept);
      this.#read = cursor.position.offset;
      for await (const item of cursor.read()) {
        if (log !== this.#log) return;
        this.#take(item, copy);
        if (this.#random.integer(0, 3) === 0) await this.#commit(cursor, copy);
      }
    } catch (error) {
      const over = error instanceof LogError && /^(IO|MISUSE)$/.test(error.code);
      // A disk that is full refuses the reader's place too; it tries again.
      if (over && log === this.#log) await this.#tick();
      if (over && log === this.#log) return this.#readFrom(log);
      if (log === this.#log) this.#fail(`the reader: ${(error as Error).stack}`);
    }
  }

  /** What was read may have been taken back meanwhile: then it is told next. A full disk may refuse. */
  async #commit(cursor: Cursor, copy: ReaderCopy): Promise<void> {
    const kept = copy.clone();
    try {
      await cursor.commit(kept.place);
      this.#kept = kept;
    } catch (error) {
      if (!(error instanceof LogError) || error.code === 'CORRUPT') throw error;
    }
  }

  #take(item: LogItem, copy: ReaderCopy): void {
    const { id, offset } = copy.place;
    if (item.type === 'stream' && item.offset - item.bytes.length !== offset) {
      this.#fail(`read ${item.offset - item.bytes.length} after ${offset}`);
    } else if (item.type === 'rewound' && item.to.offset > offset) {
      this.#fail(`rewound from ${offset} to ${item.to.offset}`);
    }
    copy.take(item);
    this.#read = copy.place.offset;
    const stream = this.#streams.get(copy.place.id);
    // All of it, whenever it comes to be another history; the rest as it comes.
    const from = id === copy.place.id && item.type === 'stream' ? offset : copy.start;
    if (stream === undefined || !copy.equals(stream, from)) {
      const place = `${short(copy.place.id)}:${copy.place.offset}`;
      this.#fail(`what is held after ${from} up to ${place} is not what was written`);
    }
  }

  #fail(message: string): void {
    this.#failure ??= new Error(message);
  }

  #noteIds(): void {
    for (const server of this.#servers) {
      if (this.#truth.has(server.id)) continue;
      this.#truth.set(server.id, server);
      this.#streams.set(server.id, server.stream);
    }
  }

  #newId(): string {
    return (++this.#ids).toString(16).padStart(40, '0').replace(/^0/, 'f');
  }

  async #pass(milliseconds: number): Promise<void> {
    await this.#clock.pass(milliseconds);
    await settled();
  }

  #tick(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(50, resolve));
  }
}

/** The last byte that we share with a server, under any id that both know; undefined where there is none. */
function sharedEnd(
  { id, secondId, secondIdLimit }: History,
  written: number,
  server: SimulatedServer,
): number | undefined {
  const ours = new Map([
    [id, written],
    [secondId, Math.min(written, secondIdLimit - 1)],
  ]);
  const ends = [
    [server.id, server.stream.end],
    [server.secondId, server.secondIdLimit - 1],
  ].flatMap(([theirs, end]) => {
    const our = ours.get(String(theirs));
    return our === undefined || /^0+$/.test(String(theirs)) ? [] : [Math.min(our, Number(end))];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Lets every promise come as far as it can. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

function short(id: string | undefined): string {
  return String(id).slice(-3);
}

/** A base that is written to the simulated disk when it is whole. */
class MemoryBase implements BaseFile {
  readonly #disk: World['disk'];
  #bytes: Uint8Array = new Uint8Array(0);

  private constructor(disk: World['disk']) {
    this.#disk = disk;
  }

  static async create(disk: World['disk'], _: string): Promise<MemoryBase> {
    return new MemoryBase(disk);
  }

  get length(): number {
    return this.#bytes.length;
  }

  get crc(): number {
    return crc32(this.#bytes);
  }

  write(bytes: Uint8Array): undefined {
    this.#bytes = concatBytes([this.#bytes, bytes]);
  }

  async commit(path: string): Promise<void> {
    try {
      await this.#write(path);
    } catch (error) {
      const systemCode = String((error as NodeJS.ErrnoException).code);
      throw new RdbReceiverError('IO', (error as Error).message, { systemCode });
    }
  }

  async abort(): Promise<void> {}

  async #write(path: string): Promise<void> {
    const file = await this.#disk.open(path, 'create');
    try {
      for (let done = 0; done < this.#bytes.length; ) {
        done += await file.write(this.#bytes.subarray(done), done);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Takes what the daemon logs. */
class Story extends Speaker {
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
