import type { DataType, RdbKey } from '@forebay/rdb';
import type { Output } from '../../output/output.ts';
import type { Kept } from './digest-table.ts';
import { DATA_TYPES } from './selection.ts';

export interface NamedKey {
  readonly database: number;
  readonly name: Uint8Array;
  readonly key: RdbKey;
}

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

  only(isFirst: boolean, named: NamedKey): void | Promise<void> {
    if (isFirst) this.onlyFirst++;
    else this.onlySecond++;
    const { dataType, expiresAt } = named.key;
    const side = this.#json ? sideOf(isFirst ? 'first' : 'second', dataType, expiresAt) : '';
    return this.#key(isFirst ? '-' : '+', named, [], side);
  }

  both(first: Kept, second: Kept, named: NamedKey): void | Promise<void> {
    const differences: string[] = [];
    if (first.type !== second.type) differences.push('type');
    const isValue = first.valueLow === second.valueLow && first.valueHigh === second.valueHigh;
    if (!isValue) differences.push('value');
    if (!Object.is(first.expiresAt, second.expiresAt)) differences.push('ttl');
    if (differences.length === 0) {
      this.equal++;
      return undefined;
    }
    this.differ++;
    const sides = this.#json ? keptOf('first', first) + keptOf('second', second) : '';
    return this.#key('!', named, differences, sides);
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
    { database, name }: NamedKey,
    differences: readonly string[],
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

function keptOf(name: string, { type, expiresAt }: Kept): string {
  return sideOf(name, DATA_TYPES[type]!, Number.isNaN(expiresAt) ? undefined : expiresAt);
}

function sideOf(name: string, type: DataType, expiresAt: number | undefined): string {
  const expires = expiresAt === undefined ? '' : `,"expiresAt":${expiresAt}`;
  return `,"${name}":{"type":"${type}"${expires}}`;
}
