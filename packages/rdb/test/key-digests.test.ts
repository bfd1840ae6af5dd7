import { bytesOf, textOf } from '@forebay/testkit';
import { expect, it } from 'vitest';
import type { DigestedKey } from '../src/digest.ts';
import { DigestTable, differencesOf, KeyDigests, KeysNotFound } from '../src/digest.ts';
import type { WritableEvent } from '../src/index.ts';
import { eachEvent } from './take-all.ts';
import { written } from './write.ts';

const OPTIONS = { seed: [1, 2] as const };

function digestsOf(rdb: Uint8Array): DigestedKey[] {
  const digests = new KeyDigests(OPTIONS);
  const keys: DigestedKey[] = [];
  digests.reader.push(rdb);
  eachEvent(digests.reader, (event) => {
    const key = digests.take(event);
    if (key !== undefined) keys.push(key);
  });
  return keys;
}

function set(key: string, members: readonly string[], expiresAt?: number): WritableEvent[] {
  return [
    { type: 'key', key: bytesOf(key), dataType: 'set', database: 0, expiresAt },
    ...members.map((member) => ({ type: 'member', member: bytesOf(member) }) as const),
    { type: 'key-end' },
  ];
}

const NEW = { magic: 'REDIS', version: 12 } as const;
const OLD = { magic: 'REDIS', version: 6 } as const;

it('the digests of keys do not depend on their order, and differ for another value or expiry', () => {
  const first = written(NEW, [
    ...set('same', ['a', 'b']),
    ...set('value', ['a']),
    ...set('ttl', ['a'], 5_000_000_000_000),
    ...set('only here', []),
  ]);
  const second = written(OLD, [
    ...set('ttl', ['a']),
    ...set('value', ['b']),
    ...set('same', ['b', 'a']),
    ...set('only there', ['a']),
  ]);
  const table = new DigestTable();
  for (const { digest } of digestsOf(first)) table.add(digest);
  const found = digestsOf(second).map(({ digest, name }) => {
    const other = table.find(digest.keyLow, digest.keyHigh);
    return [textOf(name), other === undefined ? 'none' : differencesOf(other, digest)];
  });
  expect(found).toEqual([
    ['ttl', ['ttl']],
    ['value', ['value']],
    ['same', []],
    ['only there', 'none'],
  ]);
  expect([table.count, table.found]).toEqual([4, 3]);
  const left = new KeysNotFound(table, OPTIONS);
  const names: string[] = [];
  left.reader.push(first);
  eachEvent(left.reader, (event) => {
    const key = left.take(event);
    if (key !== undefined) names.push(textOf(key.key));
  });
  expect(names).toEqual(['only here']);
});

it('a table keeps every key while it grows', () => {
  const table = new DigestTable();
  const count = 20_000;
  const one = { valueLow: 1, valueHigh: 2, type: 3, expiresAt: Number.NaN };
  const low = (i: number) => Math.imul(i, 0x9e3779b1);
  for (let i = 0; i < count; i++) table.add({ ...one, keyLow: low(i), keyHigh: i });
  for (let i = 0; i < count; i++) if (table.find(low(i), i)?.type !== 3) expect.fail(`key ${i}`);
  expect([table.count, table.found]).toEqual([count, count]);
});
