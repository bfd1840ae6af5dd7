import { textOf } from '../bytes/text.ts';
import type { DataType } from '../format/events.ts';

/** More prefixes than this are counted together: what is kept in memory has an end. */
const MOST_PREFIXES = 100_000;

/** A key that was measured. */
export interface MeasuredKey {
  /** A copy of its name. */
  readonly key: Uint8Array;
  readonly database: number;
  readonly dataType: DataType;
  readonly encoding: string;
  readonly elements: number;
  /** Bytes in the RDB, with the key and its times. */
  readonly file: number;
  /** Bytes in memory, as estimated. */
  readonly memory: number;
}

/** The sums of several keys, in bytes. */
export interface MemoryTotal {
  keys: number;
  file: number;
  memory: number;
}

export interface MemoryTotalsOptions {
  /** How many of the largest keys and prefixes are reported; 10 by default. */
  readonly top?: number;
  /** The end of a prefix; `:` by default. If it is empty, keys have no prefix. */
  readonly delimiter?: Uint8Array;
  /** Number of delimiters in a prefix; 1 by default. */
  readonly depth?: number;
}

const COLON = Uint8Array.of(0x3a);

/** Sums up the memory of keys by type and by prefix, and collects the largest keys. */
export class MemoryTotals {
  readonly all: MemoryTotal = nothing();
  readonly #types = new Map<string, MemoryTotal>();
  /** One character per byte; '' is the entry of keys without a prefix. */
  readonly #prefixes = new Map<string, MemoryTotal>();
  /** Of keys whose prefixes were too many. */
  readonly #others = nothing();
  /** The largest first. */
  readonly largest: MeasuredKey[] = [];
  readonly #top: number;
  readonly #delimiter: Uint8Array;
  readonly #depth: number;

  constructor({ top = 10, delimiter = COLON, depth = 1 }: MemoryTotalsOptions = {}) {
    this.#top = top;
    this.#delimiter = delimiter;
    this.#depth = depth;
  }

  /** The types in the RDB, the largest first. */
  get types(): [type: string, total: MemoryTotal][] {
    return largestFirst(this.#types);
  }

  /** The largest prefixes, one character per byte, and the sum of all others. '' is the entry of keys without a prefix. */
  get prefixes(): { largest: [prefix: string, total: MemoryTotal][]; others: MemoryTotal } {
    const all = largestFirst(this.#prefixes);
    const others = nothing();
    for (const [, total] of all.slice(this.#top)) add(others, total);
    add(others, this.#others);
    return { largest: all.slice(0, this.#top), others };
  }

  add(key: MeasuredKey): void {
    const one = { keys: 1, file: key.file, memory: key.memory };
    add(this.all, one);
    add(totalOf(this.#types, key.dataType), one);
    add(this.#prefixTotal(key.key), one);
    const least = this.largest.at(-1);
    const isFull = this.largest.length >= this.#top;
    if (isFull && (least === undefined || key.memory <= least.memory)) return;
    const place = this.largest.findIndex(({ memory }) => memory < key.memory);
    this.largest.splice(place < 0 ? this.largest.length : place, 0, key);
    if (isFull) this.largest.pop();
  }

  #prefixTotal(name: Uint8Array): MemoryTotal {
    const prefix = this.#prefixOf(name);
    if (this.#prefixes.size < MOST_PREFIXES) return totalOf(this.#prefixes, prefix);
    return this.#prefixes.get(prefix) ?? this.#others;
  }

  #prefixOf(name: Uint8Array): string {
    if (this.#delimiter.length === 0) return '';
    let end = 0;
    for (let i = 0; i < this.#depth; i++) {
      const found = indexOf(name, this.#delimiter, end);
      if (found < 0) break;
      end = found + this.#delimiter.length;
    }
    return textOf(name.subarray(0, end));
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, i) => byte === bytes[at + i])) return at;
  }
  return -1;
}

function largestFirst(totals: ReadonlyMap<string, MemoryTotal>): [string, MemoryTotal][] {
  return [...totals].sort(([, a], [, b]) => b.memory - a.memory);
}

function nothing(): MemoryTotal {
  return { keys: 0, file: 0, memory: 0 };
}

function totalOf(totals: Map<string, MemoryTotal>, name: string): MemoryTotal {
  let total = totals.get(name);
  if (total === undefined) {
    total = nothing();
    totals.set(name, total);
  }
  return total;
}

function add(total: MemoryTotal, { keys, file, memory }: MemoryTotal): void {
  total.keys += keys;
  total.file += file;
  total.memory += memory;
}
