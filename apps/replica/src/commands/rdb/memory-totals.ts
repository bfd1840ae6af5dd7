import type { DataType } from '@forebay/rdb';
import { ByteSink } from '../../output/byte-sink.ts';

/** More prefixes than this are counted together: what is kept in memory has an end. */
const MOST_PREFIXES = 100_000;

/** A key that was measured. */
export interface Sized {
  readonly database: number;
  readonly dataType: DataType;
  readonly encoding: string;
  readonly elements: number;
  /** Bytes in the file. */
  readonly file: number;
  /** Bytes in memory, as estimated. */
  readonly memory: number;
}

/** What several keys take together. */
export interface Total {
  keys: number;
  file: number;
  memory: number;
}

export interface Largest extends Sized {
  readonly key: Uint8Array;
}

export interface TotalsOptions {
  /** How many of the largest are kept. */
  readonly top: number;
  readonly delimiter: Uint8Array;
  readonly depth: number;
}

/** Adds up what keys take. */
export class MemoryTotals {
  readonly all: Total = nothing();
  readonly types: Map<string, Total> = new Map();
  /** By prefix, one character a byte; '' is of keys that have none. */
  readonly prefixes: Map<string, Total> = new Map();
  /** Of keys whose prefixes were too many. */
  readonly others: Total = nothing();
  /** The largest first. */
  readonly largest: Largest[] = [];
  readonly top: number;
  readonly #delimiter: Uint8Array;
  readonly #depth: number;
  readonly #name = new ByteSink(4096);

  constructor({ top, delimiter, depth }: TotalsOptions) {
    this.top = top;
    this.#delimiter = delimiter;
    this.#depth = depth;
  }

  /** Notes the name of the key that is to be added next; its bytes need not last. */
  name(key: Uint8Array): void {
    this.#name.cutTo(0);
    this.#name.add(key);
  }

  add(sized: Sized): void {
    count(this.all, sized);
    count(totalOf(this.types, sized.dataType), sized);
    count(this.#prefixTotal(), sized);
    const least = this.largest.at(-1);
    const isFull = this.largest.length >= this.top;
    if (isFull && (least === undefined || sized.memory <= least.memory)) return;
    const place = this.largest.findIndex(({ memory }) => memory < sized.memory);
    const entry = { ...sized, key: Uint8Array.from(this.#name.view) };
    this.largest.splice(place < 0 ? this.largest.length : place, 0, entry);
    if (isFull) this.largest.pop();
  }

  #prefixTotal(): Total {
    const prefix = this.#prefix();
    if (this.prefixes.size < MOST_PREFIXES) return totalOf(this.prefixes, prefix);
    return this.prefixes.get(prefix) ?? this.others;
  }

  #prefix(): string {
    const name = this.#name.view;
    if (this.#delimiter.length === 0) return '';
    let end = 0;
    for (let i = 0; i < this.#depth; i++) {
      const found = name.indexOf(this.#delimiter, end);
      if (found < 0) break;
      end = found + this.#delimiter.length;
    }
    return name.toString('latin1', 0, end);
  }
}

function nothing(): Total {
  return { keys: 0, file: 0, memory: 0 };
}

function totalOf(totals: Map<string, Total>, name: string): Total {
  let total = totals.get(name);
  if (total === undefined) {
    total = nothing();
    totals.set(name, total);
  }
  return total;
}

function count(total: Total, { file, memory }: Sized): void {
  total.keys++;
  total.file += file;
  total.memory += memory;
}
