import type { Position } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import type { Random } from '@forebay/testkit';
import { concatBytes, textOf } from '@forebay/testkit';
import { expect } from 'vitest';
import { Log } from '../src/index.ts';
import { A } from './directories.ts';
import { DIRECTORY, type Recording } from './restoring.ts';

export const COPY = '/copy';
const INNER = 'appendonlydir';
const set = (value: string) => encodeCommand(['SET', 'key', value]);

/** Copies files of the log that a recording writes, each at a moment of its own. */
export class Copying {
  readonly recording: Recording;

  constructor(recording: Recording) {
    this.recording = recording;
  }

  get names(): string[] {
    const prefix = `${DIRECTORY}/${INNER}/`;
    return this.recording.disk
      .paths()
      .flatMap((path) => (path.startsWith(prefix) ? [path.slice(prefix.length)] : []));
  }

  /** Copies a file as it is now; nothing where it is gone. `padded`: with zeros, as tar does. */
  take(name: string, padded = 0): void {
    const { disk } = this.recording;
    if (!disk.paths().includes(`${DIRECTORY}/${INNER}/${name}`)) return;
    const bytes = disk.peek(`${DIRECTORY}/${INNER}/${name}`);
    disk.poke(`${COPY}/${INNER}/${name}`, concatBytes([bytes, new Uint8Array(padded)]));
  }

  takeAll(names: readonly string[] = this.names): void {
    for (const name of names) this.take(name);
  }

  open(): Promise<Log> {
    const { process: disk, clock } = this.recording;
    return Log.open(COPY, { disk, clock, fsync: 'no' });
  }
}

/** A log that changes in every way, and a copy whose files are taken at moments in between, in any order. */
export class Changing {
  readonly copying: Copying;
  readonly #random: Random;
  /** All that was ever held, by the id that its end had. */
  readonly #truth = new Map<string, string>();
  #starts = new Map<string, number>();
  #stream = '';
  #start = 0;
  #cuts: number[] = [0];
  #ids = 0;
  #id = A;

  constructor(copying: Copying, random: Random) {
    this.copying = copying;
    this.#random = random;
  }

  async step(): Promise<void> {
    const { recording } = this.copying;
    const random = this.#random.integer(0, 29);
    recording.clock.advance(this.#random.pick([10, 300, 1000]));
    if (random < 1) await this.#begin();
    else if (random < 3) await this.#stepBack();
    else if (random < 5) await recording.log.rotate();
    else if (random < 7) await this.#addBase();
    else if (random < 8) await recording.log.retain({ time: 20_000 });
    else if (random < 9) await this.#restart();
    else if (random < 11) await recording.log.sync();
    else await this.#append();
  }

  /** Whether a stream is the beginning of what an id has named, from `start` on. */
  expectTrue({ id, offset }: Position, start: number, held: string): void {
    const truth = this.#truth.get(id) ?? '';
    const from = start - (this.#starts.get(id) ?? 0);
    expect(held).toHaveLength(offset - start);
    expect(truth.slice(from, from + held.length)).toBe(held);
  }

  async #begin(): Promise<void> {
    const id = this.#newId();
    this.#start = this.#random.integer(0, 500);
    this.#stream = '';
    this.#cuts = [this.#start];
    await this.copying.recording.begin(id, this.#start);
    this.#note();
  }

  async #append(): Promise<void> {
    const bytes = set(`${this.#cuts.length} ${'x'.repeat(this.#random.integer(0, 300))}`);
    // Anywhere in a command.
    const at = this.#random.integer(1, bytes.length);
    await this.copying.recording.append(bytes.subarray(0, at));
    if (at < bytes.length) await this.copying.recording.append(bytes.subarray(at));
    this.#stream += textOf(bytes);
    this.#cuts.push(this.#start + this.#stream.length);
    this.#note();
  }

  async #stepBack(): Promise<void> {
    const { lowest } = this.copying.recording.log;
    const offset = this.#random.pick(this.#cuts.filter((cut) => cut >= lowest!));
    await this.copying.recording.stepBack(offset, this.#newId());
    this.#stream = this.#stream.slice(0, offset - this.#start);
    this.#cuts = this.#cuts.filter((cut) => cut <= offset);
    this.#note();
  }

  async #addBase(): Promise<void> {
    const { log, boundary } = this.copying.recording;
    if (boundary.offset > log.base!.offset) await this.copying.recording.addBase(boundary.offset);
  }

  async #restart(): Promise<void> {
    await this.copying.recording.log.close();
    await this.copying.recording.reopen();
  }

  #note(): void {
    const known = this.#truth.get(this.#id) ?? '';
    if (this.#stream.length >= known.length) this.#truth.set(this.#id, this.#stream);
    this.#starts.set(this.#id, this.#start);
  }

  #newId(): string {
    this.#id = String(++this.#ids).padStart(40, '0');
    return this.#id;
  }
}
