import { crc32 } from 'node:zlib';
import type { Log } from '@forebay/log';
import { LogError } from '@forebay/log';
import type { Position, History as ReplicationHistory } from '@forebay/psync';
import { parsePosition } from '@forebay/psync';
import { RdbReceiverError } from '@forebay/rdb-receiver';
import type { Random } from '@forebay/testkit';
import { SimulatedClock, SimulatedDisk } from '@forebay/testkit';
import type { Entry } from '../../src/logging/entry.ts';
import { Chances } from './chances.ts';
import { sendCommand } from './client.ts';
import { Daemon } from './daemon.ts';
import { DownstreamReplica } from './downstream-replica.ts';
import { BrokenRule } from './failure.ts';
import { SimulatedNetwork } from './network.ts';
import { Reader } from './reader.ts';
import type { Mark } from './restores.ts';
import { Restores } from './restores.ts';
import { SimulatedServer } from './server.ts';
import type { ReaderName, ReplicaName, Step } from './steps.ts';
import { Truth } from './truth.ts';

/** Everything that determines a history. */
export interface Recipe {
  readonly seed: number;
  readonly steps: readonly Step[];
  /** A fault planted in the model, to test that failures are found and shrunk. */
  readonly plant?: 'skips-byte-on-resume' | undefined;
}

/** Counts of events, to check that a run covered each of them. */
export interface Seen {
  fulls: number;
  rewinds: number;
  bases: number;
  restores: number;
  cutOffs: number;
  /** Partial resyncs of replicas, and snapshots sent to replicas. */
  continued: number;
  copied: number;
}

/** Size of the disk in bytes, unless a step fills it. */
const CAPACITY = 2 ** 40;
/** Number of marks that are kept. */
const MARKS = 12;
/** Seconds within which the log, readers and replicas must catch up once all faults have ended. */
const PATIENCE = 900;

/**
 * One history of the daemon, its primaries, a network, a disk and consumers, without sockets and without the machine's
 * time. The seed and the steps determine it.
 */
export class History {
  /** Everything that happened, to investigate a failure. */
  readonly story: string[] = [];
  readonly seen: Seen = {
    fulls: 0,
    rewinds: 0,
    bases: 0,
    restores: 0,
    cutOffs: 0,
    continued: 0,
    copied: 0,
  };
  readonly #steps: readonly Step[];
  readonly #clock = new SimulatedClock();
  readonly #truth = new Truth();
  readonly #disk: SimulatedDisk;
  readonly #servers: readonly SimulatedServer[];
  readonly #network: SimulatedNetwork;
  readonly #daemon: Daemon;
  readonly #readers: ReadonlyMap<ReaderName, Reader>;
  readonly #replicas: ReadonlyMap<ReplicaName, DownstreamReplica>;
  readonly #restores: Restores;
  readonly #clients: Random;
  /** Offset of the last byte that was ever in the log, by id. */
  readonly #highest = new Map<string, number>();
  #primary: SimulatedServer;
  #failure: Error | undefined;
  /** The highest position that was acknowledged as synced: it must survive. */
  #floor: Position | undefined;
  /** When that was acknowledged. */
  #floorSince = 0;
  /** The end of what the log shares with the servers asked since then: a step back may go there. */
  #shared = Infinity;
  /** Whether the process was killed, possibly during an operation. */
  #interrupted = false;
  #marks: Mark[] = [];
  readonly #arrivals: { readonly time: number; readonly offset: number }[] = [];
  /** Actions that are due after `left` more disk operations. */
  readonly #due = new Set<{ left: number; readonly run: () => void }>();
  /** Events that permit exceptions from some rules. */
  #jumped = false;
  #limited = false;
  #faulty = false;
  readonly #cutOff = new Set<string>();

  constructor({ seed, steps, plant }: Recipe) {
    const chances = new Chances(seed);
    this.#steps = steps;
    this.#disk = new SimulatedDisk({
      random: chances.of('disk'),
      clock: this.#clock,
      capacity: CAPACITY,
      slowWriteRate: 0.1,
    });
    this.#servers = ['a', 'b', 'c'].map((name) => new SimulatedServer(name, chances, this.#truth));
    this.#primary = this.#servers[0]!;
    this.#primary.begin();
    for (const replica of this.#servers.slice(1)) replica.replicateFrom(this.#primary);
    this.#network = new SimulatedNetwork(chances, this.#servers, {
      onReport: (server) => this.#onReport(server),
      onFull: (server, rdbOnly) => this.#onFull(server, rdbOnly),
      onAckSent: (written, synced) => this.#onAckSent(written, synced),
      onArrival: (offset) => this.#arrivals.push({ time: this.#clock.now(), offset }),
    });
    this.#network.skipsByteOnResume = plant === 'skips-byte-on-resume';
    const backoff = chances.of('backoff');
    this.#daemon = new Daemon(this.#clock, this.#disk, this.#network, backoff, {
      onEntry: (entry) => this.#onEntry(entry),
      onLog: (log) => this.#onLog(log),
      onEnd: (error) => this.#onEnd(error),
    });
    const host = {
      truth: this.#truth,
      mayBeCutOff: (name: string) => this.#mayBeCutOff(name),
      fail: (rule: string, message: string) => this.#fail(rule, message),
    };
    this.#readers = new Map(
      (['r0', 'r1', 'r2'] as const).map((name) => {
        return [name, new Reader(name, chances.of('reader', name), host)];
      }),
    );
    this.#clients = chances.of('clients');
    this.#replicas = new Map(
      (['s0', 's1', 's2'] as const).map((name) => {
        return [
          name,
          new DownstreamReplica(name, chances.of('replica', name), this.#replicaHost()),
        ];
      }),
    );
    this.#restores = new Restores(this.#restoreHost());
  }

  /** Every file of the disk, with a checksum of its bytes. */
  get files(): readonly string[] {
    const paths = [...this.#disk.paths()].sort();
    return paths.map((path) => `${path} ${crc32(this.#disk.peek(path))}`);
  }

  /** @throws {BrokenRule} */
  async run(): Promise<void> {
    this.#disk.onOperation = () => this.#onOperation();
    this.#readers.get('r0')?.act('read', 0, undefined, undefined);
    this.#daemon.start();
    for (const step of this.#steps) {
      await this.#take(step);
      await settled();
      // A service manager starts it again.
      if (!this.#daemon.running) this.#start();
      for (const server of this.#servers) this.#catchUp(server);
      this.#mark();
      this.#rethrow();
    }
    await this.#settle();
    this.seen.restores = this.#restores.done;
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'write':
        return this.#write(step.count, step.size);
      case 'pass':
        return this.#clock.pass(step.ms);
      case 'cut':
        this.story.push('links are cut');
        return this.#network.cut();
      case 'fail-over':
        return this.#failOver(step.to, step.old);
      case 'restart-primary':
        return this.#restartPrimary();
      case 'crash':
        return this.#crash(step.kind, step.after);
      case 'restart':
        return this.#restart();
      case 'fail':
        this.story.push(`the next ${step.operation} fails: ${step.code}`);
        this.#faulty = true;
        return this.#disk.failNext(step.operation, step.code);
      case 'fill':
        return this.#fill(step.free);
      case 'jump':
        this.story.push(`the clock jumps by ${step.ms} ms`);
        this.#jumped = true;
        return this.#clock.jump(step.ms);
      case 'configure':
        this.story.push(`SIGHUP: ${JSON.stringify(step.set)}`);
        if (step.set['max-disk'] !== undefined) this.#limited = true;
        return this.#daemon.configure(step.set);
      case 'reader': {
        const { name, act, pace } = step;
        this.story.push(`reader ${name}: ${act}, ${pace} ms an item`);
        const { log, clock } = this.#daemon;
        return this.#readers.get(name)?.act(act, pace, log, clock);
      }
      case 'replica':
        this.story.push(`replica ${step.name}: ${step.act}, by ${step.way}`);
        return this.#replicas.get(step.name)?.act(step.act, step.way);
      case 'during': {
        this.story.push(`after ${step.after} disk operations:`);
        // External events do not happen within a call.
        const run = (): void => queueMicrotask(() => void this.#take(step.step));
        this.#due.add({ left: step.after, run });
        return;
      }
      case 'command':
        return this.#command(step.words);
      case 'restore':
        return this.#restore(step);
    }
  }

  /** A replica that learns of another id has its own replicas ask anew (`replication.c: disconnectSlaves`). */
  #catchUp(server: SimulatedServer): void {
    const { id } = server;
    server.catchUp();
    if (server.id !== id) this.#network.cut(server);
  }

  #write(count: number, size: number): void {
    const { running, upstream } = this.#primary;
    if (!running || upstream !== undefined) return;
    this.story.push(`${count} writes on ${this.#primary.name}`);
    for (let i = 0; i < count; i++) this.#primary.write(size);
  }

  #restartPrimary(): void {
    this.#primary.shift();
    this.story.push(`${this.#primary.name} restarts under ${short(this.#primary.id)}`);
    this.#network.cut(this.#primary);
  }

  /** The primary dies, and a replica takes over from wherever it has come to. */
  #failOver(to: 0 | 1, oldFollows: boolean): void {
    const old = this.#primary;
    old.running = false;
    this.#network.cut(old);
    const others = this.#servers.filter((server) => server !== old);
    const [next, other] = to === 0 ? others : others.toReversed();
    next!.promote();
    this.#network.cut(next);
    other!.replicateFrom(next!);
    this.#network.cut(other);
    if (oldFollows) old.replicateFrom(next!);
    this.#primary = next!;
    const place = `${short(next!.id)}:${next!.stream.end}`;
    this.story.push(`${old.name} at ${old.stream.end} dies, ${next!.name} is ${place}`);
  }

  #crash(kind: 'process' | 'power', after: number): void {
    if (after === 0) {
      this.story.push(`crash: ${kind}`);
      this.#daemon.crash(kind);
      return;
    }
    this.story.push(`crash after ${after} disk operations: ${kind}`);
    const run = (): void => {
      this.story.push(`  crash here: ${kind}`);
      this.#interrupted = true;
      this.#daemon.crash(kind);
    };
    this.#due.add({ left: after, run });
  }

  #onOperation(): void {
    for (const each of this.#due) {
      if (--each.left > 0) continue;
      this.#due.delete(each);
      each.run();
    }
  }

  async #restart(): Promise<void> {
    this.story.push('restart');
    await this.#stop();
    if (!this.#daemon.running) this.#start();
  }

  async #stop(): Promise<void> {
    let ended = false;
    void this.#daemon.stop().then(() => {
      ended = true;
    });
    for (let i = 0; i < PATIENCE && !ended && this.#daemon.running; i++) {
      await this.#clock.pass(1000);
    }
    if (this.#daemon.running) this.#fail('the daemon stops', `not in ${PATIENCE} s`);
  }

  #start(): void {
    this.story.push('start');
    this.#daemon.start();
  }

  #fill(free: number | undefined): void {
    this.story.push(`${free ?? 'all'} bytes of the disk are free`);
    if (free !== undefined) this.#limited = true;
    const used = this.#disk.paths().reduce((sum, path) => sum + this.#disk.peek(path).length, 0);
    this.#disk.setCapacity(free === undefined ? CAPACITY : used + free);
  }

  #restore({ to, back, single }: Extract<Step, { do: 'restore' }>): void {
    const mark = this.#marks.at(-1 - back) ?? this.#marks[0];
    if (to !== 'end' && mark === undefined) return;
    const { id, offset, time } = mark ?? { id: '', offset: 0, time: 0 };
    const target = {
      end: undefined,
      position: { position: { id, offset } },
      time: { time },
    }[to];
    this.story.push(`restore of ${JSON.stringify(target ?? 'the end')}`);
    void this.#restores.make(target, single);
  }

  #command(words: readonly string[]): void {
    const link = this.#daemon.connect(this.#clients);
    if (link === undefined) return;
    this.story.push(`command: ${words.join(' ')}`);
    sendCommand(link, words, (line) => this.story.push(`    ${words[0]} is answered ${line}`));
  }

  /** Ends all faults, and checks that the log, the readers and the replicas catch up. */
  async #settle(): Promise<void> {
    this.story.push('all faults end here');
    this.#due.clear();
    this.#disk.setCapacity(CAPACITY);
    // Earlier commands of clients are answered first.
    await this.#clock.pass(5000);
    if (!this.#daemon.running) this.#start();
    this.#command(['REPLICAOF', this.#primary.name, '6379']);
    await this.#clock.pass(5000);
    if (!this.#daemon.running) this.#start();
    this.#daemon.configure({});
    for (const replica of this.#replicas.values()) replica.settle();
    const { log, clock } = this.#daemon;
    for (const reader of this.#readers.values()) {
      if (reader.active) reader.act('read', 0, log, clock);
    }
    this.#primary.running = true;
    this.#primary.write(60);
    for (const server of this.#servers) {
      if (server !== this.#primary) server.replicateFrom(this.#primary);
    }
    for (let i = 0; i < PATIENCE && this.#missing !== undefined; i++) {
      await this.#clock.pass(1000);
      if (!this.#daemon.running) this.#start();
      this.#rethrow();
    }
    if (this.#missing !== undefined)
      this.#fail('the log, readers and replicas catch up after the faults', this.#missing);
    await this.#stop();
    this.#rethrow();
    const { openFiles } = this.#disk;
    if (openFiles > 0) throw new BrokenRule('no file is left open', `${openFiles} files`);
  }

  /** Describes the first log, reader or replica that has not caught up; undefined: all have. */
  get #missing(): string | undefined {
    const { log } = this.#daemon;
    const { stream, id } = this.#primary;
    const place = `${short(id)}:${stream.end}`;
    if (log?.history?.id !== id || log.written !== stream.end) {
      return `the log has come to ${short(log?.history?.id)}:${log?.written} of ${place}`;
    }
    for (const { name, active, read } of this.#readers.values()) {
      if (active && read !== stream.end) return `reader ${name} has come to ${read} of ${place}`;
    }
    for (const { name, follows, position } of this.#replicas.values()) {
      if (!follows || (position?.id === id && position.offset === stream.end)) continue;
      return `replica ${name} has come to ${short(position?.id)}:${position?.offset} of ${place}`;
    }
    return undefined;
  }

  #onEntry({ message, fields }: Entry): void {
    this.story.push(`    ${message}`);
    // What a failed write has taken is in the log, and served.
    if (this.#daemon.log !== undefined) this.#onProgress(this.#daemon.log);
    switch (fields?.event) {
      case 'base-done':
        this.seen.bases++;
        break;
      case 'rewound':
        this.seen.rewinds++;
        this.#lowerFloor(fields.position);
        break;
      case 'full-copy-done':
        this.#floor = undefined;
        break;
      case 'reader-cut-off':
        this.seen.cutOffs++;
        if (!this.#limited) this.#fail('only the hard limit cuts off', message);
        this.#cutOff.add(String(fields.reader));
    }
  }

  #lowerFloor(position: string | undefined): void {
    if (this.#floor === undefined || position === undefined) return;
    const { id, offset } = parsePosition(position);
    this.#floor = { id, offset: Math.min(this.#floor.offset, offset) };
  }

  #mayBeCutOff(name: string): boolean {
    // A cut-off is logged afterwards: the process may have ended in between.
    return this.#cutOff.has(name) || this.#limited;
  }

  #onLog(log: Log): void {
    this.#checkFloor(log);
    this.#interrupted = false;
    for (const reader of this.#readers.values()) reader.open(log, this.#daemon.clock!);
    const onProgress = (): void => this.#onProgress(log);
    log.subscribe({ onProgress });
    onProgress();
  }

  #onProgress({ history, written }: Log): void {
    if (history === undefined) return;
    this.#highest.set(history.id, Math.max(written, this.#highest.get(history.id) ?? 0));
  }

  #checkFloor({ found, olderIds, base }: Log): void {
    const floor = this.#floor;
    if (floor === undefined) return;
    const rule = 'what was acknowledged as synced survives';
    // A step back is logged once it is complete.
    const mayBeUntold = this.#interrupted || this.#faulty || this.#limited;
    const least = mayBeUntold ? Math.min(floor.offset, this.#shared) : floor.offset;
    if (found === undefined) {
      this.#fail(rule, `${floor.offset} of nothing`);
      return;
    }
    const { id, secondId } = found.history;
    if (id === floor.id || secondId === floor.id) {
      if (found.offset < least) this.#fail(rule, `${floor.offset} of ${found.offset}`);
      return;
    }
    if (olderIds.some((older) => older.id === floor.id)) {
      const shared = Math.min(floor.offset, this.#shared);
      if (found.offset < shared) this.#fail(rule, `${floor.offset} of ${found.offset}`);
      return;
    }
    // A full resync that was not reported yet may have replaced it; an older history may not.
    const isOlder = base !== undefined && base.time < this.#floorSince && !this.#jumped;
    if (isOlder) this.#fail(rule, `${short(floor.id)}:${floor.offset}, and ${short(id)} is found`);
  }

  /** The daemon has ended by itself because of a permanent failure, such as a failing disk. */
  #onEnd(error: Error): void {
    this.story.push(`    ended: ${error.message}`);
    const isFailure = error instanceof LogError || error instanceof RdbReceiverError;
    if (isFailure && error.code === 'IO' && this.#faulty) return;
    this.#failure ??= error;
  }

  /** Checks that acknowledged bytes are in the log, and bytes acknowledged as synced are synced. */
  #onAckSent(written: number, synced: number | undefined): void {
    const { log } = this.#daemon;
    const rule = 'only what is in the log is acknowledged';
    if (log === undefined) {
      this.#fail(rule, 'no log is open');
      return;
    }
    if (written > log.written) this.#fail(rule, `${written}, and written is ${log.written}`);
    if (synced === undefined || log.history === undefined) return;
    if (synced > log.synced) this.#fail(rule, `${synced} as synced, which is ${log.synced}`);
    const { id } = log.history;
    if (this.#floor?.id === id && synced <= this.#floor.offset) return;
    this.#floor = { id, offset: synced };
    this.#floorSince = this.#clock.now();
    this.#shared = Infinity;
  }

  #onReport(server: SimulatedServer): void {
    const { history, written } = this.#daemon.log ?? {};
    if (history === undefined || written === undefined) return;
    const shared = sharedEnd(history, written, server);
    if (shared === undefined) return;
    const to = server.stream.cutUpTo(shared)?.offset ?? 0;
    this.#shared = Math.min(this.#shared, to);
  }

  /** Checks that a full resync was necessary. */
  #onFull(server: SimulatedServer, rdbOnly: boolean): void {
    if (rdbOnly) return;
    this.seen.fulls++;
    const { history, written, lowest } = this.#daemon.log ?? {};
    if (history === undefined || written === undefined || lowest === undefined) return;
    const shared = sharedEnd(history, written, server);
    if (shared === undefined || shared < lowest || shared < server.backlogStart) return;
    // The missing part of the stream may not fit into the disk limit.
    if (this.#limited) return;
    const message = `${server.name} could continue after ${shared} of ${written}`;
    this.#fail('a full resync is the last resort', message);
  }

  #mark(): void {
    const { log } = this.#daemon;
    if (log?.history === undefined || !log.readable) return;
    const { history, written: offset } = log;
    this.#marks = [...this.#marks, { id: history.id, offset, time: this.#clock.now() }];
    this.#marks = this.#marks.slice(-MARKS);
  }

  #replicaHost() {
    const history = this;
    return {
      truth: this.#truth,
      clock: this.#clock,
      get log() {
        return history.#daemon.log;
      },
      highestUnder: (id: string) => {
        // What a failed write has taken is in the log, and served.
        if (this.#daemon.log !== undefined) this.#onProgress(this.#daemon.log);
        return this.#highest.get(id) ?? -1;
      },
      connect: (random: Random) => this.#daemon.connect(random),
      onSync: (how: 'continued' | 'copied') => {
        this.seen[how]++;
      },
      tell: (line: string) => this.story.push(`    ${line}`),
      fail: (rule: string, message: string) => this.#fail(rule, message),
    };
  }

  #restoreHost() {
    const history = this;
    return {
      truth: this.#truth,
      disk: this.#disk,
      get log() {
        return history.#daemon.log;
      },
      get mayRefuse() {
        return history.#faulty || history.#limited;
      },
      arrivedBy: (time: number) => {
        if (this.#jumped) return undefined;
        const offsets = this.#arrivals.filter((each) => each.time <= time);
        return Math.max(0, ...offsets.map(({ offset }) => offset));
      },
      now: () => this.#clock.now(),
      fail: (rule: string, message: string) => this.#fail(rule, message),
    };
  }

  #fail(rule: string, message: string): void {
    this.story.push(`    BROKEN: ${rule}: ${message}`);
    this.#failure ??= new BrokenRule(rule, message);
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The last byte that a log shares with a server, under any id that both know; undefined where there is none. */
function sharedEnd(
  { id, secondId, secondIdLimit }: ReplicationHistory,
  written: number,
  server: SimulatedServer,
): number | undefined {
  const ours = new Map([
    [id, written],
    [secondId, Math.min(written, secondIdLimit - 1)],
  ]);
  const ends = [
    [server.id, server.stream.end],
    // A replica that is still behind has the ids of its primary already.
    [server.secondId, Math.min(server.stream.end, server.secondIdLimit - 1)],
  ].flatMap(([theirs, end]) => {
    const our = ours.get(String(theirs));
    return our === undefined || /^0+$/.test(String(theirs)) ? [] : [Math.min(our, Number(end))];
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/**
 * Resolves when all promise reactions have run. All input and output of the simulated world depends on its clock or on
 * promises, and no macrotask starts before the last promise reaction has run: one macrotask is enough.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function short(id: string | undefined): string {
  return String(id).replace(/^f0*/, '');
}
