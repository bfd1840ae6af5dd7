import type { DataType, RdbMagic } from '../format/events.ts';
import { valueType } from '../values/types.ts';
import type { DatabaseCounts } from './verdict.ts';

interface Counts {
  readonly database: number;
  keys: number;
  expires: number;
  /** By the number of the type; sparse. */
  readonly types: number[];
}

/** Counts keys by database and type, without an object a key. */
export class KeyCounts {
  readonly #databases = new Map<number, Counts>();
  #current: Counts | undefined;
  #keys = 0;

  get keys(): number {
    return this.#keys;
  }

  /** The keys from here on are of this one. */
  select(database: number): void {
    this.#current = this.#databases.get(database);
    if (this.#current !== undefined) return;
    this.#current = { database, keys: 0, expires: 0, types: [] };
    this.#databases.set(database, this.#current);
  }

  add(type: number, expires: boolean): void {
    if (this.#current === undefined) this.select(0);
    const counts = this.#current!;
    this.#keys++;
    counts.keys++;
    counts.types[type] = (counts.types[type] ?? 0) + 1;
    if (expires) counts.expires++;
  }

  /** Those that have any. */
  of(magic: RdbMagic): DatabaseCounts[] {
    return [...this.#databases.values()]
      .filter(({ keys }) => keys > 0)
      .map(({ types, ...counts }) => ({ ...counts, types: typesOf(types, magic) }));
  }
}

function typesOf(counts: readonly number[], magic: RdbMagic): Partial<Record<DataType, number>> {
  const types: Partial<Record<DataType, number>> = {};
  counts.forEach((count, number) => {
    const { dataType } = valueType(magic, number) ?? {};
    if (dataType !== undefined) types[dataType] = (types[dataType] ?? 0) + count;
  });
  return types;
}
