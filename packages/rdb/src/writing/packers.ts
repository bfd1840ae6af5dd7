import { RdbError } from '../format/errors.ts';
import type { RdbElement } from '../format/events.ts';
import { Output, type OutputOptions } from './output.ts';
import { ListpackBuilder, ZiplistBuilder } from './pack-builders.ts';
import type { Packer } from './shape.ts';
import { differenceOf, type StreamId, streamIdOf } from './stream-id.ts';

type Item = Extract<RdbElement, { type: 'item' }>;
type Entry = Extract<RdbElement, { type: 'entry' }>;

/** What a node of a list is: one element that is large, or a listpack (`quicklist.h`). */
const [PLAIN, PACKED] = [1, 2];
/** Bytes of a node, as `list-max-listpack-size` has it by default. */
const NODE_BYTES = 8192;

/** Nodes of a list as servers have written them from 3.2 to 6.2: each is a ziplist. */
export class OldListPacker implements Packer {
  readonly #ziplist: ZiplistBuilder;
  readonly #memory: Output;

  constructor(options: OutputOptions) {
    this.#ziplist = new ZiplistBuilder(options);
    this.#memory = new Output(options, 1024);
  }

  get isEmpty(): boolean {
    return this.#ziplist.count === 0;
  }

  get isFull(): boolean {
    return this.#ziplist.length >= NODE_BYTES;
  }

  add(element: RdbElement): void {
    this.#ziplist.string((element as Item).value);
  }

  flush(out: Output): void {
    this.#ziplist.flush(out, this.#memory);
  }

  reset(): void {
    this.#ziplist.clear();
  }
}

/** Nodes of a list, as servers have written them since 7.0. */
export class ListPacker implements Packer {
  readonly #listpack: ListpackBuilder;
  readonly #memory: Output;
  readonly #large: Output;
  #hasLarge = false;

  constructor(options: OutputOptions) {
    this.#listpack = new ListpackBuilder(options);
    this.#memory = new Output(options, 1024);
    this.#large = new Output(options, 1024);
  }

  get isEmpty(): boolean {
    return this.#listpack.count === 0 && !this.#hasLarge;
  }

  get isFull(): boolean {
    return this.#hasLarge || this.#listpack.length >= NODE_BYTES;
  }

  /** An element that is large is held apart, in case that it stays alone. */
  add(element: RdbElement): void {
    const { value } = element as Item;
    if (this.isEmpty && value.length > NODE_BYTES) {
      this.#hasLarge = true;
      this.#large.append(value);
      return;
    }
    this.#unite();
    this.#listpack.string(value);
  }

  /** A node without elements is one too: servers pass over it. */
  flush(out: Output): void {
    out.number(this.#hasLarge ? PLAIN : PACKED);
    if (this.#hasLarge) out.string(this.#large.bytes);
    else this.#listpack.flush(out, this.#memory);
    this.reset();
  }

  reset(): void {
    this.#hasLarge = false;
    this.#large.clear();
    this.#listpack.clear();
  }

  #unite(): void {
    if (!this.#hasLarge) return;
    this.#listpack.string(this.#large.bytes);
    this.#hasLarge = false;
    this.#large.clear();
  }
}

/** Flags of an entry in a node (`stream.h`). */
const SAME_FIELDS = 2;
/** `stream-node-max-entries` and `stream-node-max-bytes`, as they are by default. */
const [NODE_ENTRIES, STREAM_NODE_BYTES] = [100, 4096];

/** Nodes of a stream (`t_stream.c: streamAppendItem`): the first entry's id and fields, then what differs. */
export class StreamPacker implements Packer {
  readonly #entries: ListpackBuilder;
  readonly #whole: ListpackBuilder;
  readonly #memory: Output;
  /** The names of the fields of the first entry, one behind the other, and where each ends. */
  readonly #names: Output;
  #nameEnds: number[] = [];
  #first: StreamId = { ms: 0, sequence: 0 };
  #count = 0;
  /** The id of the first entry of the value. */
  firstId: StreamId = this.#first;
  #isFirst = true;

  constructor(options: OutputOptions) {
    this.#entries = new ListpackBuilder(options);
    this.#whole = new ListpackBuilder(options);
    this.#memory = new Output(options, 1024);
    this.#names = new Output(options, 1024);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count >= NODE_ENTRIES || this.#entries.length >= STREAM_NODE_BYTES;
  }

  add(element: RdbElement): void {
    const { id, fields } = element as Entry;
    const { ms, sequence } = streamIdOf(id);
    if (fields.length % 2 !== 0) throw invalid(`the entry ${id} has a field without a value`);
    if (this.#count === 0) this.#begin({ ms, sequence }, fields);
    this.#count++;
    const entries = this.#entries;
    const start = entries.count;
    const isSame = this.#hasNames(fields);
    entries.integer(isSame ? SAME_FIELDS : 0);
    entries.integer(differenceOf(ms, this.#first.ms));
    entries.integer(differenceOf(sequence, this.#first.sequence));
    if (!isSame) entries.integer(fields.length / 2);
    for (let i = isSame ? 1 : 0; i < fields.length; i += isSame ? 2 : 1) entries.string(fields[i]!);
    entries.integer(entries.count - start);
  }

  flush(out: Output): void {
    if (this.#count === 0) throw invalid('a node of a stream has no entries');
    const memory = this.#memory;
    memory.clear();
    memory.u64BigEndian(this.#first.ms);
    memory.u64BigEndian(this.#first.sequence);
    out.string(memory.bytes);
    const whole = this.#whole;
    // How many entries there are, and how many were deleted; the fields; and where those end.
    for (const number of [this.#count, 0, this.#nameEnds.length]) whole.integer(number);
    let start = 0;
    for (const end of this.#nameEnds) {
      whole.string(this.#names.bytes.subarray(start, end));
      start = end;
    }
    whole.integer(0);
    whole.append(this.#entries);
    whole.flush(out, memory);
    this.#clear();
  }

  reset(): void {
    this.#clear();
    this.#isFirst = true;
    this.firstId = { ms: 0, sequence: 0 };
  }

  #clear(): void {
    this.#entries.clear();
    this.#whole.clear();
    this.#count = 0;
  }

  #begin(id: StreamId, fields: readonly Uint8Array[]): void {
    if (this.#isFirst) this.firstId = id;
    this.#isFirst = false;
    this.#first = id;
    this.#names.clear();
    this.#nameEnds = [];
    for (let i = 0; i < fields.length; i += 2) {
      this.#names.append(fields[i]!);
      this.#nameEnds.push(this.#names.length);
    }
  }

  #hasNames(fields: readonly Uint8Array[]): boolean {
    const ends = this.#nameEnds;
    if (fields.length !== 2 * ends.length) return false;
    const names = this.#names.bytes;
    let at = 0;
    for (let i = 0; i < ends.length; i++) {
      const name = fields[2 * i]!;
      if (name.length !== ends[i]! - at) return false;
      for (let j = 0; j < name.length; j++) if (name[j] !== names[at++]) return false;
    }
    return true;
  }
}

function invalid(message: string): RdbError {
  return new RdbError('INVALID_VALUE', 0, message);
}
