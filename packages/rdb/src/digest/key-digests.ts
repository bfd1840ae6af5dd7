import { textOf } from '../bytes/text.ts';
import type { KeySelection, RdbEvent, RdbKey } from '../format/events.ts';
import { DATA_TYPES } from '../format/events.ts';
import { RdbReader } from '../reading/reader.ts';
import type { DigestSeed } from './digest.ts';
import { Digest } from './digest.ts';
import type { DigestTable, KeyDigest } from './digest-table.ts';
import { ValueDigest } from './value-digest.ts';

export interface KeyDigestsOptions {
  readonly seed: DigestSeed;
  /** The keys to compare; all by default. */
  readonly selects?: KeySelection;
}

/** A key of an RDB, with its digests. `name` is a copy. */
export interface DigestedKey {
  readonly digest: KeyDigest;
  readonly key: RdbKey;
  readonly name: Uint8Array;
}

/** Makes a digest of each key and its value, to compare two RDBs regardless of the order of their keys. */
export class KeyDigests {
  /** Reads the RDB: push its bytes, and give each event to `take`. */
  readonly reader: RdbReader = new RdbReader();
  /** Functions by the name of their library, one character per byte. */
  readonly functions: Map<string, string> = new Map();
  readonly #selects: KeySelection;
  readonly #name: Digest;
  readonly #value: ValueDigest;
  #key: Pick<DigestedKey, 'key' | 'name'> | undefined;

  constructor({ seed, selects = () => true }: KeyDigestsOptions) {
    this.#selects = selects;
    this.#name = new Digest(seed);
    this.#value = new ValueDigest(seed);
  }

  /** Takes the next event of the reader; returns a key when its value has ended. */
  take(event: RdbEvent): DigestedKey | undefined {
    if (event.type === 'key') this.#begin(event);
    else if (event.type === 'function') {
      const code = textOf(event.code);
      this.functions.set(/^#!.*\bname=(\S+)/.exec(code)?.[1] ?? code, code);
    } else if (this.#key === undefined) return undefined;
    else if (event.type === 'key-end') return this.#end(this.#key);
    else this.#value.take(event);
    return undefined;
  }

  #begin(key: RdbKey): void {
    if (!this.#selects(key)) {
      this.#key = undefined;
      this.reader.skip();
      return;
    }
    digestName(this.#name, key);
    this.#value.begin(key);
    this.#key = { key, name: new Uint8Array(key.key) };
  }

  #end({ key, name }: Pick<DigestedKey, 'key' | 'name'>): DigestedKey {
    const [valueLow, valueHigh] = this.#value.end();
    const digest: KeyDigest = {
      keyLow: this.#name.low,
      keyHigh: this.#name.high,
      valueLow,
      valueHigh,
      type: DATA_TYPES.indexOf(key.dataType),
      expiresAt: key.expiresAt ?? Number.NaN,
    };
    this.#key = undefined;
    return { digest, key, name };
  }
}

/** Returns the keys that `DigestTable.find` was not called with, in a second pass over the RDB that filled the table. */
export class KeysNotFound {
  /** Reads the RDB: push its bytes, and give each event to `take`. */
  readonly reader: RdbReader = new RdbReader({ level: 'raw' });
  readonly #table: DigestTable;
  readonly #selects: KeySelection;
  readonly #name: Digest;

  /** `options`: those of the `KeyDigests` that filled the table. */
  constructor(table: DigestTable, { seed, selects = () => true }: KeyDigestsOptions) {
    this.#table = table;
    this.#selects = selects;
    this.#name = new Digest(seed);
  }

  /** Takes the next event of the reader; returns its key if that was not found. */
  take(event: RdbEvent): RdbKey | undefined {
    if (event.type !== 'key') return undefined;
    this.reader.skip();
    if (!this.#selects(event)) return undefined;
    digestName(this.#name, event);
    return this.#table.isLeft(this.#name.low, this.#name.high) ? event : undefined;
  }
}

function digestName(digest: Digest, { database, key }: RdbKey): void {
  digest.reset();
  digest.number(database);
  digest.bytes(key);
  digest.finish();
}
