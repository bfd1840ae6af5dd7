import type { DataType, RdbMagic } from '../reading/events.ts';
import { valueType } from '../values/types.ts';
import type { DatabaseCounts } from './verdict.ts';

interface Counts {
  readonly database: number;
  keys: number;
  expires: number;
  /** By the number of the type. */
  readonly types: Float64Array;
}

/** Counts keys by database and type, without an object a key. */
export class KeyCounts {
  readonly #databases: Counts[] = [];
  #current: Counts | undefined;
  #keys = 0;

  get keys(): number {
    return this.#keys;
  }

  /** The keys from here on are of this one. */
  select(database: number): void {
    this.#current = this.#databases.find((each) => each.database === database);
    if (this.#current !== undefined) return;
    this.#current = { database, keys: 0, expires: 0, types: new Float64Array(256) };
    this.#databases.push(this.#current);
  }

  add(type: number, expires: boolean): void {
    if (this.#current === undefined) this.select(0);
    const counts = this.#current!;
    this.#keys++;
    counts.keys++;
    counts.types[type]!++;
    if (expires) counts.expires++;
  }

  /** Those that have any. */
  of(magic: RdbMagic): DatabaseCounts[] {
    return this.#databases
      .filter(({ keys }) => keys > 0)
      .map(({ types, ...counts }) => ({ ...counts, types: typesOf(types, magic) }));
  }
}

function typesOf(counts: Float64Array, magic: RdbMagic): Partial<Record<DataType, number>> {
  const types: Partial<Record<DataType, number>> = {};
  counts.forEach((count, number) => {
    const { dataType } = valueType(magic, number) ?? {};
    if (count > 0 && dataType !== undefined) types[dataType] = (types[dataType] ?? 0) + count;
  });
  return types;
}
