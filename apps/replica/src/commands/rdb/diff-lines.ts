import type { DataType, RdbKey } from '@forebay/rdb';
import { DATA_TYPES } from '@forebay/rdb';
import type { KeyDifference, KeyDigest } from '@forebay/rdb/digest';
import { differencesOf } from '@forebay/rdb/digest';
import type { Output } from '../../output/output.ts';

/** Prints what differs, and counts. */
export class DiffLines {
  onlyFirst = 0;
  onlySecond = 0;
  differ = 0;
  equal = 0;
  readonly #output: Output;
  readonly #json: boolean;

  constructor(output: Output, json: boolean) {
    this.#output = output;
    this.#json = json;
  }

  /** A key that only one of the two RDBs has. `name`: a copy of its bytes, if those of `key` are no longer valid. */
  only(isFirst: boolean, key: RdbKey, name: Uint8Array = key.key): void | Promise<void> {
    if (isFirst) this.onlyFirst++;
    else this.onlySecond++;
    const { dataType, expiresAt } = key;
    const side = this.#json ? sideOf(isFirst ? 'first' : 'second', dataType, expiresAt) : '';
    return this.#key(isFirst ? '-' : '+', key.database, name, [], side);
  }

  /** A key that both RDBs have. */
  both(
    first: KeyDigest,
    second: KeyDigest,
    database: number,
    name: Uint8Array,
  ): void | Promise<void> {
    const differences = differencesOf(first, second);
    if (differences.length === 0) {
      this.equal++;
      return undefined;
    }
    this.differ++;
    const sides = this.#json ? sideOfDigest('first', first) + sideOfDigest('second', second) : '';
    return this.#key('!', database, name, differences, sides);
  }

  function(mark: '-' | '+' | '!', name: string): void | Promise<void> {
    if (mark === '-') this.onlyFirst++;
    else if (mark === '+') this.onlySecond++;
    else this.differ++;
    const { sink } = this.#output;
    const bytes = Buffer.from(name, 'latin1');
    sink.ascii(this.#json ? `{"in":"${IN[mark]}","function":` : `${mark}\tfunction\t`);
    sink.json(bytes);
    sink.ascii(this.#json ? '}\n' : '\n');
    return this.#output.full ? this.#output.flush() : undefined;
  }

  #key(
    mark: '-' | '+' | '!',
    database: number,
    name: Uint8Array,
    differences: readonly KeyDifference[],
    sides: string,
  ): void | Promise<void> {
    const { sink } = this.#output;
    sink.ascii(
      this.#json ? `{"in":"${IN[mark]}","db":${database},"key":` : `${mark}\t${database}\t`,
    );
    sink.json(name);
    if (this.#json) {
      const what = differences.length === 0 ? '' : `,"differs":${JSON.stringify(differences)}`;
      sink.ascii(`${what}${sides}}\n`);
    } else sink.ascii(differences.length === 0 ? '\n' : `\t${differences.join(',')}\n`);
    return this.#output.full ? this.#output.flush() : undefined;
  }
}

const IN = { '-': 'first', '+': 'second', '!': 'both' } as const;

function sideOfDigest(name: string, { type, expiresAt }: KeyDigest): string {
  return sideOf(name, DATA_TYPES[type]!, Number.isNaN(expiresAt) ? undefined : expiresAt);
}

function sideOf(name: string, type: DataType, expiresAt: number | undefined): string {
  const expires = expiresAt === undefined ? '' : `,"expiresAt":${expiresAt}`;
  return `,"${name}":{"type":"${type}"${expires}}`;
}
