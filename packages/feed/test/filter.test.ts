import { installedServers, Server } from '@forebay/conformance';
import { bytesOf, randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../src/index.ts';
import { decodeAll, decoderAt, inShort, stream } from './streams.ts';

describe('a pattern', () => {
  it.each([
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['user:*', 'user:1', true],
    ['user:*', 'User:1', false],
    ['*:1', 'a:b:1', true],
    ['a**b*c', 'aXbYbc', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[c-a]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[^a]x', 'bx', true],
    ['[\\]]x', ']x', true],
    ['[abc', 'b', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['h[a', 'ha', true],
    ['*a*a*a*a*a*a*a*a*b', 'a'.repeat(200), false],
  ])('%j against %j', (pattern, key, expected) => {
    expect(matchesGlob(bytesOf(pattern), bytesOf(key))).toBe(expected);
  });
});

describe.each(installedServers())('$name', (installed) => {
  it('finds the keys that our pattern finds', async () => {
    await using server = await Server.start(installed);
    const random = randomFrom(runSeed());
    const drawn = (letters: string, most: number) =>
      Array.from({ length: random.integer(1, most) }, () => random.pick([...letters])).join('');
    const keys = [...new Set(Array.from({ length: 400 }, () => drawn('abc-*?[]^\\', 6)))];
    for (const key of keys) await server.command('SET', key, '');
    for (let i = 0; i < 300; i++) {
      const pattern = drawn('abc-**??[[]]^\\', 7);
      const found = (await server.command('KEYS', pattern)) as string[];
      const ours = keys.filter((key) => matchesGlob(bytesOf(pattern), bytesOf(key)));
      expect(ours.sort(), `${pattern}, FOREBAY_SEED=${random.seed}`).toEqual(found.sort());
    }
  });
});

describe('a filter', () => {
  const bytes = stream(
    ...['SELECT 0', 'SET user:1 a', 'SET other b', 'SELECT 1', 'DEL x user:2', 'MSET a 1 user:3 2'],
    ...['FLUSHDB', 'PUBLISH user:1 m', 'JSON.SET other $ 1', 'FUNCTION LOAD code'],
  );
  const filtered = (filter: NonNullable<Parameters<typeof decoderAt>[0]>['filter'] & object) =>
    decodeAll([bytes], { filter }).map(inShort);

  it('of keys lets through what has one of them, and what concerns every key', () => {
    expect(filtered({ match: ['user:*'] })).toEqual([
      '0 SET user:1 a',
      '1 DEL x user:2',
      '1 MSET a 1 user:3 2',
      '1 FLUSHDB',
      '1 JSON.SET other $ 1',
    ]);
  });

  it('of several patterns needs one', () => {
    expect(filtered({ match: ['other', bytesOf('a')], commands: ['set', 'mset'] })).toEqual([
      '0 SET other b',
      '1 MSET a 1 user:3 2',
    ]);
  });

  it('of databases and commands needs both', () => {
    expect(filtered({ databases: [1], commands: ['del', 'SET'] })).toEqual(['1 DEL x user:2']);
  });

  it.each([-1, 1.5, 2 ** 31])('has no database %d', (database) => {
    expect(() => decoderAt({ filter: { databases: [database] } })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
