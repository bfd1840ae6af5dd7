import type { Position } from '@forebay/psync';
import { decideResync, startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import type { Random } from '@forebay/testkit';
import { randomFrom, runSeed, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { LogError, LogView } from '../src/index.ts';
import { startOf } from '../src/manifest/manifest.ts';
import { parseManifest } from '../src/manifest/parse.ts';
import { A, B } from './directories.ts';
import { DIRECTORY, Recording } from './restoring.ts';

const [C, D] = ['c'.repeat(40), 'd'.repeat(40)];
const SET = encodeCommand(['SET', 'key', 'value']);
const LENGTH = SET.length;
const MANIFEST = `${DIRECTORY}/appendonlydir/appendonly.aof.manifest`;
const INCREMENT = `${DIRECTORY}/appendonlydir/appendonly.aof.3.incr.aof`;

const manifestOf = ({ disk }: Recording) => parseManifest(textOf(disk.peek(MANIFEST)), MANIFEST);

/** A log from 0 on: two commands under `A`, then `B`. */
async function underTwoIds(): Promise<Recording> {
  const recording = await Recording.begun();
  await recording.append(SET, SET);
  await recording.log.setHistory(startHistory(B));
  return recording;
}

/** Every way in which an id stops being one of the history: `B` names the first command in all of them. */
const WAYS: readonly [string, () => Promise<Recording>][] = [
  [
    'a step back to where it began',
    async () => {
      const recording = await underTwoIds();
      await recording.append(SET, SET);
      await recording.stepBack(2 * LENGTH, C);
      return recording;
    },
  ],
  [
    'a step back to before it began',
    async () => {
      const recording = await underTwoIds();
      await recording.append(SET, SET);
      await recording.stepBack(LENGTH, C);
      return recording;
    },
  ],
  [
    'a step back before a byte came under it',
    async () => {
      const recording = await underTwoIds();
      await recording.stepBack(2 * LENGTH, C);
      return recording;
    },
  ],
  [
    'a step back to before it began, before a byte came under it',
    async () => {
      const recording = await underTwoIds();
      await recording.stepBack(LENGTH, C);
      return recording;
    },
  ],
  [
    'two steps back',
    async () => {
      const recording = await underTwoIds();
      await recording.append(SET);
      await recording.stepBack(2 * LENGTH, C);
      await recording.append(SET);
      await recording.stepBack(LENGTH, D);
      return recording;
    },
  ],
  [
    'a power cut that took its bytes, and a step back',
    async () => {
      const recording = await underTwoIds();
      await recording.append(SET, SET);
      const synced = recording.disk.durable(INCREMENT)!;
      recording.disk.crash('power');
      recording.disk.poke(INCREMENT, synced);
      await recording.reopen();
      expect(recording.log.written).toBe(2 * LENGTH);
      await recording.stepBack(2 * LENGTH, C);
      return recording;
    },
  ],
  [
    'a step back whose tail is deleted',
    async () => {
      const recording = await underTwoIds();
      await recording.append(SET, SET);
      await recording.stepBack(2 * LENGTH, C);
      await recording.append(SET);
      await recording.log.retain({ time: 0 });
      expect(manifestOf(recording).past).toEqual([]);
      return recording;
    },
  ],
  [
    'three more ids after it',
    async () => {
      const recording = await underTwoIds();
      await recording.append(SET, SET);
      await recording.stepBack(2 * LENGTH, C);
      for (const digit of '789') {
        await recording.append(SET);
        await recording.log.setHistory(startHistory(digit.repeat(40)));
      }
      await recording.log.close();
      await recording.reopen();
      return recording;
    },
  ],
];

const SHARED: Position = { id: B, offset: LENGTH };

describe.each(WAYS)('an id given up by %s names the bytes that are still held', (_, dropped) => {
  it('for a cursor', async () => {
    const recording = await dropped();
    await recording.append(SET);
    const cursor = await recording.log.cursor('feed', SHARED);
    const { value } = await cursor.read({ follow: false }).next();
    expect(value).toMatchObject({ type: 'stream', segment: 1 });
    await recording.log.close();
  });

  it('for a reader in another process, and a feed that continues from a checkpoint', async () => {
    const recording = await dropped();
    await using view = await LogView.open(DIRECTORY, { disk: recording.process });
    const boundary = { offset: LENGTH, database: 0 };
    expect(await view.boundaryAt(SHARED)).toEqual(boundary);
    await recording.log.close();
  });

  it('for a restore', async () => {
    const recording = await dropped();
    expect((await recording.restored({ position: SHARED })).reached.offset).toBe(LENGTH);
    await recording.log.close();
  });

  it('for a replica, and no others', async () => {
    const recording = await dropped();
    await recording.append(SET, SET);
    const { history, olderIds, written: offset } = recording.log;
    const held = { history: history!, olderIds, firstByte: 1, offset };
    const answer = (next: number) => decideResync({ id: B, offset: next }, held);
    expect(answer(LENGTH + 1)).toEqual({ type: 'continue', after: LENGTH });
    expect(answer(2 * LENGTH + 2)).toMatchObject({ type: 'full', cause: 'past-shift' });
    await recording.log.close();
  });
});

it('an id names no bytes that replaced bytes lost in a power loss', async () => {
  const [, dropped] = WAYS[5]!;
  const recording = await dropped();
  await recording.append(SET, SET);
  const items = recording.log.read({ id: B, offset: 3 * LENGTH }, { follow: false });
  expect((await items.next()).value).toMatchObject({ type: 'rewound', to: { offset: 2 * LENGTH } });
  await recording.log.close();
});

it('an id in a segment that a full resync replaced is held until that is deleted', async () => {
  const recording = await underTwoIds();
  await recording.append(SET);
  await recording.stepBack(2 * LENGTH, C);
  await recording.append(SET);
  await recording.begin(D, 1000);
  const read = async () => {
    const items = recording.log.read(SHARED, { follow: false });
    const item = await items.next();
    await items.return();
    return item;
  };
  expect((await read()).value).toMatchObject({ type: 'stream', segment: 1 });
  await recording.log.retain({ time: 0 });
  await expect(read()).rejects.toThrow(expect.objectContaining({ code: 'NOT_COVERED' }));
  await recording.log.close();
});

it('the discarded ends of a segment are deleted with it, independent of their times', async () => {
  const recording = await Recording.begun();
  await recording.append(SET, SET);
  recording.clock.jump(3_600_000);
  await recording.stepBack(LENGTH, B);
  recording.clock.jump(-3_600_000);
  await recording.begin(C, 1000);
  await recording.log.retain({ time: 0 });
  expect(manifestOf(recording).past).toEqual([]);
  await recording.log.close();
});

it('ids under deleted bytes leave the manifest, however many failovers there were', async () => {
  const recording = await Recording.begun();
  for (let i = 1; i <= 50; i++) {
    await recording.append(SET, SET);
    const end = recording.log.written;
    await recording.log.setHistory(startHistory(String(2 * i).padStart(40, 'e')));
    await recording.append(SET);
    await recording.stepBack(end, String(2 * i + 1).padStart(40, 'e'));
    await recording.append(SET);
    recording.clock.advance(1000);
    await recording.addBase(recording.log.written);
    await recording.log.retain({ time: 5000 });
  }
  const { ids, aliases } = manifestOf(recording).live;
  expect(ids.length).toBeLessThan(10);
  expect(aliases.length).toBeLessThan(10);
  expect(aliases.length).toBeGreaterThan(2);
  await recording.log.close();
});

/** What was held at some time under an id. */
interface Moment {
  readonly id: string;
  readonly end: number;
  readonly stream: string;
  /** Offset of the last byte that what is live has in common with it. */
  shared: number;
  /** Offset of the last of its bytes that was not lost in a power cut. */
  kept: number;
}

const RUNS = 24;
const STEPS = 40;

/** Fails over, crashes and deletes at random, and knows which bytes each id has named. */
class Wandering {
  readonly recording: Recording;
  readonly #random: Random;
  #moments: Moment[] = [];
  #cuts = [0];
  #stream = '';
  #id = A;
  #ids = 0;
  #commands = 0;
  readonly #deletes: boolean;
  /** Whether the power was cut. */
  wasCut = false;

  constructor(recording: Recording, random: Random) {
    this.recording = recording;
    this.#random = random;
    this.#deletes = random.integer(0, 1) === 1;
  }

  async step(): Promise<void> {
    const { recording } = this;
    const random = this.#random.integer(0, 19);
    recording.clock.advance(1000);
    if (random < 4) await this.#stepBack();
    else if (random < 6) await this.#shift();
    else if (random < 7) await recording.log.rotate();
    else if (random < 8) await this.#addBase();
    else if (random < 9 && this.#deletes) await recording.log.retain({ time: 8000 });
    else if (random < 10) await this.#cutPower();
    else if (random < 12) await recording.log.sync();
    else await this.#append();
  }

  /** Every position that was ever handed out, by every way to resolve it. */
  async check(): Promise<void> {
    const start = startOf(manifestOf(this.recording).live);
    const { lowest, history, olderIds, written: offset } = this.recording.log;
    const held = { history: history!, olderIds, firstByte: lowest! + 1, offset };
    for (const { id, end, shared, kept, stream } of this.#moments) {
      const cuts = [...stream.matchAll(/\*\d\r\n/g)].map(({ index }) => index);
      for (const at of [...cuts, end]) {
        const isShared = at <= shared;
        await this.#checkRead({ id, offset: at }, isShared, isShared ? at : shared, start);
        const answer = decideResync({ id, offset: at + 1 }, held).type;
        expect([answer, at]).toEqual([isShared && at >= lowest! ? 'continue' : 'full', at]);
        if (at <= kept && this.#random.integer(0, 2) === 0)
          await this.#checkRestore({ id, offset: at }, stream.slice(0, at));
      }
    }
  }

  async #checkRead(at: Position, isShared: boolean, goesOn: number, start: number): Promise<void> {
    const items = this.recording.log.read(at, { follow: false });
    try {
      const { value } = await items.next();
      expect(goesOn).toBeGreaterThanOrEqual(start);
      if (!isShared) expect(value).toMatchObject({ type: 'rewound', to: { offset: goesOn } });
      else if (value !== undefined) expect(value).toMatchObject({ type: 'stream' });
      else expect(at.offset).toBe(this.#stream.length);
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') throw error;
      if (goesOn < start) return;
      throw new Error(`${at.id}:${at.offset} is not found, and ${start} to ${goesOn} are held`);
    } finally {
      await items.return();
    }
  }

  async #checkRestore(position: Position, stream: string): Promise<void> {
    try {
      const restored = await this.recording.restored({ position });
      expect(restored.reached.offset).toBe(position.offset);
      expect(stream.endsWith(restored.stream)).toBe(true);
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') throw error;
      const isLive = this.#stream.startsWith(stream);
      // The base before it, or the tail that it is in, was deleted.
      if (!this.#deletes || (isLive && this.recording.log.lowest! <= position.offset)) throw error;
    }
  }

  async #append(): Promise<void> {
    const words = ['SET', 'k', 'x'.repeat(this.#random.integer(0, 60)), String(this.#commands++)];
    const bytes = encodeCommand(words);
    await this.recording.append(bytes);
    this.#stream += textOf(bytes);
    this.#cuts.push(this.#stream.length);
    this.#note();
  }

  async #stepBack(): Promise<void> {
    const { lowest, written } = this.recording.log;
    const cuts = this.#cuts.filter((cut) => cut >= lowest! && cut <= written);
    const offset = this.#random.pick(cuts);
    this.#goBack(offset);
    await this.recording.stepBack(offset, this.#newId());
    this.#note();
  }

  async #shift(): Promise<void> {
    await this.recording.log.setHistory(startHistory(this.#newId()));
    this.#note();
  }

  async #addBase(): Promise<void> {
    const { log } = this.recording;
    const last = manifestOf(this.recording).live.increments.at(-1)!.startOffset;
    const cuts = this.#cuts.filter((cut) => cut > Math.max(last, log.base!.offset));
    if (cuts.length > 0) await this.recording.addBase(this.#random.pick(cuts));
  }

  /** What is lost is followed by another history: a primary that was promoted meanwhile. */
  async #cutPower(): Promise<void> {
    this.wasCut = true;
    const end = this.#stream.length;
    this.recording.disk.crash('power');
    await this.recording.reopen();
    const { offset, stream } = this.recording.log.found!;
    const to = stream.boundary.offset;
    for (const moment of this.#moments) {
      if (moment.shared === moment.end) moment.kept = Math.min(moment.kept, offset);
    }
    if (offset < end || to < offset) this.#goBack(to);
    await this.recording.stepBack(to, this.#newId());
    this.#note();
  }

  #goBack(offset: number): void {
    this.#stream = this.#stream.slice(0, offset);
    this.#cuts = this.#cuts.filter((cut) => cut <= offset);
    for (const moment of this.#moments) moment.shared = Math.min(moment.shared, offset);
  }

  #note(): void {
    const end = this.#stream.length;
    const moment = { id: this.#id, end, stream: this.#stream, shared: end, kept: end };
    const known = this.#moments.find((each) => each.id === moment.id);
    if (known?.shared === known?.end) this.#moments = this.#moments.filter((m) => m !== known);
    this.#moments.push(moment);
  }

  #newId(): string {
    this.#id = String(++this.#ids).padStart(40, '0');
    return this.#id;
  }
}

it('after any failovers, crashes and deletions, a position names the same bytes or is reported as lost', async () => {
  const seed = runSeed();
  let cuts = 0;
  for (let run = 0; run < RUNS; run++) {
    const recording = await Recording.open(seed + run);
    await recording.begin(A, 0);
    const wandering = new Wandering(recording, randomFrom(seed + run));
    try {
      for (let step = 0; step < STEPS; step++) await wandering.step();
      await wandering.check();
      await recording.log.close();
      expect(recording.disk.openFiles).toBe(0);
    } catch (error) {
      (error as Error).message += `, FOREBAY_SEED=${seed + run}`;
      throw error;
    }
    if (wandering.wasCut) cuts++;
  }
  expect(cuts).toBeGreaterThan(0);
}, 120_000);
