import { encodeCommand } from '@forebay/resp';
import type { Random } from '@forebay/testkit';
import { bytesOf, concatBytes, randomFrom, runSeed, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { LogError } from '../src/index.ts';
import { formatManifest } from '../src/manifest/format.ts';
import { parseManifest } from '../src/manifest/parse.ts';
import { B } from './directories.ts';
import type { Result } from './restoring.ts';
import { Recording } from './restoring.ts';

const C = 'c'.repeat(40);
const RUNS = 30;
const STEPS = 40;

/** What the log held after an append: its place, and all of the stream from the first base on. */
interface Moment {
  readonly position: { readonly id: string; readonly offset: number };
  readonly time: number;
  readonly stream: string;
}

/** A log that goes on, back and over to other histories, and what it was at each moment. */
class Wandering {
  readonly recording: Recording;
  readonly moments: Moment[] = [];
  readonly #random: Random;
  #stream = '';
  #start = 0;
  #bases: number[] = [];
  #ids = 0;
  #commands = 0;

  constructor(recording: Recording, random: Random) {
    this.recording = recording;
    this.#random = random;
  }

  async step(): Promise<void> {
    const { recording } = this;
    recording.clock.advance(1000);
    const dice = this.#random.integer(0, 19);
    if (this.moments.length === 0 || dice === 0) await this.#begin();
    else if (dice <= 2) await this.#stepBack();
    else if (dice === 3) await recording.log.rotate();
    else if (dice === 4) await this.#addBase();
    else await this.#append();
  }

  /** Where the stream can be cut, from the oldest base that is held. */
  get #cuts(): number[] {
    const first = this.recording.log.lowest;
    const ends = [...this.#stream.matchAll(/\*\d\r\n/g)].map(({ index }) => this.#start + index);
    return [...ends, this.#start + this.#stream.length].filter((end) => end >= first!);
  }

  async #begin(): Promise<void> {
    this.#start = this.#random.integer(0, 500);
    this.#stream = '';
    this.#bases = [this.#start];
    await this.recording.begin(this.#newId(), this.#start);
    this.#note();
  }

  async #append(): Promise<void> {
    const words = ['SET', 'key', String(this.#commands++), 'x'.repeat(this.#random.integer(0, 99))];
    const bytes = encodeCommand(words);
    await this.recording.append(bytes);
    this.#stream += textOf(bytes);
    this.#note();
  }

  async #stepBack(): Promise<void> {
    const end = this.#start + this.#stream.length;
    const cuts = this.#cuts.filter((cut) => cut < end);
    if (cuts.length === 0) return;
    const offset = this.#random.pick(cuts);
    await this.recording.stepBack(offset, this.#newId());
    this.#stream = this.#stream.slice(0, offset - this.#start);
    this.#bases = this.#bases.filter((base) => base <= offset);
    this.recording.clock.advance(1000);
    // One thing has to come before the next step back, to have something to go back from.
    await this.#append();
  }

  async #addBase(): Promise<void> {
    const newest = this.#bases.at(-1)!;
    const cuts = this.#cuts.filter((cut) => cut > newest);
    if (cuts.length === 0) return;
    const offset = this.#random.pick(cuts);
    try {
      await this.recording.addBase(offset);
      this.#bases.push(offset);
    } catch (error) {
      // It can stand in the file that is written to, and not in one before.
      if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') throw error;
    }
  }

  #note(): void {
    const { position, clock } = this.recording;
    this.moments.push({ position, time: clock.now(), stream: this.#stream });
  }

  #newId(): string {
    return String(++this.#ids).padStart(40, '0');
  }
}

/** What is restored is the moment's stream, from whichever base. */
async function expectMoment(recording: Recording, moment: Moment, byTime: boolean): Promise<void> {
  const { reached } = await expectWasThen(recording, moment, byTime);
  expect(reached.offset).toBe(moment.position.offset);
}

/** What is restored is what the log held at the moment, or before. */
async function expectWasThen(
  recording: Recording,
  { position, time, stream }: Moment,
  byTime: boolean,
): Promise<Result> {
  const result = await recording.restored(byTime ? { time } : { position });
  const later = position.offset - result.reached.offset;
  expect(later).toBeGreaterThanOrEqual(0);
  const expected = stream.slice(0, stream.length - later);
  expect(expected.slice(expected.length - result.stream.length)).toBe(result.stream);
  return result;
}

describe('a log that was taken back and replaced', () => {
  it('is restored as it was at each moment, by position and by time', async () => {
    const seed = runSeed();
    for (let run = 0; run < RUNS; run++) {
      const random = randomFrom(seed + run);
      const recording = await Recording.open(seed + run);
      const wandering = new Wandering(recording, random);
      try {
        for (let step = 0; step < STEPS; step++) await wandering.step();
        for (const moment of wandering.moments) {
          await expectMoment(recording, moment, false);
          await expectMoment(recording, moment, true);
        }
        await recording.log.close();
        expect(recording.disk.openFiles).toBe(0);
      } catch (error) {
        (error as Error).message += `, FOREBAY_SEED=${seed + run}`;
        throw error;
      }
    }
  }, 120_000);

  it('as far as retention keeps it: other moments are refused, and never others in their place', async () => {
    const seed = runSeed();
    let refused = 0;
    for (let run = 0; run < RUNS; run++) {
      const random = randomFrom(seed + run);
      const recording = await Recording.open(seed + run);
      const wandering = new Wandering(recording, random);
      for (let step = 0; step < STEPS; step++) {
        await wandering.step();
        if (random.integer(0, 4) === 0) await recording.log.retain({ time: 10_000 });
      }
      for (const moment of wandering.moments) {
        try {
          // Where a tail was dropped, the time before it was taken is that of what it was taken from.
          await expectWasThen(recording, moment, true);
          await expectMoment(recording, moment, false);
        } catch (error) {
          if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') {
            (error as Error).message += `, FOREBAY_SEED=${seed + run}`;
            throw error;
          }
          refused++;
        }
      }
      await expectMoment(recording, wandering.moments.at(-1)!, false);
      await recording.log.close();
    }
    expect(refused).toBeGreaterThan(0);
  }, 120_000);

  it('never on the way of another tail, where its own is gone', async () => {
    const recording = await Recording.begun();
    const commands = Array.from({ length: 6 }, (_, i) => encodeCommand(['SET', 'key', String(i)]));
    const [length] = commands.map((command) => command.length);
    for (const command of commands.slice(0, 3)) await recording.append(command);
    const lost = recording.position;
    // The tail begins after the second command, and what leads there is taken back next.
    await recording.stepBack(2 * length!, B);
    await recording.append(commands[3]!);
    await recording.stepBack(length!, C);
    for (const command of commands.slice(4)) await recording.append(command);
    const expected = textOf(concatBytes(commands.slice(0, 3)));
    expect((await recording.restored({ position: lost })).stream).toBe(expected);

    const path = '/data/appendonlydir/appendonly.aof.manifest';
    await recording.log.close();
    const manifest = parseManifest(textOf(recording.disk.peek(path)), path);
    const past = manifest.past.slice(0, 1);
    recording.disk.poke(path, bytesOf(formatManifest({ ...manifest, past })));
    await expect(recording.restored({ position: lost })).rejects.toThrow(
      expect.objectContaining({ code: 'NOT_COVERED' }),
    );
  });
});
