import { pathIn } from '../directory/paths.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { LogError, orLogError } from '../errors.ts';
import { AppendFile } from '../increment/append-file.ts';
import type { RecordWriter } from '../index-file/record.ts';
import { decodeRecord, encodeRecord, RECORD_SIZE, writerOf } from '../index-file/record.ts';
import type { Base, Increment } from '../manifest/manifest.ts';
import type { RecoveredEnd } from '../recovery/recovered-end.ts';

export interface CopyOptions {
  /** Called as the copy advances: bytes copied or shared so far, and bytes of the log. */
  readonly onProgress?: (progress: { readonly read: number; readonly total: number }) => void;
  /** When it aborts, what was written is removed, and the signal's reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Bytes read at once: a multiple of the size of a record. */
const AT_ONCE = 1024 * 1024;

/** A file of the copy: what it was made from, and how large it is. */
interface Copied {
  readonly source: string;
  readonly size: number;
  readonly linked: boolean;
}

/**
 * The files of a copy, brought up to date with those of a log again and again. A byte of an increment never changes
 * under one identity of the file, so that what was copied before is kept.
 */
export class FileCopies {
  readonly #disk: Disk;
  readonly #from: string;
  readonly #to: string;
  readonly #options: CopyOptions;
  readonly #copied = new Map<string, Copied>();
  #read = 0;
  #total = 0;

  constructor(disk: Disk, from: string, to: string, options: CopyOptions) {
    this.#disk = disk;
    this.#from = from;
    this.#to = to;
    this.#options = options;
  }

  /** Bytes of all files. */
  get bytes(): number {
    return [...this.#copied.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Bytes of the hard links. */
  get linked(): number {
    return [...this.#copied.values()].reduce((sum, each) => sum + (each.linked ? each.size : 0), 0);
  }

  /** Begins a pass over files of `total` bytes. */
  begin(total: number): void {
    this.#read = 0;
    this.#total = total;
  }

  /** @throws {LogError} `CORRUPT` where the file is shorter than the manifest says; `IO` */
  async base({ name, size, crc, offset }: Base): Promise<void> {
    const source = `${offset} ${crc}`;
    const before = this.#copied.get(name);
    if (before?.source === source && before.size === size) return this.#advance(size);
    const [from, to] = this.#pathsOf(name);
    await orLogError(to, 'removing', () => this.#disk.remove(to));
    const linked = await succeeds(() => this.#disk.link(from, to));
    if (linked) this.#advance(size);
    else await this.#bring(from, to, 0, size);
    this.#copied.set(name, { source, size, linked });
  }

  /** The first `size` bytes of an increment. @throws {LogError} `CORRUPT`, `IO` */
  async stream({ name }: Increment, size: number): Promise<void> {
    const [from, to] = this.#pathsOf(name);
    const { identity: source } = await orLogError(from, 'reading', () => this.#disk.stat(from));
    const before = this.#copied.get(name);
    const kept = before?.source === source ? Math.min(before.size, size) : 0;
    this.#advance(kept);
    if (before?.source === source && before.size === size) return;
    await this.#bring(from, to, kept, size);
    this.#copied.set(name, { source, size, linked: false });
  }

  /**
   * The index of an increment whose stream is copied. Its records name the copied file. With `end`, of the increment
   * that is written to: a record of what follows the last one is added.
   *
   * @throws {LogError} `IO`
   */
  async index({ name, index }: Increment, end: RecoveredEnd | undefined): Promise<void> {
    const [from, to] = this.#pathsOf(index);
    const { identity, size } = await orLogError(from, 'reading', () => this.#disk.stat(from));
    const source = `${identity} ${size} ${this.#copied.get(name)?.source}`;
    if (end === undefined && this.#copied.get(index)?.source === source) return;
    const writer = await writerOf(this.#disk, pathIn(this.#to, name));
    const records = end?.index.records ?? Math.floor(size / RECORD_SIZE);
    const file = await AppendFile.create(this.#disk, to);
    try {
      for await (const bytes of this.#piecesOf(from, 0, records * RECORD_SIZE)) {
        await file.append(recordsFor(writer, bytes));
      }
      if (end !== undefined) await file.append(recordOfTail(writer, end));
      await file.sync();
      // An index that may have got a record of its own is copied anew by each pass.
      const made = end === undefined ? source : '';
      this.#copied.set(index, { source: made, size: file.size, linked: false });
    } finally {
      await file.close();
    }
  }

  /** Removes the files of earlier passes that the manifest does not name any more. @throws {LogError} `IO` */
  async keepOnly(names: readonly string[]): Promise<void> {
    const named = new Set(names);
    for (const name of this.#copied.keys()) {
      if (named.has(name)) continue;
      const path = pathIn(this.#to, name);
      await orLogError(path, 'removing', () => this.#disk.remove(path));
      this.#copied.delete(name);
    }
  }

  /** Copies a file from `kept` bytes on, of which the copy has as many, and syncs it. */
  async #bring(from: string, to: string, kept: number, size: number): Promise<void> {
    const have = kept > 0 ? kept : await this.#cloned(from, to, size);
    const open = () => AppendFile.open(this.#disk, to, have);
    const file = have > 0 ? await open() : await AppendFile.create(this.#disk, to);
    try {
      for await (const bytes of this.#piecesOf(from, have, size)) {
        await file.append(bytes);
        this.#advance(bytes.length);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** How many bytes the copy has that share blocks with the file. */
  async #cloned(from: string, to: string, size: number): Promise<number> {
    await orLogError(to, 'removing', () => this.#disk.remove(to));
    if (!(await succeeds(() => this.#disk.clone(from, to)))) return 0;
    const stat = await orLogError(to, 'reading', () => this.#disk.stat(to));
    const have = Math.min(stat.size, size);
    this.#advance(have);
    return have;
  }

  /** The bytes of a file from `place` up to `end`; each piece is valid until the next. */
  async *#piecesOf(path: string, place: number, end: number): AsyncGenerator<Uint8Array, void> {
    if (place >= end) return;
    const buffer = new Uint8Array(Math.min(AT_ONCE, end - place));
    const file = await orLogError(path, 'opening', () => this.#disk.open(path, 'read'));
    try {
      for (let at = place; at < end; ) {
        this.#options.signal?.throwIfAborted();
        const length = await this.#readInto(path, file, buffer.subarray(0, end - at), at);
        yield buffer.subarray(0, length);
        at += length;
      }
    } finally {
      await file.close();
    }
  }

  async #readInto(path: string, file: DiskFile, into: Uint8Array, at: number): Promise<number> {
    const length = await orLogError(path, 'reading', () => file.read(into, at));
    if (length === into.length) return length;
    const message = `${path} has ${at + length} bytes, fewer than its manifest or index says`;
    throw new LogError('CORRUPT', path, message);
  }

  #pathsOf(name: string): [from: string, to: string] {
    return [pathIn(this.#from, name), pathIn(this.#to, name)];
  }

  #advance(bytes: number): void {
    this.#options.signal?.throwIfAborted();
    this.#read += bytes;
    this.#options.onProgress?.({ read: this.#read, total: this.#total });
  }
}

/** Whether a file system does what not every one can; a copy byte by byte reports any other reason. */
async function succeeds(share: () => Promise<void>): Promise<boolean> {
  try {
    await share();
    return true;
  } catch {
    return false;
  }
}

/** Whole records as `writer` would have written them; a damaged one stays as it is. */
function recordsFor(writer: RecordWriter, bytes: Uint8Array): Uint8Array {
  const records = bytes.slice();
  for (let at = 0; at < records.length; at += RECORD_SIZE) {
    const record = decodeRecord(records.subarray(at, at + RECORD_SIZE));
    if (record !== undefined) records.set(encodeRecord({ ...record, ...writer }), at);
  }
  return records;
}

/** What follows the last record has none yet. */
function recordOfTail(writer: RecordWriter, { stream, index }: RecoveredEnd): Uint8Array {
  if (stream.offset === index.spanEnd) return new Uint8Array(0);
  const { offset: end, boundary } = stream;
  const { time, spanCrc: crc } = index;
  return encodeRecord({ ...writer, end, boundary, time, crc, synced: end });
}
