import { bytesOf, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { KeySelectionOptions, RdbFilterOptions } from '../src/filter.ts';
import { keySelection, RdbFilter } from '../src/filter.ts';
import type { WritableEvent } from '../src/index.ts';
import { collect, inPieces } from './collect.ts';
import { oneOfAllKinds } from './one-of-all-kinds.ts';
import { takeAll } from './take-all.ts';
import { written } from './write.ts';

const NOW = 1_700_000_000_000;
const TARGET = { magic: 'REDIS', version: 11 } as const;

function key(name: string, database: number, length: number, expiresAt?: number): WritableEvent[] {
  return [
    { type: 'key', key: bytesOf(name), dataType: 'string', database, expiresAt },
    { type: 'value', value: bytesOf(name[0]!.repeat(length)) },
    { type: 'key-end' },
  ];
}

const KEYS = {
  a: key('a:1', 0, 10),
  b: key('b:1', 0, 300, NOW + 1000),
  c: key('c:1', 7, 5000, NOW - 1000),
  d: key('d:1', 9, 20),
};
const FRAMES: WritableEvent[] = [
  { type: 'aux', key: 'redis-ver', value: '7.2' },
  { type: 'aux', key: 'repl-id', value: '0'.repeat(40) },
  { type: 'function', code: bytesOf('#!lua name=f') },
];
const RDB = written(TARGET, [...FRAMES, ...Object.values(KEYS).flat()], { compress: false });

const namesIn = (rdb: Uint8Array) =>
  collect([rdb])
    .filter(({ type }) => type === 'key')
    .map((event) => event.key);

function filtered(options: RdbFilterOptions, length = RDB.length): Uint8Array {
  return takeAll(new RdbFilter(options), inPieces(RDB, length));
}

describe('RdbFilter', () => {
  it('writes an RDB of the selected keys, with a new checksum and without the replication id', () => {
    const expected = written(TARGET, [FRAMES[0]!, FRAMES[2]!, ...KEYS.a, ...KEYS.c], {
      compress: false,
    });
    const selects = keySelection({ patterns: [bytesOf('[ac]*')] });
    for (const length of [1, 10, 1000, RDB.length]) {
      expect(filtered({ selects }, length)).toEqual(expected);
    }
  });

  it('selects by the size of values, however the RDB is cut into chunks', () => {
    for (const length of [1, 7, 100, RDB.length]) {
      expect(namesIn(filtered({ size: { from: 15, to: 400 } }, length))).toEqual(['b:1', 'd:1']);
      const large = { from: 400, to: Number.POSITIVE_INFINITY };
      expect(namesIn(filtered({ size: large }, length))).toEqual(['c:1']);
    }
  });

  it('counts keys read, keys kept and bytes given', () => {
    const filter = new RdbFilter({ selects: ({ database }) => database === 0, functions: false });
    const rdb = takeAll(filter, [RDB]);
    expect([filter.seen, filter.kept, filter.written]).toEqual([4, 2, rdb.length]);
    expect(textOf(rdb)).not.toContain('name=f');
  });

  it('passes on every kind of value, and gives the same bytes however the RDB is cut', () => {
    const kinds = oneOfAllKinds();
    const whole = takeAll(new RdbFilter(), [kinds]);
    expect(namesIn(whole)).toEqual(namesIn(kinds));
    for (const length of [1, 5, 40]) {
      expect(takeAll(new RdbFilter(), inPieces(kinds, length))).toEqual(whole);
    }
  });
});

describe('keySelection', () => {
  it.each<[KeySelectionOptions, string[]]>([
    [{}, ['a:1', 'b:1', 'c:1', 'd:1']],
    [{ databases: [0, 9] }, ['a:1', 'b:1', 'd:1']],
    [{ types: ['list'] }, []],
    [{ patterns: [bytesOf('a*'), bytesOf('?:1')], databases: [7] }, ['c:1']],
    [{ ttl: 'none' }, ['a:1', 'd:1']],
    [{ ttl: { from: 0, to: 10 }, now: NOW }, ['c:1']],
    [{ ttl: { from: 0, to: 1000 }, now: NOW }, ['b:1', 'c:1']],
  ])('%j selects %j', (options, names) => {
    expect(namesIn(filtered({ selects: keySelection(options) }))).toEqual(names);
  });
});
