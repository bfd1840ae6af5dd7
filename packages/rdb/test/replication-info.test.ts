import { describe, expect, it } from 'vitest';
import { replicationInfo } from '../src/index.ts';

const ID = '0123456789abcdef0123456789abcdef01234567';

describe('the replication info', () => {
  it.each([
    ['is all there', { 'repl-id': ID, 'repl-offset': '14', 'repl-stream-db': '3' }],
    [
      'has other fields beside it',
      { ctime: '1', 'repl-id': ID, 'repl-offset': '14', 'repl-stream-db': '3' },
    ],
  ])('%s', (_, aux) => {
    const found = replicationInfo(new Map(Object.entries(aux)));
    expect(found).toEqual({ replicationId: ID, offset: 14, streamDatabase: 3 });
  });

  it.each([
    ['nothing', {}],
    ['an id that is short', { 'repl-id': ID.slice(1) }],
    ['an id that is no hex', { 'repl-id': ID.replace('0', 'g') }],
    ['an offset below 0', { 'repl-offset': '-1' }],
    ['an offset that is no number', { 'repl-offset': '12x' }],
    ['an offset that is empty', { 'repl-offset': '' }],
    ['an offset of 2^53', { 'repl-offset': '9007199254740992' }],
    ['a database that is not known', { 'repl-stream-db': '-1' }],
  ])('leaves out %s', (_, aux) => {
    expect(replicationInfo(new Map(Object.entries(aux)))).toEqual({});
  });

  it('holds an offset of 0 and the database 0', () => {
    const aux = new Map([
      ['repl-offset', '0'],
      ['repl-stream-db', '0'],
    ]);
    expect(replicationInfo(aux)).toEqual({ offset: 0, streamDatabase: 0 });
  });
});
