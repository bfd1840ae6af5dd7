import type { Log, RetainPolicy } from '@forebay/log';
import type { Random } from '@forebay/testkit';
import { SimulatedClock } from '@forebay/testkit';
import type { ReplicaConfig } from '../../src/config.ts';
import { Keeper } from '../../src/follow/disk/keeper.ts';
import type { Space } from '../../src/follow/disk/space.ts';
import { obstacleOf, SpaceWait } from '../../src/follow/disk/space.ts';
import type { World } from '../../src/follow/world.ts';
import type { BaseFile } from '../../src/follow-log/follow.ts';
import { Speaker } from '../../src/reporter.ts';

export const MIB = 1024 ** 2;
/** Milliseconds of a step, and bytes of a chunk of the stream. */
const STEP = 100;
const CHUNK = MIB;

/** What a primary does, and what it is limited by. Sizes in bytes, rates in bytes a second. */
export interface Conditions {
  limit: number;
  rate: number;
  baseSize: number;
  /** Milliseconds from asking for a snapshot to where it stands. */
  latency: number;
  bandwidth: number;
  /** How many of the fetches fail, from 0 to 1. */
  failing: number;
  knowsLength: boolean;
  readonly base: ReplicaConfig['base'];
  readonly retain: ReplicaConfig['retain'];
  /** What the file system tells of itself; the limit is a share of that then. */
  readonly space?: () => Promise<Space>;
}

/** The keeper of a log, with a primary and a disk that are numbers. */
export class DiskModel {
  readonly clock = new SimulatedClock();
  readonly conditions: Conditions;
  readonly story: string[] = [];
  readonly #random: Random;
  readonly #log = new NumberLog(this.clock);
  readonly #keeper: Keeper;
  readonly #space: SpaceWait;
  readonly #stop = new AbortController();
  #offset = 0;
  /** Bytes of bases on their way. */
  #temporary = 0;
  #waiting = false;
  #most = 0;
  /** The limit that the keeper has surely heard of: a change may meet a pause that has begun. */
  #surelyKnown = 0;
  failure: Error | undefined;
  /** Of each pause, the limit that was said to be needed. */
  readonly pauses: number[] = [];
  waits = 0;
  fetches: number[] = [];
  fullResyncs = 0;

  constructor(conditions: Conditions, random: Random) {
    this.conditions = conditions;
    this.#surelyKnown = conditions.limit;
    this.#random = random;
    const world = {
      clock: this.clock,
      disk: { space: conditions.space ?? (async () => ({ total: 2 ** 40, free: 2 ** 40 })) },
      createBase: async () => this.#temporaryFile(),
    } as unknown as World;
    const config = () => this.#config;
    const reporter = new Story((line) => this.story.push(`${this.clock.elapsed()} ${line}`));
    this.#keeper = new Keeper(this.#log as unknown as Log, config, world, reporter, {
      fetchBase: () => this.#fetchBase(),
      onWaiting: (waiting) => {
        this.#waiting = waiting !== undefined;
        if (waiting === undefined) return;
        this.waits++;
        if (waiting.needed <= this.#surelyKnown) this.#fail('a wait that needs no more');
      },
    });
    this.#space = new SpaceWait(world, '/data');
  }

  /** Bytes on disk. */
  get used(): number {
    return this.#log.size.total + this.#temporary;
  }

  get behind(): number {
    return this.#offset - this.#log.written;
  }

  get isWaiting(): boolean {
    return this.#waiting;
  }

  async begin(): Promise<void> {
    await this.#keeper.begin();
    void this.#follow();
  }

  /** The primary writes, and time passes. */
  async step(): Promise<void> {
    this.#offset += Math.round((this.conditions.rate * STEP) / 1000);
    await this.clock.pass(STEP);
    this.#surelyKnown = this.conditions.limit;
    if (this.failure !== undefined) throw this.failure;
  }

  async changeLimit(limit: number): Promise<void> {
    this.#surelyKnown = Math.min(this.#surelyKnown, limit);
    this.conditions.limit = limit;
    this.#most = Math.max(0, this.used - limit);
    await this.#keeper.changed();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    this.#keeper.endWaiting();
    await this.clock.pass(60_000);
    await this.#keeper.stop();
  }

  get #config(): ReplicaConfig {
    const { base, retain, limit, space } = this.conditions;
    const maxDisk = space === undefined ? { size: limit } : { share: 0.8 };
    return { base, retain, maxDisk, directory: '/data' } as ReplicaConfig;
  }

  /** What the follower does, link after link. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#session();
      } catch (error) {
        const obstacle = obstacleOf(error, 0);
        if (obstacle === undefined) {
          this.failure ??= error as Error;
          return;
        }
        this.story.push(`${this.clock.elapsed()} paused: ${obstacle.reason}`);
        this.pauses.push(obstacle.needed);
        if (obstacle.needed <= this.#surelyKnown) this.#fail(`a pause that needs no more`);
        await this.#keeper.linkEnded();
        await this.#space.until(obstacle, signal, this.#keeper);
        this.story.push(`${this.clock.elapsed()} goes on`);
      }
    }
  }

  async #session(): Promise<void> {
    const first = this.#log.history === undefined;
    const decision = this.#keeper.limited({ type: 'ask' }, this.#offset);
    if (first || decision.type === 'full') await this.#fullResync();
    while (!this.#stop.signal.aborted) {
      const bytes = Math.min(CHUNK, this.behind);
      if (bytes === 0) {
        await this.#sleep(STEP);
        continue;
      }
      const admitted = this.#keeper.admit(bytes);
      if (admitted !== undefined && !(await admitted)) return;
      this.#log.append(bytes);
      this.#check();
      this.#keeper.progressed();
    }
  }

  async #fullResync(): Promise<void> {
    this.fullResyncs++;
    const { baseSize, knowsLength } = this.conditions;
    const offset = this.#offset;
    await this.#keeper.admitTransfer(knowsLength ? baseSize : undefined);
    const file = await this.#keeper.createBase('transfer', '');
    try {
      await this.#receive(file, baseSize);
      this.#temporary -= baseSize;
      this.#log.beginHistory(baseSize, offset);
      this.#check();
      this.#keeper.transferDone();
    } catch (error) {
      await file.abort();
      throw error;
    }
  }

  async #fetchBase(): Promise<void> {
    const { latency, failing, baseSize } = this.conditions;
    this.fetches.push(this.clock.elapsed());
    await this.#sleep(latency);
    const fails = this.#random.float() < failing ? this.#random.integer(0, 2) : undefined;
    if (fails === 0) throw new Error('the primary does not answer');
    const offset = this.#offset;
    this.#keeper.baseStands(offset);
    for (let waited = 0; this.#log.written < offset; waited += STEP) {
      if (waited > 60_000 || fails === 1) throw new Error('the stream did not come so far');
      await this.#sleep(STEP);
    }
    await this.#keeper.basePlaced(offset);
    const file = await this.#keeper.createBase('fetch', '');
    try {
      await this.#receive(file, fails === 2 ? baseSize / 2 : baseSize);
      if (fails === 2) throw new Error('the link is lost');
      this.#temporary -= baseSize;
      this.#log.addBase(baseSize, offset);
      this.#check();
    } finally {
      await file.abort();
    }
  }

  async #receive(file: BaseFile, size: number): Promise<void> {
    for (let left = size; left > 0; ) {
      const bytes = Math.min(left, CHUNK);
      await file.write(new Uint8Array(bytes));
      left -= bytes;
      await this.#sleep((bytes * 1000) / this.conditions.bandwidth);
    }
  }

  #temporaryFile(): BaseFile {
    let length = 0;
    return {
      get length() {
        return length;
      },
      crc: 0,
      write: (bytes) => {
        length += bytes.length;
        this.#temporary += bytes.length;
        this.#check();
        return undefined;
      },
      commit: async () => {},
      abort: async () => {
        // Of one that was adopted nothing is left to remove.
        if (length !== this.conditions.baseSize) this.#temporary -= length;
        length = 0;
      },
    };
  }

  /** Never more than the limit; where that was lowered below what was there, never more than was there. */
  #check(): void {
    const { limit } = this.conditions;
    if (this.used > limit + this.#most)
      this.#fail(`${this.used} on disk, and the limit is ${limit}`);
  }

  #fail(message: string): void {
    this.failure ??= new Error(message);
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(milliseconds, resolve));
  }
}

/** What the keeper knows of a log, in numbers. */
class NumberLog {
  readonly #clock: SimulatedClock;
  /** What retention can remove, oldest first. */
  #past: { readonly bytes: number; readonly time: number }[] = [];
  #startOffset = 0;
  base: { size: number; offset: number; time: number } | undefined;
  history: object | undefined;
  written = 0;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  get size() {
    const required = (this.base?.size ?? 0) + this.written - this.#startOffset;
    const past = this.#past.reduce((sum, { bytes }) => sum + bytes, 0);
    return { total: required + past, required };
  }

  append(bytes: number): void {
    this.written += bytes;
  }

  copiedBy(offset: number): number {
    return this.written - offset;
  }

  beginHistory(size: number, offset: number): void {
    this.#replace(this.written);
    this.written = offset;
    this.#begin(size, offset);
  }

  addBase(size: number, offset: number): void {
    this.#replace(offset);
    this.#begin(size, offset);
  }

  async retain({ time = Infinity, size = Infinity, hardLimit = Infinity }: RetainPolicy) {
    const before = this.size.total;
    for (const first of [...this.#past]) {
      const due = first.time <= this.#clock.now() - time || this.size.total > size;
      if (!due && this.size.total <= hardLimit) break;
      this.#past.shift();
    }
    const held = this.size.total;
    return { removed: before - held, held, cutOff: [] };
  }

  #replace(end: number): void {
    if (this.base === undefined) return;
    const time = this.#clock.now();
    this.#past.push({ bytes: this.base.size, time });
    this.#past.push({ bytes: end - this.#startOffset, time });
  }

  #begin(size: number, offset: number): void {
    this.history = {};
    this.#startOffset = offset;
    this.base = { size, offset, time: this.#clock.now() };
  }
}

class Story extends Speaker {
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    super();
    this.#tell = tell;
  }

  override say({ message }: { readonly message: string }): void {
    this.#tell(message);
  }

  override transfer(): void {}
  override clear(): void {}
}
