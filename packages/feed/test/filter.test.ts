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

  it.each([-1, 1.5, 2 ** 31])('has no database %d', (database) => {
    expect(() => decoderAt({ filter: { databases: [database] } })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
