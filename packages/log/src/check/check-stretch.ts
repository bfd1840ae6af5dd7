import { statNamed } from '../directory/stat-named.ts';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { IncrementReader } from '../increment/increment-reader.ts';
import { endOffsetOf, preambleOf } from '../increment/preamble.ts';
import { IndexReader } from '../index-file/index-reader.ts';
import type { RecordWriter } from '../index-file/record.ts';
import { isOfThisRun, RECORD_SIZE, writerOf } from '../index-file/record.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import { bootedError } from '../manifest/parse.ts';
import { recoverEnd } from '../recovery/recover-end.ts';
import type { RecoveredEnd } from '../recovery/recovered-end.ts';
import { SpanCheck } from './check-spans.ts';
import { isUnreadable, whatOf } from './finding.ts';
import { StreamWalk } from './stream-walk.ts';
import type { Stretch, StretchState } from './stretch.ts';
import { expectedEnd, StretchNotes } from './stretch.ts';

/**
 * Whether a file of stream and its index hold what was written, and fit to the file after them. The
 * file that is written to may end anywhere; what its index does not speak of yet is followed only.
 *
 * @throws {LogError} `IO`
 */
export async function checkStretch(
  disk: Disk,
  pathOf: (name: string) => string,
  stretch: Stretch,
  onRead: (bytes: number) => void,
): Promise<StretchState> {
  const check = new StretchCheck(disk, pathOf, stretch, onRead);
  try {
    return await check.run();
  } finally {
    await check.close();
  }
}

class StretchCheck {
  readonly #disk: Disk;
  readonly #pathOf: (name: string) => string;
  readonly #stretch: Stretch;
  readonly #onRead: (bytes: number) => void;
  readonly #notes: StretchNotes;
  #file: DiskFile | undefined;
  #index: IndexReader | undefined;

  constructor(
    disk: Disk,
    pathOf: (name: string) => string,
    stretch: Stretch,
    onRead: (bytes: number) => void,
  ) {
    this.#disk = disk;
    this.#pathOf = pathOf;
    this.#stretch = stretch;
    this.#onRead = onRead;
    this.#notes = new StretchNotes(stretch.increment);
  }

  async run(): Promise<StretchState> {
    const { increment } = this.#stretch;
    const start = { offset: increment.startOffset, database: increment.database };
    // A record is written after the bytes it speaks of. Counted before them, each speaks of what is there.
    const records = await this.#openIndex();
    const size = await this.#openFile();
    if (this.#file === undefined || size === undefined) return this.#state(start.offset, false);
    await this.#checkPreamble(this.#file);
    const walk = new StreamWalk(this.#file, this.#path, increment, this.#onRead);
    const held = Math.max(start.offset, endOffsetOf(increment, size));
    const expected = expectedEnd(this.#stretch);
    const limit = Math.min(held, expected ?? held);
    const spans = new SpanCheck({
      file: this.#file,
      path: this.#path,
      walk,
      index: this.#index,
      notes: this.#notes,
      limit,
      expected,
      synced: await this.#syncedOf(records),
      isCopy: this.#stretch.copied !== undefined,
    });
    await this.#readAll(walk, spans, records, limit);
    const vouched = spans.doubtedAfter;
    if (vouched === undefined) this.#checkEnd(walk, spans, held, size);
    return this.#state(vouched ?? limit, vouched !== undefined, walk.commands, spans.spans);
  }

  async close(): Promise<void> {
    await closeQuietly(this.#index, this.#file);
  }

  get #path(): string {
    return this.#pathOf(this.#stretch.increment.name);
  }

  /** How many records there are; 0 without an index. */
  async #openIndex(): Promise<number> {
    const path = this.#pathOf(this.#stretch.increment.index);
    const notes = this.#notes;
    try {
      const { size } = await statNamed(this.#disk, path);
      this.#index = await IndexReader.open(this.#disk, path);
      const records = await this.#index.count();
      if (records === 0) notes.indexDamage(0, 'has no record');
      const isLast = this.#stretch.end === undefined && this.#stretch.closedSize === undefined;
      if (size % RECORD_SIZE !== 0 && !isLast) {
        notes.indexDamage(records, `has ${size % RECORD_SIZE} bytes after its last record`);
      }
      return records;
    } catch (error) {
      if (!isDamage(error)) throw error;
      notes.indexDamage(0, whatOf(error));
      return 0;
    }
  }

  /** Bytes in the file; undefined without one. */
  async #openFile(): Promise<number | undefined> {
    try {
      await statNamed(this.#disk, this.#path);
      this.#file = await orLogError(this.#path, 'opening', () =>
        this.#disk.open(this.#path, 'read'),
      );
      const file = this.#file;
      return await orLogError(this.#path, 'reading', () => file.size());
    } catch (error) {
      if (!isDamage(error)) throw error;
      const { startOffset: offset, database } = this.#stretch.increment;
      this.#notes.damage(offset + 1, whatOf(error), { offset, database }, 0);
      return undefined;
    }
  }

  async #checkPreamble(file: DiskFile): Promise<void> {
    const { increment } = this.#stretch;
    const expected = preambleOf(increment);
    const found = new Uint8Array(expected.length);
    try {
      await orLogError(this.#path, 'reading', () => file.read(found, 0));
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#notes.preambleDamage(0, whatOf(error));
      return;
    }
    const place = expected.findIndex((byte, i) => byte !== found[i]);
    if (place === -1) return;
    const what = `does not begin with the SELECT ${increment.database} that the manifest says`;
    this.#notes.preambleDamage(place, what);
  }

  /**
   * Offset up to which everything was synced in an earlier run of the machine; Infinity in this one. Of a copy,
   * where a start goes on.
   */
  async #syncedOf(records: number): Promise<number> {
    const { increment, end, closedSize, copied } = this.#stretch;
    if (end !== undefined || closedSize !== undefined) return Infinity;
    if (copied !== undefined) {
      const found = await orRefusal(this.#disk, this.#pathOf, increment, copied);
      return typeof found === 'string' ? Infinity : found.index.spanEnd;
    }
    const writer = await this.#writerNow();
    for (let number = records - 1; number >= 0; number--) {
      const record = await this.#index?.at(number);
      if (record === undefined) continue;
      const isOfNow = writer !== undefined && isOfThisRun(this.#disk, record, writer);
      return isOfNow ? Infinity : record.synced;
    }
    return Infinity;
  }

  /** The record of the current writer; undefined if the file was removed meanwhile. */
  async #writerNow(): Promise<RecordWriter | undefined> {
    try {
      return await writerOf(this.#disk, this.#path);
    } catch (error) {
      if (isUnreadable(error)) return undefined;
      throw error;
    }
  }

  async #readAll(
    walk: StreamWalk,
    spans: SpanCheck,
    records: number,
    limit: number,
  ): Promise<void> {
    const notes = this.#notes;
    const goesOn = await this.#reading(walk, spans, () => spans.run(records));
    if (!goesOn) return;
    const recorded = { end: walk.offset, safe: spans.safe };
    if (notes.hasIndex && recorded.end < limit && expectedEnd(this.#stretch) !== undefined) {
      notes.indexDamage(records, `ends at offset ${recorded.end}, and should go on to ${limit}`);
    }
    await this.#reading(walk, spans, async () => {
      await spans.runOn();
      return true;
    });
    const refusal = await this.#refusalOfNextStart();
    if (refusal !== undefined) notes.damage(recorded.end + 1, refusal, recorded.safe);
  }

  /** Runs what reads the two files. What the medium does not give is noted; false where the stream is. */
  async #reading(
    walk: StreamWalk,
    spans: SpanCheck,
    run: () => Promise<boolean>,
  ): Promise<boolean> {
    try {
      return await run();
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      if (error.path !== this.#path) {
        this.#notes.indexDamage(0, whatOf(error));
        return true;
      }
      this.#notes.damage(walk.offset + 1, whatOf(error), spans.safe);
      return false;
    }
  }

  /** Why the next start would not go on from here, where all that could be compared is well. */
  async #refusalOfNextStart(): Promise<string | undefined> {
    const { increment } = this.#stretch;
    const { findings } = this.#notes;
    const isLast = this.#stretch.end === undefined && this.#stretch.closedSize === undefined;
    if (!isLast || findings.some(({ severity }) => severity === 'error')) return undefined;
    const found = await orRefusal(this.#disk, this.#pathOf, increment, this.#stretch.copied ?? {});
    return typeof found === 'string' ? found : undefined;
  }

  /** Whether the file ends where the next one, or the manifest, says. */
  #checkEnd(walk: StreamWalk, spans: SpanCheck, held: number, size: number): void {
    const { end, nextDatabase, closedSize } = this.#stretch;
    const notes = this.#notes;
    const expected = expectedEnd(this.#stretch);
    if (expected === undefined) return;
    if (held < expected) {
      const what = `ends at offset ${held}, and should hold the stream up to ${expected}`;
      notes.damage(held + 1, what, spans.safe, size);
    } else if (held > expected && end === undefined) {
      const what = `had ${closedSize} bytes when it was closed, and has changed since`;
      notes.damage(expected + 1, whatOf(bootedError(this.#path, what)), spans.safe);
    } else if (held > expected) {
      const what = `goes on for ${held - expected} bytes that are no part of it`;
      notes.warning(expected + 1, what);
    }
    const found = walk.boundary;
    if (nextDatabase === undefined || found === undefined || walk.offset < expected) return;
    if (found.offset === expected && found.database === nextDatabase) return;
    const what =
      found.offset === expected
        ? `ends in database ${found.database}, and the next file begins in ${nextDatabase}`
        : 'ends inside of a command or a transaction, and another file follows';
    notes.damage(expected, what, spans.safe);
  }

  #state(end: number, isDoubted: boolean, commands = 0, spans = 0): StretchState {
    const { findings, cut, resume, flips, hasPreamble, hasIndex } = this.#notes;
    return {
      findings,
      end,
      isDoubted,
      commands,
      spans,
      flips,
      hasPreamble,
      hasIndex,
      ...(cut === undefined ? {} : { cut }),
      ...(resume === undefined || !hasIndex ? {} : { resume }),
    };
  }
}

/** The position at which a start continues an increment, or why it cannot. @throws {LogError} `IO` */
async function orRefusal(
  disk: Disk,
  pathOf: (name: string) => string,
  increment: Increment,
  end: Pick<Manifest, 'closedSize' | 'limit'>,
): Promise<RecoveredEnd | string> {
  let reader: IncrementReader | undefined;
  try {
    reader = await IncrementReader.open(disk, pathOf, increment);
    return await recoverEnd(disk, reader, end);
  } catch (error) {
    if (isUnreadable(error) || (error instanceof LogError && error.code !== 'IO')) {
      return whatOf(error);
    }
    throw error;
  } finally {
    await closeQuietly(reader);
  }
}

/** What is there is not what should be, or cannot be had. */
function isDamage(error: unknown): error is LogError {
  return isUnreadable(error) || (error instanceof LogError && error.code === 'CORRUPT');
}
