import { bytesOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { WritableEvent } from '../src/index.ts';
import type { MemoryUsageOptions } from '../src/memory.ts';
import { MemoryUsage } from '../src/memory.ts';
import { inPieces } from './collect.ts';
import { eachEvent } from './take-all.ts';
import { written } from './write.ts';

const value = (key: string, length: number): WritableEvent[] => [
  { type: 'key', key: bytesOf(key), dataType: 'string', database: 0 },
  { type: 'value', value: bytesOf('x'.repeat(length)) },
  { type: 'key-end' },
];
const list = (key: string, count: number): WritableEvent[] => [
  { type: 'key', key: bytesOf(key), dataType: 'list', database: 0 },
  ...Array.from({ length: count }, () => ({ type: 'item', value: bytesOf('item') }) as const),
  { type: 'key-end' },
];
const RDB = written({ magic: 'REDIS', version: 11 }, [
  ...value('user:1', 100),
  ...value('user:2', 1000),
  ...value('session:a:b', 10),
  ...list('queue', 50),
]);

function totalsOf(rdb: Uint8Array, options?: MemoryUsageOptions) {
  const usage = new MemoryUsage(options);
  for (const piece of inPieces(rdb, 11)) {
    const buffer = Buffer.from(piece);
    usage.reader.push(buffer);
    eachEvent(usage.reader, (event) => usage.take(event));
    buffer.fill(0xfa);
  }
  usage.reader.finish();
  return usage.totals;
}

describe('MemoryUsage', () => {
  it('adds up keys by type and by prefix, the largest first', () => {
    const { all, types, prefixes, largest } = totalsOf(RDB);
    expect(all.keys).toBe(4);
    expect(types.map(([type, { keys }]) => [type, keys])).toEqual([
      ['list', 1],
      ['string', 3],
    ]);
    expect(prefixes.largest.map(([prefix, { keys }]) => [prefix, keys])).toEqual([
      ['', 1],
      ['user:', 2],
      ['session:', 1],
    ]);
    expect(prefixes.others.keys).toBe(0);
    expect(largest.map(({ key }) => Buffer.from(key).toString())).toEqual([
      'queue',
      'user:2',
      'user:1',
      'session:a:b',
    ]);
    expect(largest[0]).toMatchObject({ elements: 50, dataType: 'list', database: 0 });
    expect(all.file).toBe(largest.reduce((sum, { file }) => sum + file, 0));
  });

  it('reports the requested number of keys and prefixes, and sums up the others', () => {
    const { prefixes, largest } = totalsOf(RDB, { top: 1, depth: 2 });
    expect(largest).toHaveLength(1);
    expect(prefixes.largest.map(([prefix]) => prefix)).toEqual(['']);
    expect(prefixes.others.keys).toBe(3);
    const deep = totalsOf(RDB, { depth: 2 }).prefixes.largest.map(([prefix]) => prefix);
    expect(deep).toContain('session:a:');
  });

  it('measures only the selected keys', () => {
    const { all, largest } = totalsOf(RDB, { selects: ({ dataType }) => dataType === 'list' });
    expect(all.keys).toBe(1);
    const [queue] = totalsOf(RDB).largest;
    expect(largest[0]).toMatchObject({ elements: 50, memory: queue!.memory });
  });
});
