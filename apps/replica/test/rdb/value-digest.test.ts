import type { DataType, RdbEvent, RdbKey } from '@forebay/rdb';
import { describe, expect, it } from 'vitest';
import { ValueDigest } from '../../src/commands/rdb/value-digest.ts';

const digest = new ValueDigest();

function digestOf(dataType: DataType, events: readonly RdbEvent[]): readonly [number, number] {
  digest.begin({ dataType } as RdbKey);
  for (const event of events) digest.take(event);
  return digest.end();
}

const id = (name: string) => Buffer.from(name);
const value: RdbEvent = { type: 'slot-value', index: 3n, value: id('v') };
const producer: RdbEvent = { type: 'producer', id: id('p') };
const produced: RdbEvent = { type: 'produced', message: id('m'), id: '1-1' };

describe('values of servers that are not at hand', () => {
  it.each<[what: string, DataType, readonly RdbEvent[], readonly RdbEvent[]]>([
    [
      'where an array is inserted into next',
      'array',
      [{ type: 'insert-index', index: 4n }, value],
      [{ type: 'insert-index', index: 5n }, value],
    ],
    [
      'that an array was inserted into',
      'array',
      [value],
      [{ type: 'insert-index', index: 4n }, value],
    ],
    ['a producer of a stream', 'stream', [producer], [{ type: 'producer', id: id('q') }]],
    ['a message that is known', 'stream', [producer, produced], [producer]],
    [
      'whose a message is',
      'stream',
      [producer, { type: 'producer', id: id('q') }, produced],
      [producer, produced, { type: 'producer', id: id('q') }],
    ],
    [
      'the entry that a message became',
      'stream',
      [producer, produced],
      [producer, { ...produced, id: '1-2' }],
    ],
  ])('differ by %s', (_, type, one, other) => {
    expect(digestOf(type, one)).not.toEqual(digestOf(type, other));
    expect(digestOf(type, one)).toEqual(digestOf(type, one));
  });

  it('do not differ by what only some versions tell of every stream', () => {
    const told: RdbEvent[] = [
      { type: 'idempotence', duration: 100, most: 100 },
      { type: 'idempotence-counts', counts: [1n, 0n] },
    ];
    expect(digestOf('stream', told)).toEqual(digestOf('stream', []));
  });
});
