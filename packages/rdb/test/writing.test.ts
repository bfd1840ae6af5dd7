import { bytesOf, concatBytes, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { RdbLoss, RdbTarget, WritableEvent, WritableKey } from '../src/index.ts';
import {
  RdbReader,
  RdbWriter,
  rdbTargetOf,
  restorePayload,
  serversThatLoad,
} from '../src/index.ts';
import { collect, type Told } from './collect.ts';
import { contentsOf, rewritten, written } from './write.ts';

const redis = (version: number): RdbTarget => ({ magic: 'REDIS', version });
const VALKEY: RdbTarget = { magic: 'VALKEY', version: 80 };
/** One module that has written nothing. */
const METADATA = Uint8Array.of(1, 1, 2, 3, 4, 0);
const END = { type: 'key-end' } as const;

function key(
  name: string,
  dataType: WritableKey['dataType'],
  rest: Partial<WritableKey> = {},
): WritableKey {
  return { type: 'key', key: bytesOf(name), dataType, ...rest };
}

const value = (text: string) => ({ type: 'value', value: bytesOf(text) }) as const;
const member = (text: string) => ({ type: 'member', member: bytesOf(text) }) as const;
const field = (name: string, expiresAt?: number) =>
  ({ type: 'field', field: bytesOf(name), value: bytesOf('v'), expiresAt }) as const;

function read(rdb: Uint8Array): Told[] {
  return contentsOf(collect([rdb]));
}

/** The error that writing those ends with. */
function refused(target: RdbTarget, events: readonly WritableEvent[], options = {}): unknown {
  try {
    written(target, events, options);
  } catch (error) {
    return error;
  }
  return undefined;
}

const withCode = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'RdbError', code, message: expect.stringMatching(message) });

describe('rdbTargetOf', () => {
  it.each([
    ['redis', '2.6.17', 'REDIS', 6],
    ['redis', '3.0.7', 'REDIS', 6],
    ['redis', '3.2', 'REDIS', 7],
    ['redis', '4.0.14', 'REDIS', 8],
    ['redis', '6.2.14', 'REDIS', 9],
    ['redis', '7.0.15', 'REDIS', 10],
    ['redis', '7.2.4', 'REDIS', 11],
    ['redis', '8.4.0', 'REDIS', 12],
    ['redis', '8.10.1', 'REDIS', 14],
    ['redict', '7.3.6', 'REDIS', 11],
    ['valkey', '8.1.1', 'REDIS', 11],
    ['valkey', '9.1.2', 'VALKEY', 80],
  ] as const)('of %s %s is %s %i', (server, release, magic, version) => {
    expect(rdbTargetOf(server, release)).toEqual({ magic, version });
  });

  it.each([
    ['redis', '2.4'],
    ['valkey', '7.0'],
    ['redis', 'unknown'],
  ] as const)('of %s %s is none', (server, version) => {
    const failing = () => rdbTargetOf(server, version);
    expect(failing).toThrow(withCode('INVALID_OPTION', /no RDB is known/));
  });
});

it.each([redis(5), redis(15), redis(8.5), { magic: 'VALKEY', version: 11 } as const])(
  'nothing is written for %o',
  (target) => {
    expect(() => new RdbWriter(target)).toThrow(withCode('INVALID_OPTION', /cannot be written/));
  },
);

describe('the bytes', () => {
  it('are those that a server would write', () => {
    const rdb = written(redis(9), [
      { type: 'database', database: 0 },
      { type: 'sizes', keys: 2, expires: 1 },
      key('n', 'string'),
      value('10'),
      END,
      key('s', 'string', { expiresAt: 4_000_000_000_000 }),
      value('hello'),
      END,
    ]);
    const due = [
      Buffer.from('REDIS0009').toString('hex'),
      // Database 0, of two keys, one of which expires; a string `n`, the integer 10 of eight bits.
      ...['fe00', 'fb0201', '00', '016e', 'c00a'],
      // When, in milliseconds and eight bytes; a string `s`, `hello`; the end.
      ...['fc', '00409452a3030000', '00', '0173', '0568656c6c6f', 'ff'],
    ].join('');
    expect(Buffer.from(rdb).toString('hex').slice(0, -16)).toBe(due);
    expect(collect([rdb]).at(-1)).toEqual({ type: 'end', checksum: 'right' });
  });

  it('begin with the magic of the target', () => {
    const headOf = (target: RdbTarget) => Buffer.from(written(target, [])).toString('latin1', 0, 9);
    expect([redis(6), redis(14), VALKEY].map(headOf)).toEqual([
      'REDIS0006',
      'REDIS0014',
      'VALKEY080',
    ]);
  });
});

describe('what the target cannot say', () => {
  const module = { name: 'abcdefghi', version: 1 };
  const stream: WritableEvent = {
    type: 'stream',
    length: 0,
    lastId: '1-1',
    firstId: undefined,
    maxDeletedId: undefined,
    entriesAdded: undefined,
  };
  const cases: [string, RdbTarget, WritableEvent[], RdbLoss['what'], RegExp][] = [
    [
      'a stream',
      redis(8),
      [key('k', 'stream'), stream, END],
      'key',
      /REDIS 8 has no form of the type stream, in key "k"/,
    ],
    [
      'a module',
      redis(7),
      [key('k', 'module'), { type: 'module-id', module }, END],
      'key',
      /module, in key "k"/,
    ],
    [
      'an array',
      VALKEY,
      [key('k', 'array'), END],
      'key',
      /VALKEY 80 has no form of the type array/,
    ],
    [
      'times of fields',
      redis(11),
      [key('k', 'hash', { fieldsExpire: true }), field('f', 5), END],
      'field-times',
      /field-times, in key "k"/,
    ],
    [
      'times of fields, not said ahead',
      redis(11),
      [key('k', 'hash'), field('f', 5), END],
      'field-times',
      /field-times, in key "k"/,
    ],
    [
      'a library',
      redis(9),
      [{ type: 'function', code: bytesOf('#!lua') }],
      'function',
      /function$/,
    ],
    [
      'what a module keeps',
      redis(8),
      [{ type: 'module-aux', module, bytes: bytesOf('\0') }],
      'module-aux',
      /module-aux$/,
    ],
    [
      'what modules tell of a key',
      redis(12),
      [key('k', 'string', { metadata: METADATA }), value('v'), END],
      'metadata',
      /has no form of metadata, in key "k"$/,
    ],
    [
      'an import',
      redis(12),
      [{ type: 'slot-import', job: 'j'.repeat(40), ranges: [[1, 2]] }],
      'slot-import',
      /slot-import$/,
    ],
  ];

  it.each(cases)(
    '%s: is refused, or left out where somebody listens',
    (_, target, events, what, message) => {
      expect(refused(target, events)).toEqual(withCode('UNSUPPORTED', message));
      const losses: RdbLoss[] = [];
      const rdb = written(target, [...events, key('other', 'string'), value('v'), END], {
        onLoss: (loss: RdbLoss) => losses.push(loss),
      });
      const isOfKey = events[0]!.type === 'key';
      expect(losses).toEqual([{ what, key: isOfKey ? bytesOf('k') : undefined }]);
      const keys = read(rdb).filter(({ type }) => type === 'key');
      expect(keys.map((one) => one.key)).toEqual(
        what === 'field-times' || what === 'metadata' ? ['k', 'other'] : ['other'],
      );
    },
  );

  it('a field stays, without its time', () => {
    const events = [key('k', 'hash', { fieldsExpire: true }), field('f', 5), field('g'), END];
    const told = read(written(redis(11), events, { onLoss: () => {} }));
    const fields = told.filter(({ type }) => type === 'field');
    expect(fields).toMatchObject([
      { field: 'f', value: 'v', expiresAt: undefined },
      { field: 'g', value: 'v', expiresAt: undefined },
    ]);
  });

  it('what modules tell of a key is written before it', () => {
    const events = [key('k', 'string', { metadata: METADATA, expiresAt: 5 }), value('v'), END];
    const told = read(written(redis(13), [...events, key('l', 'string'), value('w'), END]));
    expect(told.filter(({ type }) => type === 'key')).toMatchObject([
      { key: 'k', expiresAt: 5, metadata: '\x01\x01\x02\x03\x04\x00' },
      { key: 'l', expiresAt: undefined, metadata: undefined },
    ]);
  });

  it('hints are left out, and nobody is told', () => {
    const hints = [
      { type: 'aux', key: 'redis-ver', value: '9' },
      { type: 'sizes', keys: 1, expires: 0 },
      { type: 'slot', slot: 1, keys: 1, expires: 0 },
      key('k', 'string', { idle: 5, frequency: 7 }),
      value('v'),
      END,
    ] as const;
    expect(read(written(redis(6), hints)).map(({ type }) => type)).toEqual([
      'key',
      'value',
      'key-end',
      'end',
    ]);
    const told = read(written(redis(12), hints));
    expect(told.slice(0, 3)).toEqual(hints.slice(0, 3));
    expect(told[3]).toMatchObject({ idle: 5, frequency: 7 });
  });

  it('a stream is taken back to the form before', () => {
    const events: WritableEvent[] = [
      key('s', 'stream', { valueType: 27 }),
      { type: 'entry', id: '1-1', fields: [bytesOf('f'), bytesOf('v')] },
      { ...stream, length: 1, firstId: '1-1', maxDeletedId: '0-0', entriesAdded: 1n },
      { type: 'count', of: 'group', count: 1 },
      { type: 'group', name: bytesOf('g'), lastId: '1-1', entriesRead: 1n },
      { type: 'consumer', name: bytesOf('c'), seenAt: 5, activeAt: 6 },
      { type: 'count', of: 'negative', count: 0 },
      { type: 'idempotence', duration: 100, most: 100 },
      { type: 'producer', id: bytesOf('p') },
      { type: 'idempotence-counts', counts: [1n, 0n] },
      END,
    ];
    const losses: string[] = [];
    const typesOf = (version: number) =>
      written(redis(version), events, { onLoss: ({ what }: RdbLoss) => losses.push(what) });
    const told = (version: number) =>
      collect([typesOf(version)]).find(({ type }) => type === 'key')?.valueType;
    expect([9, 10, 11, 12, 13, 14].map(told)).toEqual([15, 19, 21, 21, 26, 27]);
    expect(losses).toEqual(Array(4).fill('idempotence'));
    expect(read(typesOf(9)).find(({ type }) => type === 'consumer')).toMatchObject({
      seenAt: 5,
      activeAt: undefined,
    });
    const withNegative = [...events.slice(0, 6), { type: 'negative', id: '1-1' } as const, END];
    expect(refused(redis(13), withNegative, { onLoss: () => {} })).toEqual(
      withCode('UNSUPPORTED', /negative, in key "s"/),
    );
  });
});

describe('a type of which the number means something else', () => {
  const events = [key('h', 'hash', { fieldsExpire: true }), field('f', 1_000_000), field('g'), END];

  it.each([
    [redis(12), VALKEY, 24, 22],
    [VALKEY, redis(12), 22, 24],
  ])('is written anew, from %o to %o', (from, to, before, after) => {
    const rdb = written(from, events);
    const again = rewritten(rdb, to, { raw: true });
    const typeOf = (bytes: Uint8Array) =>
      collect([bytes]).find(({ type }) => type === 'key')?.valueType;
    expect([typeOf(rdb), typeOf(again)]).toEqual([before, after]);
    expect(read(again)).toEqual(read(rdb));
  });

  it('is not taken raw', () => {
    const writer = new RdbWriter(redis(12));
    writer.write({ type: 'header', ...VALKEY });
    const hash = key('h', 'hash', { valueType: 22 });
    expect(writer.takesRaw(hash)).toBe(false);
    expect(writer.takesRaw(key('h', 'hash', { valueType: 4 }))).toBe(true);
    expect(writer.takesRaw(key('h', 'hash'))).toBe(false);
    writer.write(hash);
    expect(() => writer.write({ type: 'raw', bytes: bytesOf('\0') })).toThrow(
      withCode('UNSUPPORTED', /raw value of type 22 is not what REDIS 12 reads, in key "h"/),
    );
  });
});

describe('events out of place', () => {
  const cases: [string, WritableEvent[]][] = [
    ['a value without a key', [value('v')]],
    ['an element of another type', [key('k', 'set'), value('v')]],
    ['a string of two values', [key('k', 'string'), value('v'), value('v')]],
    ['a string without one', [key('k', 'string'), END]],
    ['a key in a value', [key('k', 'set'), key('l', 'set')]],
    ['an end in a value', [key('k', 'set'), { type: 'end' }]],
    ['an aux field in a value', [key('k', 'set'), { type: 'aux', key: 'a', value: 'b' }]],
    [
      'raw behind elements',
      [key('k', 'set', { valueType: 2 }), member('m'), { type: 'raw', bytes: bytesOf('') }],
    ],
    [
      'elements behind raw',
      [key('k', 'set', { valueType: 2 }), { type: 'raw', bytes: bytesOf('\0') }, member('m')],
    ],
    [
      'a second count',
      [
        key('k', 'set'),
        { type: 'count', of: 'member', count: 1 },
        { type: 'count', of: 'member', count: 1 },
      ],
    ],
    [
      'more than were said',
      [key('k', 'set'), { type: 'count', of: 'member', count: 1 }, member('a'), member('b')],
    ],
    [
      'fewer than were said',
      [key('k', 'set'), { type: 'count', of: 'member', count: 2 }, member('a'), END],
    ],
    ['a count of something else', [key('k', 'set'), { type: 'count', of: 'field', count: 2 }]],
    [
      'a pending entry without a group',
      [key('k', 'stream'), { type: 'pending', id: '1-1', deliveredAt: 1, deliveries: 1 }],
    ],
    [
      'a stream that tells nothing of itself',
      [key('k', 'stream'), { type: 'entry', id: '1-1', fields: [] }, END],
    ],
    ['times that were not said ahead', [key('k', 'hash'), field('f', 5)]],
  ];

  it.each(cases)('%s', (_, events) => {
    expect(refused(redis(12), events)).toEqual(withCode('MISUSE', /./));
  });

  it('anything after the end, and after an error', () => {
    const writer = new RdbWriter(redis(12));
    writer.write({ type: 'end' });
    expect(writer.done).toBe(true);
    const error = withCode('MISUSE', /database cannot come here/);
    expect(() => writer.write({ type: 'database', database: 1 })).toThrow(error);
    expect(() => writer.write(key('k', 'set'))).toThrow(error);
  });
});

it.each([
  ['an id', [key('k', 'stream'), { type: 'entry', id: '1', fields: [] }]],
  [
    'an id of more than 64 bits',
    [key('k', 'stream'), { type: 'entry', id: '18446744073709551616-0', fields: [] }],
  ],
  ['an entry', [key('k', 'stream'), { type: 'entry', id: '1-1', fields: [bytesOf('f')] }]],
  ['a time', [key('k', 'string', { expiresAt: 1.5 }), value('v')]],
  ['a frequency', [key('k', 'string', { frequency: 256 }), value('v')]],
  ['an idle time', [key('k', 'string', { idle: -1 }), value('v')]],
  ['a database', [{ type: 'database', database: -1 }]],
  ['a count', [key('k', 'set'), { type: 'count', of: 'member', count: 1.5 }]],
  ['an index', [key('k', 'array'), { type: 'slot-value', index: 2n ** 64n, value: bytesOf('v') }]],
  ['an index below 0', [key('k', 'array'), { type: 'insert-index', index: -1n }]],
  ['a time of a field', [key('k', 'hash', { fieldsExpire: true }), field('f', -5)]],
  [
    'the name of a module',
    [key('k', 'module'), { type: 'module-id', module: { name: 'short', version: 1 } }],
  ],
  ['an aux field', [{ type: 'aux', key: 'a', value: '→' }]],
] as [string, WritableEvent[]][])('%s that has no form is refused', (_, events) => {
  expect(refused(redis(14), events)).toEqual(withCode('INVALID_VALUE', /./));
});

it('a payload of no type or version is refused', () => {
  for (const [type, version] of [
    [256, 9],
    [0, 65_536],
    [1.5, 9],
  ] as const) {
    expect(() => restorePayload(type, bytesOf('\0'), version)).toThrow(
      withCode('INVALID_VALUE', /./),
    );
  }
});

describe('what is held', () => {
  it('has a limit, which is not for what passes through', () => {
    const members = Array.from({ length: 100 }, (_, i) => member(`${i} and more`));
    const options = { maxHeld: 1024 };
    expect(refused(redis(12), [key('k', 'set'), ...members, END], options)).toEqual(
      withCode('TOO_LONG', /more than 1024 bytes .* in key "k"/),
    );
    const counted = { type: 'count', of: 'member', count: 100 } as const;
    expect(
      refused(redis(12), [key('k', 'set'), counted, ...members, END], options),
    ).toBeUndefined();
  });

  it.each([7, 9, 10, 12])(
    'is a node of a list that is read, and no more: for version %i',
    (version) => {
      const items = [
        ...Array.from({ length: 20_000 }, (_, i) => `item ${i}`),
        ...['x'.repeat(253), 'after', 'y'.repeat(300), 'after', 'z'.repeat(3000), 'after', ''],
        ...[0, 12, 13, 127, -128, 128, 40_000, 8_388_608, 2 ** 31, -(2 ** 40)].map(String),
      ].map((text) => ({ type: 'item', value: bytesOf(text) }) as const);
      const nodes = Array.from({ length: 201 }, (_, i) => {
        return [{ type: 'node' } as const, ...items.slice(i * 100, i * 100 + 100)];
      });
      const count = { type: 'count', of: 'node', count: 201 } as const;
      const options = { maxHeld: 8192 };
      const rdb = written(redis(version), [key('l', 'list'), count, ...nodes.flat(), END], options);
      const told = read(rdb).filter(({ type }) => type === 'item');
      expect(told.map((one) => one.value)).toEqual(items.map((one) => textOf(one.value)));
      for (const other of [7, 12]) {
        expect(read(rewritten(rdb, redis(other), options))).toEqual(read(rdb));
      }
    },
  );
});

it('a reader tells of counts and nodes where it is told to', () => {
  const events: WritableEvent[] = [
    key('l', 'list'),
    { type: 'node' },
    { type: 'item', value: bytesOf('a') },
    END,
    key('s', 'set'),
    member('m'),
    END,
  ];
  const rdb = written(redis(10), events);
  const typesOf = (counts: boolean) => {
    const told = collect([rdb], { counts });
    return told.map(({ type, of }) => (type === 'count' ? `count of ${of}` : type));
  };
  expect(typesOf(true)).toEqual([
    ...['header', 'key', 'count of node', 'node', 'item', 'key-end'],
    ...['key', 'count of member', 'member', 'key-end', 'end'],
  ]);
  expect(typesOf(false)).toEqual([
    'header',
    'key',
    'item',
    'key-end',
    'key',
    'member',
    'key-end',
    'end',
  ]);
});

it('keys of several snapshots make one, each in its database', () => {
  const one = written(redis(10), [key('a', 'string', { database: 2 }), value('1'), END]);
  const other = written(redis(9), [key('b', 'string', { database: 3 }), value('2'), END]);
  const writer = new RdbWriter(redis(11));
  for (const rdb of [one, other]) {
    const reader = new RdbReader({ level: 'raw' });
    reader.push(rdb);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      const isOfKey = event.type === 'key' || event.type === 'raw' || event.type === 'key-end';
      if (event.type === 'header' || isOfKey) writer.write(event);
    }
  }
  writer.write({ type: 'end' });
  const told = read(concatBytes([writer.take()]));
  expect(told.filter(({ type }) => type === 'key')).toMatchObject([
    { key: 'a', database: 2 },
    { key: 'b', database: 3 },
  ]);
});

describe('an RDB', () => {
  it.each([
    [redis(9), 'redis 5.0, redict 7.2, valkey 7.2'],
    [redis(11), 'redis 7.2, redict 7.2, valkey 7.2'],
    [redis(12), 'redis 7.4'],
    [VALKEY, 'valkey 9.0'],
    [redis(15), ''],
  ])('of the form %o is loaded by %s and later', (form, expected) => {
    const servers = serversThatLoad(form).map(({ server, since }) => `${server} ${since}`);
    expect(servers.join(', ')).toBe(expected);
  });
});
