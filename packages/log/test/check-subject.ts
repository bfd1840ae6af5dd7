import { crc32 } from 'node:zlib';
import { StreamTracker, startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { concatBytes, randomFrom, SimulatedClock, SimulatedDisk, textOf } from '@forebay/testkit';
import { readManifest } from '../src/directory/open-directory.ts';
import { writeWhole } from '../src/disk/durable.ts';
import { sizeUpTo } from '../src/increment/preamble.ts';
import type { NewBase } from '../src/index.ts';
import { Log } from '../src/index.ts';
import { endOf, positionIn } from '../src/manifest/lineage.ts';
import { filesNamedBy, MANIFEST_NAME, startOf } from '../src/manifest/manifest.ts';
import { A, B, collect, EMPTY_RDB } from './directories.ts';

export const DIRECTORY = '/data';
export const INNER = `${DIRECTORY}/appendonlydir`;

export const PING: Uint8Array = encodeCommand(['PING']);
export const SET: Uint8Array = encodeCommand(['SET', 'key', 'value']);
export const TRANSACTION: Uint8Array = concatBytes([
  encodeCommand(['SELECT', '3']),
  encodeCommand(['MULTI']),
  SET,
  SET,
  encodeCommand(['EXEC']),
]);

/** A log on a simulated disk, for whoever damages it. */
export class Subject {
  readonly disk: SimulatedDisk;
  readonly clock = new SimulatedClock();
  /** What bases are made of. */
  rdb: Uint8Array = EMPTY_RDB;
  readonly #seed: number;
  #log: Log | undefined;
  #stream = new StreamTracker({ offset: 0 });

  constructor(seed = 1) {
    this.#seed = seed;
    this.disk = new SimulatedDisk({ random: randomFrom(seed), clock: this.clock });
  }

  get log(): Log {
    return this.#log!;
  }

  async open(): Promise<this> {
    const { clock } = this;
    this.#log = await Log.open(DIRECTORY, { disk: this.disk.process, clock });
    if (this.log.found !== undefined) this.#stream = this.log.found.stream;
    return this;
  }

  /** A full resync. */
  async begin(offset: number, database = 0, id = A): Promise<void> {
    const history = startHistory(id);
    const base = await this.#placedBase();
    await this.log.beginHistory({ ...base, history, offset, database, reason: 'a test' });
    this.#stream = new StreamTracker({ offset, database });
  }

  async addBase(): Promise<void> {
    const base = await this.#placedBase();
    const { offset } = this.#stream.boundary;
    await this.log.addBase({ ...base, position: { id: this.log.history!.id, offset } });
  }

  /** Appends, in a span of its own. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.appendAtOnce(bytes);
    await this.clock.pass(0);
  }

  /** The same, without a pause in which others run to their end. */
  async appendAtOnce(bytes: Uint8Array): Promise<void> {
    this.#stream.push(bytes);
    await this.log.append(bytes, this.#stream.boundary);
    this.clock.advance(300);
  }

  async stepBack(offset: number): Promise<void> {
    this.#stream = (await this.log.stepBack(offset)).stream;
  }

  /** Every file but the lock, by its path. */
  files(): Map<string, Uint8Array> {
    const paths = this.disk.paths().filter((path) => !path.endsWith('.lock'));
    return new Map(paths.map((path) => [path, this.disk.peek(path)]));
  }

  /** The same files on a disk of their own, in the same run of the machine. */
  copy(): Subject {
    const copy = new Subject(this.#seed);
    for (const [path, bytes] of this.files()) copy.disk.poke(path, bytes);
    while (copy.disk.bootId !== this.disk.bootId) copy.disk.crash('power');
    return copy;
  }

  async #placedBase(): Promise<NewBase> {
    const target = this.log.awaitBase();
    await writeWhole(this.disk.process, target.path, this.rdb);
    return { target, size: this.rdb.length, crc: crc32(this.rdb) };
  }
}

/**
 * A log with everything that one may have: a history that a full resync has replaced, a tail that was
 * rewound, two bases, files that follow each other, two ids, a cursor; torn at its end.
 */
export async function fullSubject(): Promise<Subject> {
  const subject = await new Subject().open();
  const { log } = subject;
  await subject.begin(50, 2, B);
  for (const bytes of [SET, PING]) await subject.append(bytes);
  await log.rotate();
  await subject.append(SET.subarray(0, 12));
  await subject.begin(1000);
  for (const bytes of [SET, TRANSACTION, PING]) await subject.append(bytes);
  await log.rotate();
  for (const bytes of [SET, SET, PING]) await subject.append(bytes);
  await subject.stepBack(log.written - PING.length - SET.length);
  await log.setHistory(startHistory('c'.repeat(40)));
  await subject.append(PING);
  await subject.addBase();
  await log.cursor('reader');
  for (const bytes of [TRANSACTION, SET, SET.subarray(0, 9)]) await subject.append(bytes);
  await removeSuperseded(subject);
  return subject;
}

/** What the next start would remove: it is no part of the log. */
async function removeSuperseded({ disk }: Subject): Promise<void> {
  const named = filesNamedBy((await readManifest(disk.process, DIRECTORY))!);
  for (const path of disk.paths().filter((each) => each.startsWith(`${INNER}/`))) {
    const name = path.slice(INNER.length + 1);
    if (name !== MANIFEST_NAME && !named.includes(name)) await disk.process.remove(path);
  }
}

/** What each segment holds, a character a byte, by its number; and that the log can be opened and read. */
export async function contentsOf({ disk, clock }: Subject): Promise<Map<number, string>> {
  await using log = await Log.open(DIRECTORY, { disk: disk.process, clock });
  const manifest = (await readManifest(disk.process, DIRECTORY))!;
  const contents = new Map<number, string>();
  for (const segment of [...manifest.past, manifest.live]) {
    const { number, increments } = segment;
    const from = positionIn(segment, startOf(segment));
    let text = '';
    for (const [i, increment] of increments.entries()) {
      const end = increments[i + 1]?.startOffset ?? endOf(segment, log.written);
      const bytes = disk.peek(`${INNER}/${increment.name}`);
      text += textOf(bytes.subarray(sizeUpTo(increment, increment.startOffset))).slice(
        0,
        end - increment.startOffset,
      );
    }
    contents.set(number, text);
    if (segment !== manifest.live) continue;
    const read = await collect(log.read(from, { follow: false, segment: number }));
    if (read !== text) throw new Error(`segment ${number} is read as ${JSON.stringify(read)}`);
  }
  return contents;
}
