import type { RdbEvent, RdbKey } from '@forebay/rdb';
import { RdbReader } from '@forebay/rdb';
import type { DiffLines, NamedKey } from './diff-lines.ts';
import { Digest } from './digest.ts';
import type { DigestTable, Kept } from './digest-table.ts';
import type { Visitor } from './scan.ts';
import type { Selection } from './selection.ts';
import { DATA_TYPES } from './selection.ts';
import { ValueDigest } from './value-digest.ts';

type Use<T> = (kept: T, key: NamedKey) => void | Promise<void>;

/** Makes a digest of each key and its value. */
export class Digesting implements Visitor {
  readonly reader: RdbReader = new RdbReader();
  /** Functions by the name of their library. */
  readonly functions: Map<string, string> = new Map();
  readonly #selects: Selection;
  readonly #use: Use<Kept>;
  readonly #name = new Digest();
  readonly #value = new ValueDigest();
  #key: NamedKey | undefined;

  constructor(selects: Selection, use: Use<Kept>) {
    this.#selects = selects;
    this.#use = use;
  }

  take(event: RdbEvent): void | Promise<void> {
    if (event.type === 'key') this.#begin(event);
    else if (event.type === 'function') {
      const code = Buffer.from(event.code).toString('latin1');
      this.functions.set(/^#!.*\bname=(\S+)/.exec(code)?.[1] ?? code, code);
    } else if (this.#key === undefined) return undefined;
    else if (event.type === 'key-end') return this.#end(this.#key);
    else this.#value.take(event);
  }

  #begin(key: RdbKey): void {
    if (!this.#selects(key)) {
      this.#key = undefined;
      this.reader.skip();
      return;
    }
    digestName(this.#name, key);
    this.#value.begin(key);
    this.#key = { database: key.database, name: key.key.slice(), key };
  }

  #end(named: NamedKey): void | Promise<void> {
    const { dataType, expiresAt = Number.NaN } = named.key;
    const [valueLow, valueHigh] = this.#value.end();
    const { low: keyLow, high: keyHigh } = this.#name;
    const type = DATA_TYPES.indexOf(dataType);
    this.#key = undefined;
    return this.#use({ keyLow, keyHigh, valueLow, valueHigh, type, expiresAt }, named);
  }
}

/** Finds the names of keys that are left in a table. */
export class Naming implements Visitor {
  readonly reader: RdbReader = new RdbReader({ level: 'raw' });
  readonly #selects: Selection;
  readonly #table: DigestTable;
  readonly #use: (key: NamedKey) => void | Promise<void>;
  readonly #name = new Digest();

  constructor(
    selects: Selection,
    table: DigestTable,
    use: (key: NamedKey) => void | Promise<void>,
  ) {
    this.#selects = selects;
    this.#table = table;
    this.#use = use;
  }

  take(event: RdbEvent): void | Promise<void> {
    if (event.type !== 'key') return undefined;
    this.reader.skip();
    if (!this.#selects(event)) return undefined;
    digestName(this.#name, event);
    if (!this.#table.isLeft(this.#name.low, this.#name.high)) return undefined;
    return this.#use({ database: event.database, name: event.key, key: event });
  }
}

/** Prints libraries that are in one only, or are not the same. */
export async function differentFunctions(
  base: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  isFirst: boolean,
  lines: DiffLines,
): Promise<void> {
  for (const [name, code] of base) {
    if (!other.has(name)) await lines.function(isFirst ? '-' : '+', name);
    else if (other.get(name) !== code) await lines.function('!', name);
  }
  for (const name of other.keys()) {
    if (!base.has(name)) await lines.function(isFirst ? '+' : '-', name);
  }
}

function digestName(digest: Digest, { database, key }: RdbKey): void {
  digest.reset();
  digest.number(database);
  digest.bytes(key);
  digest.finish();
}
