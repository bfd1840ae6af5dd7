import { bytesOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { decodeAll, decoderAt, inShort, stream } from './streams.ts';

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

  it.each<[string, boolean]>([
    ['SET a 1', false],
    ['FLUSHDB', false],
    ['FLUSHALL', true],
    ['SWAPDB 0 3', true],
    ['SWAPDB 3 1', true],
    ['SWAPDB 0 1', false],
    ['MOVE k 3', true],
    ['MOVE k 1', false],
    ['COPY a b DB 3', true],
    ['COPY a b REPLACE db 3', true],
    ['COPY a b DB 1 REPLACE', false],
    ['COPY a b', false],
    ['COPY db 3', false],
    ['JSON.SET k $ 1', true],
  ])('of database 3 lets %s in another through: %s', (command, passes) => {
    const found = decodeAll([stream(command)], { filter: { databases: [3] } });
    expect(found).toHaveLength(passes ? 1 : 0);
  });

  it('of keys lets scripts through that were given none: what they write nobody else knows', () => {
    const scripts = stream('EVAL code 0', 'EVALSHA sha 0 x', 'FCALL f 0', 'SPUBLISH user:1 m');
    const found = decodeAll([scripts], { filter: { match: ['user:*'] } });
    expect(found.map(({ command }) => command)).toEqual(['EVAL', 'EVALSHA', 'FCALL']);
  });

  it.each([-1, 1.5, 2 ** 31])('has no database %d', (database) => {
    expect(() => decoderAt({ filter: { databases: [database] } })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
