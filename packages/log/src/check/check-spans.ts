import type { Boundary } from '@forebay/psync';
import type { DiskFile } from '../disk/disk.ts';
import { placeOf } from '../increment/preamble.ts';
import type { IndexReader } from '../index-file/index-reader.ts';
import type { IndexRecord } from '../index-file/record.ts';
import { flippedBit } from './flipped-bit.ts';
import type { StreamWalk } from './stream-walk.ts';
import { boundaryUpTo } from './stream-walk.ts';
import type { StretchNotes } from './stretch.ts';

/** What a stream and its index are compared by. */
export interface SpanCheckOptions {
  readonly file: DiskFile;
  readonly path: string;
  readonly walk: StreamWalk;
  /** Undefined where there is none. */
  readonly index: IndexReader | undefined;
  readonly notes: StretchNotes;
  /** Offset of the last byte that is there and belongs there. */
  readonly limit: number;
  /** Offset of the last byte that is to be there; undefined where nobody said. */
  readonly expected: number | undefined;
  /** Offset after which bytes may differ from those written, because of a power loss or a copy. */
  readonly synced: number;
  /** The cause. */
  readonly isCopy: boolean;
}

/**
 * Compares the records of an index with the stream they speak of: each span's checksum, the commands
 * in it, and that the place a record names is one where the stream may be cut.
 */
export class SpanCheck {
  readonly #options: SpanCheckOptions;
  /** The last place up to which nothing is wrong. */
  #safe: Boundary;
  /** The place that the last record names. */
  #named: Boundary;
  /** Whether it is known where the next record's span begins. */
  #chained = true;
  /** Offset of the last byte of what cannot be followed. */
  #lostUpTo = -1;
  #spans = 0;
  #doubtedAfter: number | undefined;

  constructor(options: SpanCheckOptions) {
    const { startOffset: offset, database } = options.notes.increment;
    this.#options = options;
    this.#safe = { offset, database };
    this.#named = this.#safe;
  }

  /** The last place up to which nothing is wrong. */
  get safe(): Boundary {
    return this.#safe;
  }

  /** How many spans were compared. */
  get spans(): number {
    return this.#spans;
  }

  /** Offset after which nothing was synced and nothing can be vouched for; undefined: all is. */
  get doubtedAfter(): number | undefined {
    return this.#doubtedAfter;
  }

  /** Compares the first `count` records; false where what comes next is of no use. @throws {LogError} `IO` */
  async run(count: number): Promise<boolean> {
    const { index } = this.#options;
    if (index === undefined) return true;
    let number = 0;
    for await (const record of index.from(0, count)) {
      if (!(await this.#check(number, record))) return false;
      number++;
    }
    return true;
  }

  /** Follows what comes after the last record, up to the end. @throws {LogError} `IO` */
  async runOn(): Promise<void> {
    const { walk, limit, synced } = this.#options;
    if (synced !== Infinity && walk.offset < limit) {
      this.#doubt(walk.offset);
      return;
    }
    await walk.to(limit);
    if (walk.refusal !== undefined) await this.#refused();
    else if (walk.boundary !== undefined) this.#safe = walk.boundary;
  }

  async #check(number: number, record: IndexRecord | undefined): Promise<boolean> {
    const { walk, limit, notes } = this.#options;
    const { offset: start } = walk;
    const odd = record === undefined ? 'is not what was written' : this.#oddity(number, record);
    if (record !== undefined && odd === undefined && record.end <= limit) {
      return this.#compare(number, record);
    }
    // The first has no span: without it the next start goes nowhere, and the others are as good.
    const isFirst = number === 0;
    if (!isFirst && start >= this.#options.synced) return this.#doubt(start);
    if (record !== undefined && odd === undefined && this.#isShort(record)) return false;
    notes.indexDamage(
      number,
      `record ${number + 1} ${odd ?? 'is of more than the file is to hold'}`,
    );
    this.#chained &&= isFirst;
    return true;
  }

  /** Why a record cannot be one of this index, whatever the stream holds. */
  #oddity(number: number, { end, boundary, synced }: IndexRecord): string | undefined {
    const { startOffset, database } = this.#options.notes.increment;
    if (number === 0) {
      const isFirst = end === startOffset && same(boundary, { offset: startOffset, database });
      return isFirst ? undefined : 'is not of the place where the file begins';
    }
    const { offset } = boundary;
    const inOrder = end >= this.#options.walk.offset && offset >= this.#named.offset;
    if (!inOrder) return 'goes back behind the one before it';
    return offset <= end && synced <= end ? undefined : 'names a place that it is before';
  }

  /** Whether it is the file that has lost what the record speaks of. */
  #isShort({ end }: IndexRecord): boolean {
    const { notes, limit, expected } = this.#options;
    if (expected !== undefined) return expected > limit;
    notes.damage(limit + 1, `is cut: it held the stream up to offset ${end}`, this.#safe);
    return true;
  }

  async #compare(number: number, { end, boundary, crc }: IndexRecord): Promise<boolean> {
    const { walk, notes } = this.#options;
    const start = walk.offset;
    const chained = this.#chained;
    if (!chained && start >= this.#options.synced) return this.#doubt(start);
    walk.crc = 0;
    const stands = await this.#readSpan(end, boundary);
    if (chained && walk.crc !== crc) {
      if (start >= this.#options.synced) return this.#doubt(start);
      this.#damagedSpan(start, end, crc);
    } else if (walk.refusal !== undefined) await this.#refused();
    else if (!stands) {
      const { offset, database } = boundary;
      const what = `the stream cannot be cut after offset ${offset} in database ${database}`;
      if (chained) notes.indexDamage(number, `record ${number + 1} is wrong: ${what}`);
      else notes.damage(start + 1, `is not what was written: ${what}`, this.#safe);
    } else if (walk.boundary !== undefined) {
      if (notes.cut === undefined) this.#safe = walk.boundary;
      // The first place that a whole span names after the damage.
      else if (chained) notes.resume ??= boundary;
    }
    this.#chained = true;
    this.#named = boundary;
    if (end > start) this.#spans++;
    return true;
  }

  /** Reads a span, and tells whether the stream may be cut where its record says. */
  async #readSpan(end: number, named: Boundary): Promise<boolean> {
    const { walk } = this.#options;
    const start = walk.offset;
    const before = walk.boundary;
    if (before === undefined && named.offset >= Math.max(start, this.#lostUpTo)) {
      await walk.to(named.offset);
      walk.resume(named);
    }
    if (named.offset <= start) {
      const stood = before === undefined || same(named, before) || (await this.#stood(named));
      await walk.to(end);
      return stood;
    }
    await walk.to(named.offset);
    const stands = walk.boundary === undefined || same(named, walk.boundary);
    await walk.to(end);
    return stands;
  }

  /** The writer was cut short, and named an older place than it might have. */
  async #stood(named: Boundary): Promise<boolean> {
    if (same(named, this.#named)) return true;
    const { file, path, notes } = this.#options;
    const from = this.#named;
    return same(named, await boundaryUpTo(file, path, notes.increment, from, named.offset));
  }

  #damagedSpan(start: number, end: number, crc: number): void {
    const { walk, notes } = this.#options;
    const flipped = flippedBit(walk.crc, crc, end - start);
    const first = placeOf(notes.increment, start + 1);
    const range = `offsets ${start + 1} to ${end} are not what was written`;
    if (flipped === undefined) {
      const bytes = `bytes ${first} to ${placeOf(notes.increment, end)}`;
      notes.damage(start + 1, `${range} (${bytes})`, this.#safe);
    } else {
      const what = `${range}: bit ${flipped.bit} of this byte is flipped`;
      const offset = start + 1 + flipped.place;
      notes.damage(offset, what, this.#safe);
      const [from, to] = [first, first + end - start];
      notes.flips.push({ bit: flipped.bit, place: first + flipped.place, offset, from, to });
    }
    this.#lose(end);
  }

  async #refused(): Promise<void> {
    const { walk, notes, file, path } = this.#options;
    const { offset, command, what } = walk.refusal!;
    const { increment } = notes;
    const from = this.#safe;
    const safe =
      notes.cut ??
      (await boundaryUpTo(file, path, increment, from, Math.max(from.offset, command - 1)));
    notes.damage(offset, `the command at offset ${command} is none: ${what}`, safe);
    this.#safe = safe;
    this.#lose(offset);
  }

  #lose(upTo: number): void {
    this.#options.walk.lose();
    this.#lostUpTo = upTo;
  }

  #doubt(after: number): false {
    const why = this.#options.isCopy
      ? 'is incomplete in this copy'
      : 'was not synced before the machine went down, and is incomplete';
    this.#options.notes.warning(
      after + 1,
      `${why}: the next start continues after offset ${after}`,
    );
    this.#doubtedAfter = after;
    return false;
  }
}

function same(a: Boundary, b: Boundary): boolean {
  return a.offset === b.offset && a.database === b.database;
}
