import { describe, expect, it } from 'vitest';
import { ValueDigest } from '../src/digest.ts';
import type { DataType, RdbElement, RdbEvent } from '../src/index.ts';

const digest = new ValueDigest([1, 2]);

function digestOf(dataType: DataType, events: readonly RdbEvent[]): readonly [number, number] {
  digest.begin({ dataType });
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

describe('a value with a string that comes in pieces', () => {
  const none = id('');
  const long = (element: RdbElement, string: number, length: number): RdbEvent => {
    return { type: 'long', element, string, length };
  };
  const pieces = (...texts: string[]): RdbEvent[] =>
    texts.map((text) => ({ type: 'piece', bytes: id(text) }));
  const field = { type: 'field', field: none, value: none, expiresAt: 7 } as const;
  const hash = (name: string[], value: string[], expiresAt = 7): RdbEvent[] => [
    long(field, 0, name.join('').length),
    ...pieces(...name),
    long(field, 1, value.join('').length),
    ...pieces(...value),
    { type: 'long-end', element: { ...field, expiresAt }, lengths: [] },
  ];

  it('is the same however it is cut', () => {
    const whole = digestOf('hash', hash(['abcdefghijk'], ['lmnopq']));
    for (const name of [['a', 'bcdefghijk'], ['abc', 'de', 'f', 'ghijk'], [...'abcdefghijk']]) {
      expect(digestOf('hash', hash(name, ['lm', 'nopq']))).toEqual(whole);
    }
  });

  it('differs by each string, by its time, and where one string ends', () => {
    const whole = digestOf('hash', hash(['abcdefghijk'], ['lmnopq']));
    for (const other of [
      hash(['abcdefghijx'], ['lmnopq']),
      hash(['abcdefghijk'], ['lmnopx']),
      hash(['abcdefghij'], ['klmnopq']),
      hash(['abcdefghijk'], ['lmnopq'], 8),
    ]) {
      expect(digestOf('hash', other)).not.toEqual(whole);
    }
  });

  it('of a list is in its order, of a set in any', () => {
    const one = (type: 'item' | 'member', text: string): RdbEvent[] => {
      const element = (
        type === 'item' ? { type, value: none } : { type, member: none }
      ) as RdbElement;
      return [
        long(element, 0, text.length),
        ...pieces(text),
        { type: 'long-end', element, lengths: [] },
      ];
    };
    const [first, second] = [one('member', 'aaaaa'), one('member', 'bbbbb')];
    expect(digestOf('set', [...first, ...second])).toEqual(digestOf('set', [...second, ...first]));
    const [left, right] = [one('item', 'aaaaa'), one('item', 'bbbbb')];
    expect(digestOf('list', [...left, ...right])).not.toEqual(
      digestOf('list', [...right, ...left]),
    );
  });
});
