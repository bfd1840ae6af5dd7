import { crc32 } from 'node:zlib';
import { startHistory } from '@forebay/psync';
import type { Random } from '@forebay/testkit';
import { SimulatedClock, SimulatedDisk } from '@forebay/testkit';
import { writeWhole } from '../../src/disk/durable.ts';
import type { NewBase } from '../../src/index.ts';
import { Log } from '../../src/index.ts';
import { EMPTY_RDB } from '../directories.ts';
import type { NaiveLog, NaiveSegment } from './naive-log.ts';
import {
  addBaseNaively,
  appendNaively,
  beginNaively,
  cutNaively,
  endOf,
  idOf,
  shiftNaively,
} from './naive-log.ts';
import { Source } from './source.ts';

const DIRECTORY = '/data';

/** What a log may be found to be: this, and at least up to `synced` of it. */
interface Possible {
  readonly log: NaiveLog;
  readonly synced: number;
  /** Whether it is all there, as long as the power is not cut. */
  readonly whole?: boolean;
}

/** A log on a disk that fails, and beside it what it is to hold. It tells of the first difference. */
export class SimulatedLog {
  readonly disk: SimulatedDisk;
  /** What was done, for whoever looks into a failure. */
  readonly story: string[] = [];
  readonly #random: Random;
  readonly #clock = new SimulatedClock();
  #log: Log | undefined;
  #model: NaiveLog | undefined;
  #synced = 0;
  #source: Source;
  #ids = 0;
  /** Whether a sync in the background has failed. */
  #failed = false;
  /** Whether the power was cut since the log was open. */
  #lostPower = false;

  constructor(random: Random) {
    this.#random = random;
    this.#source = new Source(random, 0, 0);
    this.disk = new SimulatedDisk({ random, clock: this.#clock, slowWriteRate: 0.2 });
  }

  /** One thing that happens to a log, and what must be so after it. */
  async step(): Promise<void> {
    if (this.#log === undefined) return this.#open([this.#now()]);
    const random = this.#random.integer(0, 99);
    if (this.#model === undefined || random < 4) return this.#begin();
    if (random < 45) return this.#append();
    if (random < 52) return this.#sync();
    if (random < 58) return this.#rotate();
    if (random < 63) return this.#addBase();
    if (random < 66) return this.#shift();
    if (random < 72) return this.#stepBack();
    if (random < 80) return this.#letTimePass();
    if (random < 84) return this.#close();
    if (random < 92) return this.#crash(this.#random.pick(['process', 'power']));
    return this.#failLater();
  }

  /** Everything can be read in the end. */
  async finish(): Promise<void> {
    this.disk.onOperation = undefined;
    if (this.#log === undefined) await this.#open([this.#now()]);
    await this.#check();
    // A failure that was still to come is no concern of this run any more.
    await this.#log!.close().catch(() => {});
    if (this.disk.openFiles > 0) throw new Error(`${this.disk.openFiles} files are left open`);
  }

  async #begin(): Promise<void> {
    const [id, offset, database] = [this.#newId(), this.#random.integer(0, 999), 0];
    const history = startHistory(id);
    await this.#do(
      `begin ${id.slice(-4)} at ${offset}`,
      async (log) => {
        const base = await this.#placeBase(log);
        await log.beginHistory({ ...base, history, offset, database, reason: 'a full resync' });
      },
      beginNaively(this.#model, id, offset),
      offset,
      () => {
        this.#source = new Source(this.#random, offset, database);
      },
    );
  }

  async #append(): Promise<void> {
    const model = this.#model!;
    const end = endOf(model.live);
    const bytes = this.#source.after(end, this.#random.pick([5, 60, 2000]));
    const boundary = this.#source.boundaryAt(end + bytes.length);
    await this.#do(
      `append ${bytes.length}`,
      (log) => log.append(bytes, boundary),
      appendNaively(model, bytes),
      this.#synced,
    );
  }

  async #sync(): Promise<void> {
    await this.#do('sync', (log) => log.sync(), this.#model!, endOf(this.#model!.live));
  }

  async #rotate(): Promise<void> {
    await this.#do('rotate', (log) => log.rotate(), this.#model!, this.#synced);
  }

  async #addBase(): Promise<void> {
    const model = this.#model!;
    const log = this.#log!;
    const newest = Math.max(...model.bases);
    const cuts = this.#source.cuts(newest + 1, endOf(model.live));
    if (cuts.length === 0) return;
    const offset = this.#random.pick(cuts);
    const position = { id: log.history!.id, offset };
    const run = async () => {
      if (this.#random.integer(0, 1) === 1) await log.splitFor(position);
      await log.addBase({ ...(await this.#placeBase(log)), position });
    };
    await this.#do(`base at ${offset}`, run, addBaseNaively(model, offset), this.#synced);
  }

  async #shift(): Promise<void> {
    const id = this.#newId();
    const history = startHistory(id);
    await this.#do(
      `shift to ${id.slice(-4)}`,
      (log) => log.setHistory(history),
      shiftNaively(this.#model!, id),
      this.#synced,
    );
  }

  async #stepBack(): Promise<void> {
    const model = this.#model!;
    const cuts = this.#source.cuts(Math.min(...model.bases), endOf(model.live) - 1);
    if (cuts.length === 0) return;
    const offset = this.#random.pick(cuts);
    const run = async (log: Log) => {
      await log.stepBack(offset);
    };
    await this.#do(`back to ${offset}`, run, cutNaively(model, offset), offset, () => {
      this.#source.goBackTo(offset);
    });
  }

  async #letTimePass(): Promise<void> {
    const milliseconds = this.#random.pick([10, 300, 1500]);
    this.story.push(`${milliseconds} ms`);
    await this.#clock.pass(milliseconds);
    if (this.#random.integer(0, 20) === 0) {
      const jump = this.#random.pick([-5e6, 5e6]);
      this.story.push(`the clock jumps ${jump} ms`);
      this.#clock.jump(jump);
    }
    this.#noteSynced();
    if (!this.#failed) return;
    await this.#log?.close().catch(() => {});
    this.#log = undefined;
    await this.#open([this.#now()]);
  }

  async #close(): Promise<void> {
    this.story.push('close');
    const log = this.#log;
    this.#log = undefined;
    const all = this.#model && { log: this.#model, synced: endOf(this.#model.live) };
    try {
      await log?.close();
    } catch {
      return this.#open([this.#now()]);
    }
    await this.#open([all]);
  }

  async #crash(kind: 'process' | 'power'): Promise<void> {
    this.story.push(`crash: ${kind}`);
    this.#noteSynced();
    this.disk.crash(kind);
    this.#log = undefined;
    this.#clock.clear();
    this.#lostPower ||= kind === 'power';
    const now = this.#now();
    await this.#open([now && { ...now, whole: true }]);
  }

  /** Something will go wrong in one of the next operations. */
  async #failLater(): Promise<void> {
    const { disk } = this;
    const kind = this.#random.pick(['sync', 'write', 'process', 'power', 'power'] as const);
    let left = this.#random.integer(1, 12);
    this.story.push(`${kind} fails after ${left} operations`);
    if (kind === 'sync' || kind === 'write') {
      disk.failNext(kind, this.#random.pick(['ENOSPC', 'EIO']));
      return;
    }
    disk.onOperation = () => {
      if (--left > 0) return;
      disk.onOperation = undefined;
      this.#noteSynced();
      this.story.push(`  crash here: ${kind}`);
      this.#lostPower ||= kind === 'power';
      disk.crash(kind);
    };
  }

  /** Does something to the log that turns the model into `after`, unless it fails. */
  async #do(
    what: string,
    run: (log: Log) => Promise<void>,
    after: NaiveLog,
    synced: number,
    done: () => void = () => {},
  ): Promise<void> {
    this.story.push(what);
    const log = this.#log!;
    const process = this.disk.process;
    try {
      await run(log);
      this.#model = after;
      this.#synced = Math.max(synced, after.live === this.#model.live ? synced : 0);
      done();
      this.#noteSynced();
    } catch (error) {
      this.story.push(`  ${(error as Error).message}`);
      this.#noteSynced();
      // A base may stand in the file that is written to, and not in one before it.
      const isRefused = (error as { code?: string }).code === 'NOT_COVERED';
      const isAlive = process === this.disk.process;
      if (isRefused && isAlive) return;
      const before = this.#now();
      const changed = { log: after, synced: Math.min(synced, this.#synced, endOf(after.live)) };
      const fresh =
        after.live.start !== this.#model?.live.start ||
        after.live.ids[0]?.id !== this.#model.live.ids[0]?.id;
      const made = fresh ? { log: after, synced } : changed;
      const possible = isRefused ? [before] : [before, made];
      this.#log = undefined;
      if (isAlive) await log.close().catch(() => {});
      this.#clock.clear();
      await this.#open(possible, done);
    }
  }

  /** Opens the directory: it has to be one of these, and is taken for that from then on. */
  async #open(
    possible: readonly (Possible | undefined)[],
    changed: () => void = () => {},
  ): Promise<void> {
    for (let tries = 0; this.#log === undefined; tries++) {
      if (tries > 20) throw new Error('the log cannot be opened');
      const { process } = this.disk;
      try {
        this.#failed = false;
        this.#log = await Log.open(DIRECTORY, {
          disk: process,
          clock: this.#clock,
          rotateAt: 4000,
          onFailure: () => {
            this.#failed = true;
          },
        });
        const { failure } = this.#log;
        if (failure === undefined) continue;
        this.story.push(`open, to be read alone: ${failure.message}`);
        await this.#log.close();
        this.#log = undefined;
        this.#clock.clear();
      } catch (error) {
        const crashed = process !== this.disk.process;
        if (!crashed && (error as { code?: string }).code !== 'IO') throw error;
        this.story.push(`open: ${(error as Error).message}`);
      }
    }
    const { found } = this.#log;
    this.story.push(`open: ${found?.history.id.slice(-4)}:${found?.offset}`);
    const fitting = possible.filter((each) => fits(each, found, this.#lostPower));
    if (fitting.length === 0) {
      const expected = possible.map(
        (each) => each && `${idOf(each.log.live).slice(-4)}:${each.synced}-${endOf(each.log.live)}`,
      );
      throw new Error(
        `found ${found?.history.id.slice(-4)}:${found?.offset}, expected ${expected}`,
      );
    }
    this.#lostPower = false;
    const chosen = fitting.at(-1);
    if (chosen !== undefined && chosen === possible[1]) changed();
    this.#model = chosen && cutTo(chosen.log, found!.offset);
    this.#synced = found?.offset ?? 0;
    await this.#check();
  }

  async #check(): Promise<void> {
    if (this.#model === undefined) return;
    const log = this.#log!;
    const { past, live } = this.#model;
    const expected: NaiveSegment[] = [...past, live];
    const first = expected[0]!;
    const from = { id: idOf(first), offset: first.start };
    let at = 0;
    let read = 0;
    for await (const item of log.read(from, { follow: false })) {
      const segment = expected[at]!;
      if (item.type === 'reset') {
        if (read !== segment.bytes.length)
          throw new Error(`${read} bytes of ${segment.bytes.length}`);
        [at, read] = [at + 1, 0];
      } else if (item.type === 'rewound') throw new Error('nobody was there to be rewound');
      else {
        const same = Buffer.compare(
          item.bytes,
          segment.bytes.subarray(read, read + item.bytes.length),
        );
        if (same !== 0) throw new Error(`other bytes before ${item.id.slice(-4)}:${item.offset}`);
        read += item.bytes.length;
      }
    }
    if (at !== past.length || read !== live.bytes.length) {
      throw new Error(
        `read ${read} of ${live.bytes.length} bytes, segment ${at} of ${past.length}`,
      );
    }
    if (log.lowest !== Math.min(...this.#model.bases)) throw new Error(`lowest is ${log.lowest}`);
  }

  /** What was told to be synced has to stay. */
  #noteSynced(): void {
    const log = this.#log;
    if (log === undefined || this.#model === undefined) return;
    if (log.history?.id === idOf(this.#model.live)) {
      this.#synced = Math.max(this.#synced, Math.min(log.synced, endOf(this.#model.live)));
    }
  }

  #now(): Possible | undefined {
    return this.#model && { log: this.#model, synced: this.#synced };
  }

  async #placeBase(log: Log): Promise<NewBase> {
    const target = log.awaitBase();
    await writeWhole(this.disk.process, target.path, EMPTY_RDB);
    return { target, size: EMPTY_RDB.length, crc: crc32(EMPTY_RDB) };
  }

  #newId(): string {
    return String(++this.#ids).padStart(40, '0');
  }
}

function fits(possible: Possible | undefined, found: Log['found'], lostPower: boolean): boolean {
  if (possible === undefined || found === undefined) return possible === found;
  const { live } = possible.log;
  const named = found.history.id === idOf(live);
  const least = possible.whole && !lostPower ? endOf(live) : possible.synced;
  return named && found.offset >= least && found.offset <= endOf(live);
}

/** What is left of it: bytes that were not synced may be gone. */
function cutTo(log: NaiveLog, offset: number): NaiveLog {
  return { ...log, live: { ...log.live, bytes: log.live.bytes.slice(0, offset - log.live.start) } };
}
