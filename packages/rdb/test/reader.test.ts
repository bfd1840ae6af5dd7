import { bytesOf, concatBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { RdbEvent } from '../src/index.ts';
import { compressLzf, RdbReader } from '../src/index.ts';
import { blob, f64, i64, length, listpack, type Part, rawId, rdb } from './build.ts';
import { collect, inPieces, type Told } from './collect.ts';
import { rewritten } from './write.ts';

/** What is told of the value of one key, of which these are type, key and value. */
function toldOf(header: string, ...parts: readonly Part[]): Told[] {
  const bytes = rdb(header, ...parts);
  const told = collect([bytes]);
  for (const piece of [1, 3, 16]) expect(collect(inPieces(bytes, piece))).toEqual(told);
  // The same bytes, passed over or given as they are, come to the same end.
  const raw = collect(inPieces(bytes, 5), { level: 'raw' });
  expect(raw.at(-1)).toEqual({ type: 'end', checksum: 'right' });
  const key = told.findIndex(({ type }) => type === 'key');
  const end = told.findIndex(({ type }) => type === 'key-end');
  return told.slice(key + 1, end);
}

const field = (name: string, value: string, expiresAt?: number) => {
  return { type: 'field', field: name, value, expiresAt };
};

describe('types that few servers have written', () => {
  it.each<[string, string, readonly Part[], readonly unknown[]]>([
    [
      'hash with times, of Redis 7.4',
      'REDIS0012',
      [24, 'k', i64(1000), length(2), length(0), 'a', '1', length(51), 'b', '2'],
      [field('a', '1'), field('b', '2', 1050)],
    ],
    [
      'hash with times, before the release of 7.4',
      'REDIS0012',
      [22, 'k', length(2), length(0), 'a', '1', length(60), 'b', '2'],
      [field('a', '1'), field('b', '2', 60)],
    ],
    [
      'hash with times, of Valkey 9, by the same number',
      'VALKEY080',
      [22, 'k', length(2), 'a', '1', i64(-1), 'b', '2', i64(1050)],
      [field('a', '1'), field('b', '2', 1050)],
    ],
    [
      'small hash with times, of Redis 7.4',
      'REDIS0012',
      [25, 'k', i64(9), blob(listpack('a', '1', 0, 'b', '2', 9))],
      [field('a', '1'), field('b', '2', 9)],
    ],
    [
      'small hash with times, before the release of 7.4',
      'REDIS0012',
      [23, 'k', blob(listpack('a', '1', 0, 'b', '2', 9))],
      [field('a', '1'), field('b', '2', 9)],
    ],
    [
      'array with a place to insert at',
      'REDIS0014',
      [
        ...[28, 'k', length(4), length(1), length(7)],
        ...[length(0), length(0), 'long', length(1), length(1), i64(-5)],
        ...[length(2), length(2), f64(0.5), length(9), length(3), 'abc'],
      ],
      [
        { type: 'insert-index', index: 7n },
        { type: 'slot-value', index: 0n, value: 'long' },
        { type: 'slot-value', index: 1n, value: '-5' },
        { type: 'slot-value', index: 2n, value: '0.5' },
        { type: 'slot-value', index: 9n, value: 'abc' },
      ],
    ],
    ['array of nothing', 'REDIS0014', [28, 'k', length(0), length(0)], []],
    [
      'value of a module',
      'REDIS0009',
      [
        ...[7, 'k', Uint8Array.of(0x81, 0, 0x10, 0x83, 0x10, 0x51, 0x87, 0x20, 0x03)],
        ...[length(2), length(5), length(5), 'text', length(4), f64(1.5), length(0)],
      ],
      [
        { type: 'module-id', module: { name: expect.stringMatching(/^.{9}$/), version: 3 } },
        { type: 'module-value', kind: 'unsigned', value: 5n },
        { type: 'module-value', kind: 'string', value: 'text' },
        { type: 'module-value', kind: 'double', value: 1.5 },
      ],
    ],
    [
      'sorted set with scores as text',
      'REDIS0007',
      [3, 'k', length(4), 'a', '1.5', 'b', 253, 'c', 254, 'd', 255],
      [
        { type: 'scored', member: 'a', score: 1.5 },
        { type: 'scored', member: 'b', score: Number.NaN },
        { type: 'scored', member: 'c', score: Number.POSITIVE_INFINITY },
        { type: 'scored', member: 'd', score: Number.NEGATIVE_INFINITY },
      ],
    ],
    [
      'list with a large element in a node of its own',
      'REDIS0010',
      [18, 'k', length(2), length(1), 'large', length(2), blob(listpack('a', 7))],
      [
        { type: 'item', value: 'large' },
        { type: 'item', value: 'a' },
        { type: 'item', value: '7' },
      ],
    ],
  ])('%s', (_, header, parts, expected) => {
    expect(toldOf(header, ...parts)).toEqual(expected);
  });

  it('stream of Redis 8.8, with all that streams have come to have', () => {
    const node = listpack(
      2,
      1,
      1,
      'f',
      0,
      2,
      0,
      0,
      'v',
      4,
      3,
      5,
      0,
      'deleted',
      4,
      0,
      9,
      1,
      1,
      'g',
      'w',
      6,
    );
    const told = toldOf(
      'REDIS0014',
      ...[27, 'k', length(1), blob(rawId(1000, 1)), blob(node)],
      ...[
        length(2),
        length(1009),
        length(2),
        length(1000),
        length(1),
        length(1005),
        length(1),
        length(3),
      ],
      ...[length(1), 'group', length(1000), length(1), length(1)],
      ...[length(1), rawId(1000, 1), i64(123), length(2)],
      ...[length(1), 'consumer', i64(124), i64(125), length(1), rawId(1000, 1)],
      ...[length(1), rawId(1009, 2)],
      ...[
        length(60),
        length(50),
        length(1),
        'producer',
        length(1),
        'message',
        length(1000),
        length(1),
      ],
      ...[length(3), length(1)],
    );
    expect(told).toEqual([
      { type: 'entry', id: '1000-1', fields: ['f', 'v'] },
      { type: 'entry', id: '1009-2', fields: ['g', 'w'] },
      {
        ...{ type: 'stream', length: 2, lastId: '1009-2', firstId: '1000-1' },
        ...{ maxDeletedId: '1005-1', entriesAdded: 3n },
      },
      { type: 'group', name: 'group', lastId: '1000-1', entriesRead: 1n },
      { type: 'pending', id: '1000-1', deliveredAt: 123, deliveries: 2 },
      { type: 'consumer', name: 'consumer', seenAt: 124, activeAt: 125 },
      { type: 'consumer-pending', id: '1000-1' },
      { type: 'negative', id: '1009-2' },
      { type: 'idempotence', duration: 60, most: 50 },
      { type: 'producer', id: 'producer' },
      { type: 'produced', message: 'message', id: '1000-1' },
      { type: 'idempotence-counts', counts: [3n, 1n] },
    ]);
  });
});

describe('what stands beside the keys', () => {
  const told = (bytes: Uint8Array) => {
    const whole = collect([bytes]);
    for (const piece of [1, 7]) expect(collect(inPieces(bytes, piece))).toEqual(whole);
    return whole.slice(1, -1);
  };

  it('is told in its order', () => {
    const parts = [
      0xfa,
      'redis-ver',
      '7.4',
      0xf5,
      'code',
      0xfe,
      length(3),
      0xfb,
      length(9),
      length(4),
    ];
    expect(told(rdb('REDIS0012', ...parts, 0xf4, length(1), length(2), length(3)))).toEqual([
      { type: 'aux', key: 'redis-ver', value: '7.4' },
      { type: 'function', code: 'code' },
      { type: 'database', database: 3 },
      { type: 'sizes', keys: 9, expires: 4 },
      { type: 'slot', slot: 1, keys: 2, expires: 3 },
    ]);
  });

  it('243 is a slot import of Valkey, and what modules tell of a key of Redis', () => {
    const job = bytesOf('j'.repeat(40));
    const slots = rdb('VALKEY080', 0xf3, job, length(1), length(5), length(9), 0, 'k', 'v');
    expect(told(slots)[0]).toEqual({ type: 'slot-import', job: 'j'.repeat(40), ranges: [[5, 9]] });
    const metadata = [length(1), Uint8Array.of(1, 2, 3, 4), length(5), 'x', length(0)];
    const key = rdb('REDIS0013', 0xf3, ...metadata, 0, 'k', 'v', 0, 'l', 'w');
    const events = told(key);
    expect(events.map(({ type }) => type)).toEqual([
      ...['key', 'value', 'key-end'],
      ...['key', 'value', 'key-end'],
    ]);
    expect(events[0]).toMatchObject({ metadata: '\x01\x01\x02\x03\x04\x05\x01x\x00' });
    expect(events[3]).toMatchObject({ metadata: undefined });
  });

  it('of a key is told with it, and forgotten after it', () => {
    const parts = [
      0xf8,
      length(77),
      0xf9,
      200,
      0xfc,
      i64(1_700_000_000_123),
      0,
      'a',
      '1',
      0,
      'b',
      '2',
    ];
    const [first, , , second] = told(rdb('REDIS0009', ...parts));
    expect(first).toMatchObject({
      key: 'a',
      idle: 77,
      frequency: 200,
      expiresAt: 1_700_000_000_123,
    });
    const nothing = { idle: undefined, frequency: undefined, expiresAt: undefined };
    expect(second).toMatchObject({ key: 'b', ...nothing });
  });

  it('and a time in seconds is one in milliseconds', () => {
    const seconds = Uint8Array.of(0x80, 0, 0, 0);
    const [key] = told(rdb('REDIS0006', 0xfd, seconds, 0, 'a', '1'));
    expect(key).toMatchObject({ expiresAt: 128_000 });
  });

  it('of modules is given as it stands', () => {
    const id = Uint8Array.of(0x81, 0, 0, 0, 0, 0, 0, 0, 1);
    const [aux] = told(
      rdb('REDIS0009', 0xf7, id, length(2), length(1), length(5), 'ab', length(0)),
    );
    const module = { name: 'AAAAAAAAA', version: 1 };
    expect(aux).toEqual({ type: 'module-aux', module, bytes: '\x02\x01\x05\x02ab\x00' });
  });
});

describe('a value', () => {
  const bytes = rdb('REDIS0011', 1, 'list', length(2), 'a', 'bb', 0, 'string', 'value');

  it('is given raw as it stands, piece by piece where it is large', () => {
    const large = rdb('REDIS0011', 0, 'k', 'x'.repeat(300_000));
    const told = collect(inPieces(large, 100_000), { level: 'raw' });
    const pieces = told.filter(({ type }) => type === 'raw').map((piece) => String(piece.bytes));
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.join('')).toBe(`\x80\x00\x04\x93\xe0${'x'.repeat(300_000)}`);
    expect(told.at(-2)).toEqual({ type: 'key-end', size: 300_005 });
  });

  it('is read at the level that is set when its key is told', () => {
    const reader = new RdbReader({ level: 'raw' });
    const types: string[] = [];
    reader.push(bytes);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'key') reader.level = event.dataType === 'list' ? 'elements' : 'raw';
      types.push(event.type);
    }
    const list = ['key', 'item', 'item', 'key-end'];
    expect(types).toEqual(['header', ...list, 'key', 'raw', 'key-end', 'end']);
  });

  it('can be passed over from anywhere in it', () => {
    const reader = new RdbReader();
    const types: string[] = [];
    reader.push(bytes);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'item') reader.skip();
      types.push(event.type);
    }
    const list = ['key', 'item', 'key-end'];
    expect(types).toEqual(['header', ...list, 'key', 'value', 'key-end', 'end']);
  });

  it('of a stream has the id at the level structure that its entries are counted from', () => {
    const node = listpack(1, 0, 1, 'f', 0, 2, 0, 0, 'v', 4);
    const stream = (id: Uint8Array) => {
      const rest = [length(1), length(1000), length(1), length(0)];
      return rdb('REDIS0009', 15, 'k', length(1), blob(id), blob(node), ...rest);
    };
    const told = collect([stream(rawId(1000, 1))], { level: 'structure' });
    expect(told[2]).toMatchObject({ container: 'stream-listpack', id: '1000-1' });
    for (const level of ['structure', 'elements'] as const) {
      const short = () => collect([stream(rawId(1000, 1).subarray(1))], { level });
      expect(short).toThrow(/^the id of a stream node is not of 16 bytes, at byte \d+$/);
    }
  });

  it('of containers is told by the container at the level structure', () => {
    const bytes = rdb('REDIS0011', 16, 'k', blob(listpack('a', 1)));
    expect(collect([bytes], { level: 'structure' })[2]).toMatchObject({ container: 'listpack' });
  });
});

describe('refused', () => {
  const code = (code: string) => expect.objectContaining({ code });

  it('a type that is not known is, with its key and its place', () => {
    const bytes = rdb('REDIS0011', 0xfe, length(0), 99, 'the key', 'v');
    const message = 'key "the key" has a value of type 99, which is unknown, at byte 11';
    expect(() => collect([bytes])).toThrow(message);
    expect(() => collect([bytes])).toThrow(code('UNKNOWN_TYPE'));
  });

  it('a checksum that is not right is, and none is as good as a right one', () => {
    const bytes = rdb('REDIS0011', 0, 'k', 'v');
    bytes[bytes.length - 1]! ^= 1;
    expect(() => collect([bytes])).toThrow(code('BAD_CHECKSUM'));
    bytes.fill(0, -8);
    expect(collect([bytes]).at(-1)).toEqual({ type: 'end', checksum: 'none' });
  });

  it('a container longer than the limit is, as soon as its length is read', () => {
    const reader = new RdbReader({ maxLength: 100 });
    reader.push(rdb('REDIS0011', 11, 'k', 'x'.repeat(101)).subarray(0, 17));
    reader.next();
    reader.next();
    expect(() => reader.next()).toThrow(code('TOO_LONG'));
  });

  it('more bytes are, before those there are were read', () => {
    const reader = new RdbReader();
    reader.push(rdb('REDIS0011'));
    expect(() => reader.push(new Uint8Array(1))).toThrow(code('MISUSE'));
  });
});

it('takes the largest time there is for one that fits, and can be written again', () => {
  const most = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
  const bytes = rdb('REDIS0011', 0xfc, most, 0, 'k', 'v');
  const key = collect([bytes]).find(({ type }) => type === 'key') as { expiresAt: number } & Told;
  expect(key.expiresAt).toBe(2 ** 63 - 1024);
  expect(BigInt(String(key.expiresAt))).toBeLessThan(2n ** 63n);
  expect(() => rewritten(bytes, { magic: 'REDIS', version: 11 })).not.toThrow();
});

it.each([242, 246])('says that opcode %i is not known, whatever follows it', (opcode) => {
  const bytes = rdb('REDIS0011', opcode, Uint8Array.of(0xc7, 0x81, 0xff));
  expect(() => collect([bytes])).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_TYPE', position: 9 }),
  );
});

it('refuses a stream entry of more fields than an entry can have, before they are in memory', () => {
  const node = listpack(1, 0, 2_000_000, 'f', 0);
  const parts = [21, 'k', length(1), blob(rawId(1, 1)), blob(node)];
  const started = rdb('REDIS0011', ...parts);
  expect(() => collect([started])).toThrow(expect.objectContaining({ code: 'TOO_LONG' }));
});

it('does not expand what is compressed again at each piece of what belongs to it', () => {
  const field = compressLzf(new Uint8Array(4_000_000))!;
  const compressed = [Uint8Array.of(0xc3), length(field.length), length(4_000_000), field];
  const value = blob(new Uint8Array(20_000_000));
  const bytes = rdb('REDIS0011', 4, 'k', length(1), concatBytes(compressed), value);
  const reader = new RdbReader();
  let found: RdbEvent | undefined;
  // Twenty thousand times four megabytes would take longer than a test may.
  for (const piece of inPieces(bytes, 1000)) {
    reader.push(piece);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'field') found = { ...event };
    }
  }
  expect(found).toMatchObject({ type: 'field' });
});

it.each([1, 3, 100])(
  'refuses a container that is too long at once, in pieces of %i bytes',
  (piece) => {
    // Of the eight bytes of its length half are there, and say enough.
    const begun = bytesOf('REDIS0003\x0b\x01k\x81\0\0\0\x01');
    expect(() => collect(inPieces(begun, piece))).toThrow(
      expect.objectContaining({ code: 'TOO_LONG' }),
    );
  },
);
