import { concatBytes, randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { RdbElement, RdbEvent, RdbTarget, WritableEvent } from '../src/index.ts';
import { RdbReader, RdbWriter } from '../src/index.ts';
import { rawString } from './encode.ts';

const SHORT = Buffer.from('short');
const [REDIS, VALKEY] = [
  { magic: 'REDIS', version: 14 },
  { magic: 'VALKEY', version: 80 },
] as const;

/** Bytes that LZF makes less of, with references as far back as they reach. */
function long(length: number, seed: number): Uint8Array {
  const random = randomFrom(seed);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; ) {
    const end = Math.min(length, i + random.integer(1, 400));
    const back = random.integer(1, 8192);
    const copies = back <= i && random.float() < 0.7;
    for (; i < end; i++) bytes[i] = copies ? bytes[i - back]! : random.integer(0, 255);
  }
  return bytes;
}

/** One key of each type with elements, long strings in each place where there can be one. */
function valuesOf(a: Uint8Array, b: Uint8Array): Readonly<Record<string, readonly RdbElement[]>> {
  const field = (name: Uint8Array, value: Uint8Array, expiresAt?: number) =>
    ({ type: 'field', field: name, value, expiresAt }) as const;
  return {
    string: [{ type: 'value', value: a }],
    set: [a, SHORT, b].map((member) => ({ type: 'member', member })),
    zset: [a, SHORT, b].map((member, i) => ({ type: 'scored', member, score: i + 0.5 })),
    hash: [
      ...[field(SHORT, a), field(a, SHORT, 5_000_000), field(b, a, 6_000_000)],
      ...[field(b, b), field(Buffer.from('x'), SHORT)],
    ],
    module: [
      { type: 'module-id', module: { name: 'forebaymt', version: 1 } },
      { type: 'module-value', kind: 'string', value: a },
      { type: 'module-value', kind: 'unsigned', value: 3n },
      { type: 'module-value', kind: 'string', value: SHORT },
    ],
  };
}

function rdbOf(
  values: Readonly<Record<string, readonly RdbElement[]>>,
  target: RdbTarget,
  compress: boolean,
): Uint8Array {
  const writer = new RdbWriter(target, { compress });
  for (const [dataType, elements] of Object.entries(values)) {
    const key = Buffer.from(dataType);
    const fieldsExpire = dataType === 'hash';
    writer.write({ type: 'key', key, dataType, database: 0, fieldsExpire } as WritableEvent);
    for (const element of elements) writer.write(element);
    writer.write({ type: 'key-end' });
  }
  writer.write({ type: 'end' });
  return writer.take();
}

/** Names of the strings of an element, in their order. */
const STRINGS = ['member', 'field', 'value'];

/** What is read, long strings put together. */
function joined(events: readonly RdbEvent[]): RdbEvent[] {
  const all: RdbEvent[] = [];
  let strings: { index: number; length: number; pieces: Uint8Array[] }[] = [];
  for (const event of events) {
    if (event.type === 'long') {
      strings.push({ index: event.string, length: event.length, pieces: [] });
    } else if (event.type === 'piece') strings.at(-1)!.pieces.push(event.bytes);
    else if (event.type === 'long-end') {
      const element: Record<string, unknown> = { ...event.element };
      const names = STRINGS.filter((name) => element[name] instanceof Uint8Array);
      for (const { index, length, pieces } of strings) {
        expect(element[names[index]!]).toHaveLength(0);
        const whole = concatBytes(pieces);
        expect(whole).toHaveLength(length);
        element[names[index]!] = whole;
      }
      const lengths = names.map((name) => (element[name] as Uint8Array).length);
      expect(event.lengths).toEqual(lengths);
      all.push(element as unknown as RdbEvent);
      strings = [];
    } else all.push(event);
  }
  return all;
}

function read(rdb: Uint8Array, step: number, maxLength?: number): RdbEvent[] {
  const reader = new RdbReader(maxLength === undefined ? {} : { maxLength });
  const events: RdbEvent[] = [];
  for (let at = 0; at < rdb.length; at += step) {
    reader.push(rdb.slice(at, at + step));
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      events.push(copied(event));
    }
  }
  reader.finish();
  return events;
}

function copied(event: RdbEvent): RdbEvent {
  const copy: Record<string, unknown> = { ...event };
  for (const [name, value] of Object.entries(copy)) {
    if (value instanceof Uint8Array) copy[name] = new Uint8Array(value);
    else if (name === 'element') copy[name] = copied(value as RdbEvent);
  }
  return copy as unknown as RdbEvent;
}

describe.each([
  ['Redis', REDIS, false],
  ['Redis', REDIS, true],
  ['Valkey', VALKEY, false],
  ['Valkey', VALKEY, true],
] as const)('strings longer than maxLength in an RDB of %s', (_, target, compress) => {
  const seed = runSeed();
  const values = valuesOf(long(300_000, seed), long(3000, seed + 1));

  it.each([13, 4096, 1_000_000_000])(
    `come in pieces that are the strings, pushed in pieces of %s (compressed: ${compress}, seed ${seed})`,
    (step) => {
      const rdb = rdbOf(values, target, compress);
      const whole = read(rdb, rdb.length);
      const events = read(rdb, step, 1000);
      expect(events.some(({ type }) => type === 'long')).toBe(true);
      for (const event of events) {
        if (event.type === 'piece') expect(event.bytes.length).toBeLessThan(800_000);
      }
      // Not by the matcher, which takes minutes to say how arrays of that size differ.
      const same = joined(events).every(
        (event, i) => JSON.stringify(event, text) === JSON.stringify(whole[i], text),
      );
      expect(same).toBe(true);
      expect(joined(events)).toHaveLength(whole.length);
    },
  );

  it('can be skipped in the middle, with the rest of the value', () => {
    const rdb = rdbOf(values, target, compress);
    for (const leaveAt of ['long', 'piece', 'long-end']) {
      const reader = new RdbReader({ maxLength: 1000 });
      const seen: string[] = [];
      for (let at = 0; at < rdb.length; at += 20_000) {
        reader.push(rdb.slice(at, at + 20_000));
        for (let event = reader.next(); event !== undefined; event = reader.next()) {
          if (event.type === leaveAt) reader.skip();
          if (event.type === 'key') seen.push(Buffer.from(event.key).toString());
        }
      }
      reader.finish();
      expect(seen).toEqual(Object.keys(values));
    }
  });
});

function text(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

it('a list node of one long item is read in pieces', () => {
  const item = 'x'.repeat(5000);
  const list = [Uint8Array.of(18), rawString('k'), Uint8Array.of(2, 1), rawString(item)];
  const rest = [Uint8Array.of(1), rawString('y'), Uint8Array.of(255, ...new Array(8).fill(0))];
  const rdb = concatBytes([Buffer.from('REDIS0010'), ...list, ...rest]);
  const events = joined(read(rdb, 100, 1000)).filter(({ type }) => type === 'item');
  expect(events).toEqual([
    { type: 'item', value: new Uint8Array(Buffer.from(item)) },
    { type: 'item', value: new Uint8Array(Buffer.from('y')) },
  ]);
});

it('a string above 4 GiB has a length of 64 bits, and passes through in pieces', () => {
  const reader = new RdbReader();
  const length = 5 * 2 ** 30;
  const head = Buffer.alloc(9);
  head[0] = 0x81;
  head.writeBigUInt64BE(BigInt(length), 1);
  reader.push(concatBytes([Buffer.from('REDIS0011'), Uint8Array.of(0, 1, 107), head]));
  const types: string[] = [];
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    types.push(event.type);
    if (event.type === 'long') expect(event.length).toBe(length);
  }
  expect(types).toEqual(['header', 'key', 'long']);
  const chunk = new Uint8Array(1024);
  reader.push(chunk);
  expect(reader.next()).toMatchObject({ type: 'piece' });
  expect(reader.next()).toBeUndefined();
});

it('damaged LZF of a long string is reported with its position', () => {
  const values = { string: [{ type: 'value', value: long(50_000, 7) }] } as const;
  const rdb = rdbOf(values, REDIS, true).slice();
  // The length that it expands to is behind that of the compressed bytes; both have four bytes here.
  rdb[rdb.length - 1000] = 0xff;
  rdb[rdb.length - 999] = 0xff;
  rdb[rdb.length - 998] = 0xff;
  let failure: unknown;
  try {
    read(rdb, 500, 1000);
  } catch (error) {
    failure = error;
  }
  expect(failure).toMatchObject({ code: expect.stringMatching(/CORRUPT|BAD_CHECKSUM/) });
});
