import { bytesOf } from '@forebay/testkit';
import fc from 'fast-check';
import type { DataType, RdbElement, WritableEvent } from '../src/index.ts';

const LENGTHS = [0, 1, 20, 21, 63, 64, 4095, 4096, 8192, 8193, 16_383, 16_384, 70_000];
const INTEGERS = [
  ...[0, 127, 128, 32_767, 32_768, 8_388_607, 8_388_608, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53],
].flatMap((value) => [String(value), String(-value), String(-value - 1)]);
const NO_INTEGERS = ['-0', '-', '00', '01', '+1', '1 ', '9223372036854775808', '1e3', '٣'];

/** Strings in every encoding, and near to the bounds of each. */
export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.integer().map((value) => bytesOf(String(value))) },
  fc.constantFrom(...INTEGERS, ...NO_INTEGERS).map((text) => new Uint8Array(Buffer.from(text))),
  fc
    .tuple(fc.constantFrom(...LENGTHS), fc.uint8Array({ minLength: 1, maxLength: 300 }))
    .map(([length, pattern]) =>
      Uint8Array.from({ length }, (_, i) => pattern[i % pattern.length]!),
    ),
  fc
    .tuple(fc.constantFrom(...LENGTHS), fc.integer())
    .map(([length, seed]) =>
      Uint8Array.from({ length }, (_, i) => Math.imul(i ^ seed, 0x9e3779b1) >>> 24),
    ),
);

const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 8): fc.Arbitrary<T[]> =>
  fc.oneof({ weight: 9, arbitrary: fc.array(arbitrary, { maxLength }) }, fc.constant<T[]>([]));

const score = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(
    0,
    -0,
    1,
    1e300,
    5e-324,
    Number.MAX_VALUE,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ),
);
const time = fc.oneof(
  fc.integer({ min: 1, max: 2 ** 48 - 2 }),
  fc.constantFrom(1, 2 ** 32, 2 ** 47),
);
const exact = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.nat().map(BigInt),
  fc.constantFrom(0n, 63n, 64n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
);
const streamId = fc.tuple(exact, exact).map(([ms, sequence]) => `${ms}-${sequence}`);

type Elements = fc.Arbitrary<RdbElement[]>;

function elements<T extends RdbElement>(arbitrary: fc.Arbitrary<T>): Elements {
  return some(arbitrary) as Elements;
}

const string: Elements = bytes.map((value) => [{ type: 'value', value }]);
const list = elements(fc.record({ type: fc.constant('item' as const), value: bytes }));
const set = elements(fc.record({ type: fc.constant('member' as const), member: bytes }));
const zset = elements(fc.record({ type: fc.constant('scored' as const), member: bytes, score }));
const field = { type: fc.constant('field' as const), field: bytes, value: bytes };
const hash = elements(fc.record({ ...field, expiresAt: fc.constant(undefined) }));
const expiringHash = elements(
  fc.record({ ...field, expiresAt: fc.option(time, { nil: undefined }) }),
);

const module: Elements = fc
  .tuple(
    fc.record({
      name: fc.string({ unit: fc.constantFrom(...'AZaz09-_'), minLength: 9, maxLength: 9 }),
      version: fc.integer({ min: 0, max: 1023 }),
    }),
    some(
      fc.oneof(
        moduleValue(
          'signed',
          exact.map((value) => BigInt.asIntN(64, value)),
        ),
        moduleValue('unsigned', exact),
        moduleValue('float', fc.float({ noNaN: true })),
        moduleValue('double', fc.double({ noNaN: true })),
        moduleValue('string', bytes),
      ),
    ),
  )
  .map(([id, values]) => [{ type: 'module-id', module: id }, ...values]);

function moduleValue(
  kind: Extract<RdbElement, { type: 'module-value' }>['kind'],
  value: fc.Arbitrary<Uint8Array | bigint | number>,
): fc.Arbitrary<RdbElement> {
  return value.map((one) => ({ type: 'module-value', kind, value: one }));
}

const array: Elements = fc
  .tuple(
    fc.option(exact),
    some(fc.record({ type: fc.constant('slot-value' as const), index: exact, value: bytes })),
  )
  .map(([index, values]) =>
    index === null ? values : [{ type: 'insert-index', index }, ...values],
  );

/** Entries with the same names of fields and others. */
const entry = fc
  .tuple(
    streamId,
    fc.oneof(
      some(fc.tuple(bytes, bytes), 3),
      fc.tuple(bytes).map(([value]) => [[bytesOf('name'), value] as const]),
    ),
  )
  .map(([id, pairs]) => ({ type: 'entry', id, fields: pairs.flat() }) as const);

const pendingOf = (type: 'consumer-pending' | 'negative') =>
  some(
    streamId.map((id) => ({ type, id }) as const),
    3,
  );

function consumer(form: number): fc.Arbitrary<RdbElement[]> {
  const head = fc.record({
    type: fc.constant('consumer' as const),
    name: bytes,
    seenAt: time,
    activeAt: form >= 3 ? fc.oneof(time, fc.constant(-1)) : fc.constant(undefined),
  });
  return fc.tuple(head, pendingOf('consumer-pending')).map(([one, ids]) => [one, ...ids]);
}

function group(form: number): fc.Arbitrary<RdbElement[]> {
  const head = fc.record({
    type: fc.constant('group' as const),
    name: bytes,
    lastId: streamId,
    entriesRead: form >= 2 ? fc.constantFrom(undefined, 0n, 7n, 2n ** 62n) : fc.constant(undefined),
  });
  const pending = fc.record({
    type: fc.constant('pending' as const),
    id: streamId,
    deliveredAt: time,
    deliveries: fc.nat(),
  });
  return fc
    .tuple(
      head,
      some(pending, 4),
      some(consumer(form), 3),
      form >= 5 ? pendingOf('negative') : fc.constant([]),
    )
    .map(([one, entries, consumers, negatives]) => [
      one,
      ...entries,
      ...consumers.flat(),
      ...negatives,
    ]);
}

const idempotence: Elements = fc
  .tuple(
    fc.record({ type: fc.constant('idempotence' as const), duration: fc.nat(), most: fc.nat() }),
    some(
      fc.tuple(
        fc.record({ type: fc.constant('producer' as const), id: bytes }),
        some(
          fc.record({ type: fc.constant('produced' as const), message: bytes, id: streamId }),
          3,
        ),
      ),
      3,
    ),
    fc.record({ type: fc.constant('idempotence-counts' as const), counts: fc.tuple(exact, exact) }),
  )
  .map(([one, producers, counts]) => [one, ...producers.flat(2), counts]);

/** A stream as a reader tells it of that form. */
function stream(form: number): Elements {
  const isOld = form < 2;
  const head = fc.record({
    type: fc.constant('stream' as const),
    length: fc.nat(),
    lastId: streamId,
    firstId: isOld ? fc.constant(undefined) : streamId,
    maxDeletedId: isOld ? fc.constant(undefined) : streamId,
    entriesAdded: isOld ? fc.constant(undefined) : exact,
  });
  return fc
    .tuple(some(entry, 20), head, some(group(form), 3), form >= 4 ? idempotence : fc.constant([]))
    .map(([entries, one, groups, rest]) => [...entries, one, ...groups.flat(), ...rest]);
}

const STREAM_TYPES = [15, 19, 21, 26, 27];

/** What the version can say of each type: `fields`: with times of fields. */
export interface Abilities {
  readonly streamForm: number;
  readonly fieldTimes: boolean;
  readonly modules: boolean;
  readonly arrays: boolean;
}

function keyOf(abilities: Abilities): fc.Arbitrary<WritableEvent[]> {
  const { streamForm, fieldTimes, modules, arrays } = abilities;
  const values: fc.Arbitrary<{ dataType: DataType; value: RdbElement[]; hints?: object }>[] = [
    string.map((value) => ({ dataType: 'string', value })),
    list.map((value) => ({ dataType: 'list', value })),
    set.map((value) => ({ dataType: 'set', value })),
    zset.map((value) => ({ dataType: 'zset', value })),
    hash.map((value) => ({ dataType: 'hash', value })),
  ];
  if (fieldTimes) {
    values.push(
      expiringHash.map((value) => ({ dataType: 'hash', value, hints: { fieldsExpire: true } })),
    );
  }
  if (modules) values.push(module.map((value) => ({ dataType: 'module', value })));
  if (arrays) values.push(array.map((value) => ({ dataType: 'array', value })));
  for (let form = 1; form <= streamForm; form++) {
    const hints = { valueType: STREAM_TYPES[form - 1]! };
    values.push(stream(form).map((value) => ({ dataType: 'stream', value, hints })));
  }
  return fc
    .tuple(
      bytes,
      fc.oneof(...values),
      fc.record({
        database: fc.nat(20),
        expiresAt: fc.option(time, { nil: undefined }),
        idle: fc.constant(undefined),
        frequency: fc.constant(undefined),
      }),
    )
    .map(([key, { dataType, value, hints = {} }, info]) => [
      { type: 'key', key, dataType, ...info, ...hints },
      ...value,
      { type: 'key-end' },
    ]);
}

/** Keys of every type that the version has, as a program would make them: without counts and nodes. */
export function keys(abilities: Abilities): fc.Arbitrary<WritableEvent[]> {
  return fc.array(keyOf(abilities), { maxLength: 6 }).map((all) => all.flat());
}
