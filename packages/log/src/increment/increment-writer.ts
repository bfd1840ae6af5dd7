import { crc32 } from 'node:zlib';
import type { Clock } from '@forebay/clock';
import type { Boundary } from '@forebay/psync';
import { closeQuietly } from '../disk/close-quietly.ts';
import type { Disk } from '../disk/disk.ts';
import { IndexWriter } from '../index-file/index-writer.ts';
import type { RecordWriter } from '../index-file/record.ts';
import { RECORD_SIZE, writerOf } from '../index-file/record.ts';
import type { Increment } from '../manifest/manifest.ts';
import { AppendFile } from './append-file.ts';
import { preambleOf, sizeUpTo } from './preamble.ts';
import type { SyncPolicy } from './syncer.ts';
import { Syncer } from './syncer.ts';

/** A span is closed at this many bytes, which a reader has in memory at once to check them. */
const SPAN_BYTES = 4 * 1024 * 1024;
/**
 * Milliseconds from a record to the arrival of the last bytes of the span after it: times are as
 * exact, and who wrote to the file later than that was not us.
 */
export const SPAN_TIME = 250;

export interface WriterOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly policy: SyncPolicy;
  readonly onSynced: () => void;
  readonly onSyncTime: (milliseconds: number) => void;
  readonly onFailure: (error: unknown) => void;
}

/** What an index that is gone on with says. */
export interface FoundIndex {
  /** Its records to keep. */
  readonly records: number;
  /** The offset that the last of them ends at. */
  readonly spanEnd: number;
  /** CRC-32 of the stream after that. */
  readonly spanCrc: number;
  /** When that was last written to, milliseconds since 1970. */
  readonly time: number;
  /** What is known to be on the disk: the stream up to this offset, and so many records. */
  readonly synced: number;
  readonly syncedRecords: number;
}

/** Where a stream stands. */
export interface StreamEnd {
  readonly offset: number;
  readonly boundary: Boundary;
}

/**
 * An increment being written: the stream's bytes, the index that vouches for them, and how far both
 * are synced. One call at a time.
 *
 * Invariant: a record is written when its span is, and before the sync that covers the span begins;
 * `synced` moves when both files have been synced. So after a power cut only spans after the last
 * record's `synced` are in doubt, and their CRCs decide.
 */
export class IncrementWriter {
  readonly increment: Increment;
  readonly #file: AppendFile;
  readonly #index: IndexWriter;
  readonly #clock: Clock;
  readonly #writer: RecordWriter;
  readonly #syncer: Syncer;
  #end: StreamEnd;
  /** The span that no record covers yet. */
  #spanEnd: number;
  #spanCrc = 0;
  #spanSince = 0;
  #lastTime: number;
  #adding: Promise<void> | undefined;
  #syncedRecords = 1;
  #syncFailed = false;

  private constructor(
    increment: Increment,
    file: AppendFile,
    index: IndexWriter,
    end: StreamEnd,
    writer: RecordWriter,
    options: WriterOptions,
    synced: number = end.offset,
  ) {
    this.increment = increment;
    this.#file = file;
    this.#index = index;
    this.#clock = options.clock;
    this.#writer = writer;
    this.#end = end;
    this.#spanEnd = end.offset;
    this.#lastTime = options.clock.now();
    this.#syncer = new Syncer({
      policy: options.policy,
      clock: options.clock,
      offset: synced,
      sync: async () => {
        const began = options.clock.elapsed();
        await this.#syncBoth();
        options.onSyncTime(options.clock.elapsed() - began);
      },
      onSynced: options.onSynced,
      onFailure: options.onFailure,
    });
  }

  /** Makes both files anew, synced; their names are not, yet. */
  static async create(
    directory: (name: string) => string,
    increment: Increment,
    options: WriterOptions,
  ): Promise<IncrementWriter> {
    const { startOffset, database } = increment;
    const { disk } = options;
    const end = { offset: startOffset, boundary: { offset: startOffset, database } };
    const file = await AppendFile.create(disk, directory(increment.name));
    let index: IndexWriter | undefined;
    try {
      await file.append(preambleOf(increment));
      index = await IndexWriter.create(disk, directory(increment.index), []);
      const by = await writerOf(disk, file.path);
      const writer = new IncrementWriter(increment, file, index, end, by, options);
      await writer.#record(startOffset);
      await Promise.all([file.sync(), index.sync()]);
      return writer;
    } catch (error) {
      await closeQuietly(index, file);
      throw error;
    }
  }

  /**
   * Opens both files to go on after `end`, which the index's first `records` vouch for, or this run
   * of the machine does; what stands after it goes. Synced, and recorded as this run's.
   */
  static async open(
    directory: (name: string) => string,
    increment: Increment,
    end: StreamEnd,
    found: FoundIndex,
    options: WriterOptions,
  ): Promise<IncrementWriter> {
    const writer = await IncrementWriter.begin(directory, increment, end, found, options);
    await writer.confirm(found.synced);
    return writer;
  }

  /** The first half of `open`, after which `confirm` is due: both files, and the record of this run. */
  static async begin(
    directory: (name: string) => string,
    increment: Increment,
    end: StreamEnd,
    found: FoundIndex,
    options: WriterOptions,
  ): Promise<IncrementWriter> {
    const { disk } = options;
    const size = sizeUpTo(increment, end.offset);
    const file = await AppendFile.open(disk, directory(increment.name), size);
    let index: IndexWriter | undefined;
    try {
      const { records, syncedRecords } = found;
      index = await IndexWriter.open(disk, directory(increment.index), records, syncedRecords);
      const by = await writerOf(disk, file.path);
      const writer = new IncrementWriter(increment, file, index, end, by, options);
      writer.#spanEnd = found.spanEnd;
      writer.#spanCrc = found.spanCrc;
      writer.#lastTime = found.time;
      // The record comes first: what is written to the file after all records would not seem ours.
      await writer.#record(found.synced);
      return writer;
    } catch (error) {
      await closeQuietly(index, file);
      throw error;
    }
  }

  /** The second half of `open`: what an earlier process has written, and perhaps never synced, is synced. */
  async confirm(syncedBefore: number): Promise<void> {
    try {
      await this.#file.rewrite(sizeUpTo(this.increment, syncedBefore));
      await Promise.all([this.#file.sync(), this.#index.sync()]);
      this.#syncedRecords = this.#index.count;
    } catch (error) {
      await closeQuietly(this);
      throw error;
    }
  }

  /** Opens both files to be read up to `end`: nothing is written, and nothing can be appended. */
  static async openToRead(
    directory: (name: string) => string,
    increment: Increment,
    end: StreamEnd,
    { records, synced }: FoundIndex,
    options: WriterOptions,
  ): Promise<IncrementWriter> {
    const { disk } = options;
    const size = sizeUpTo(increment, end.offset);
    const file = await AppendFile.open(disk, directory(increment.name), size);
    try {
      const index = await IndexWriter.open(disk, directory(increment.index), records, records);
      const by = await writerOf(disk, file.path);
      return new IncrementWriter(increment, file, index, end, by, options, synced);
    } catch (error) {
      await closeQuietly(file);
      throw error;
    }
  }

  get path(): string {
    return this.#file.path;
  }

  /** Bytes in the file, its SELECT included. */
  get size(): number {
    return this.#file.size;
  }

  /** Bytes in both files. */
  get bytes(): number {
    return this.#file.size + this.#index.count * RECORD_SIZE;
  }

  /** Bytes of the stream after `offset`, and of an index for the stream before it. */
  copiedBy(offset: number): number {
    const after = this.#file.size - sizeUpTo(this.increment, offset);
    return Math.min(Math.max(0, after), this.#file.size) + this.#index.count * RECORD_SIZE;
  }

  get end(): StreamEnd {
    return this.#end;
  }

  get written(): number {
    return this.#end.offset;
  }

  get synced(): number {
    return this.#syncer.synced;
  }

  /**
   * Whether the disk has refused a sync. Where only a record could not be written, say, nothing was
   * asked of it yet, and the stream is in the file as before.
   */
  get syncFailed(): boolean {
    return this.#syncFailed;
  }

  /**
   * Appends the next bytes; `boundary` is the last place up to their end where the stream may be cut.
   *
   * @throws {LogError} `IO`; `end` counts what was taken
   */
  async append(bytes: Uint8Array, boundary: Boundary): Promise<void> {
    const now = this.#clock.now();
    const open = this.#end.offset - this.#spanEnd;
    if (open > 0 && open + bytes.length > SPAN_BYTES) await this.#closeSpan();
    if (this.#isOld(now)) await this.#beginSpan(now);
    this.#lastTime = now;
    const before = this.#file.size;
    try {
      await this.#file.append(bytes);
    } finally {
      const taken = this.#file.size - before;
      this.#spanCrc = crc32(
        taken === bytes.length ? bytes : bytes.subarray(0, taken),
        this.#spanCrc,
      );
      const whole = taken === bytes.length;
      this.#end = {
        offset: this.#end.offset + taken,
        boundary: whole ? boundary : this.#end.boundary,
      };
    }
    const synced = this.#syncer.wrote(this.#end.offset);
    if (synced !== undefined) await synced;
  }

  /** Syncs what is written by now. @throws {LogError} `IO` */
  async flush(): Promise<void> {
    await this.#syncer.flush();
  }

  /** Covers all that is written by a record, so that the index says everything there is to say. */
  async settle(): Promise<void> {
    await this.#closeSpan();
  }

  /** Begins no further sync, and waits for the one that runs. */
  async stop(): Promise<void> {
    await this.#syncer.stop();
  }

  /**
   * Takes back what is not synced. After a sync that failed nobody knows what the disk has of it: the
   * system may have dropped the pages, and would answer the next sync well.
   */
  async withdraw(): Promise<void> {
    const { synced } = this;
    await this.#index.cut(this.#syncedRecords);
    await this.#file.cut(sizeUpTo(this.increment, synced));
    this.#end = { ...this.#end, offset: synced };
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#adding?.catch(() => {});
    try {
      await this.#index.close();
    } finally {
      await this.#file.close();
    }
  }

  /** A jump of the clock, in whichever direction, ends a span too. */
  #isOld(now: number): boolean {
    return Math.abs(now - this.#spanSince) > SPAN_TIME;
  }

  /** Without a record at its beginning, a span after an idle hour would seem to have come in it. */
  async #beginSpan(now: number): Promise<void> {
    await this.#closeSpan();
    this.#lastTime = now;
    this.#spanSince = now;
    await this.#addRecord();
  }

  async #syncBoth(): Promise<void> {
    await this.#closeSpan();
    const records = this.#index.count;
    const syncs = await Promise.allSettled([this.#file.sync(), this.#index.sync()]);
    // Both are over before anything is closed.
    for (const each of syncs) {
      if (each.status === 'fulfilled') continue;
      this.#syncFailed = true;
      throw each.reason;
    }
    this.#syncedRecords = records;
  }

  async #closeSpan(): Promise<void> {
    if (this.#end.offset !== this.#spanEnd) await this.#addRecord();
    else await this.#adding;
  }

  /** A sync and an append may both add one: one after the other. */
  async #addRecord(): Promise<void> {
    await this.#adding;
    this.#adding = this.#record(this.#syncer.synced);
    try {
      await this.#adding;
    } finally {
      this.#adding = undefined;
    }
  }

  async #record(synced: number): Promise<void> {
    const { offset, boundary } = this.#end;
    const crc = offset === this.#spanEnd ? 0 : this.#spanCrc;
    const time = this.#lastTime;
    this.#spanEnd = offset;
    this.#spanCrc = 0;
    await this.#index.add({ end: offset, boundary, time, crc, ...this.#writer, synced });
  }
}
