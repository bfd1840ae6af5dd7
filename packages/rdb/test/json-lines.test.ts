import { isUtf8 } from 'node:buffer';
import { bytesOf } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeBase64 } from '../src/bytes/base64.ts';
import { isUtf8 as isUtf8Here } from '../src/bytes/utf8.ts';
import type { WritableEvent } from '../src/index.ts';
import type { JsonLinesOptions } from '../src/json.ts';
import { ByteSink, JsonLines, keyName } from '../src/json.ts';
import { inPieces } from './collect.ts';
import { oneOfAllKinds } from './one-of-all-kinds.ts';
import { eachEvent, takeAll } from './take-all.ts';
import { written } from './write.ts';

const TARGET = { magic: 'REDIS', version: 12 } as const;

function text(pieces: readonly Uint8Array[], options?: JsonLinesOptions): string {
  const lines = new JsonLines(options);
  return Buffer.concat([takeAll(lines, pieces), lines.rest()]).toString();
}

function stringKey(key: string, value: Uint8Array): WritableEvent[] {
  return [
    { type: 'key', key: bytesOf(key), dataType: 'string', database: 0 },
    { type: 'value', value },
    { type: 'key-end' },
  ];
}

describe('JsonLines', () => {
  const kinds = oneOfAllKinds();

  it('writes one object for each key and, with meta, for each other part', () => {
    const lines = text([kinds], { meta: true })
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({ header: 'RDB', magic: 'REDIS', version: 12 });
    expect(lines[1]).toEqual({ aux: 'redis-ver', value: '7.4' });
    expect(lines.find(({ key }) => key === 'small zset')).toEqual({
      db: 3,
      key: 'small zset',
      type: 'zset',
      encoding: 'listpack',
      value: [{ member: 'm', score: 1.5 }],
    });
    expect(lines.at(-1)).toEqual({ end: true, checksum: 'right' });
  });

  it('gives the same bytes however the RDB is cut', () => {
    const whole = text([kinds], { meta: true });
    for (const length of [1, 2, 7, 64]) {
      expect(text(inPieces(kinds, length), { meta: true })).toBe(whole);
    }
  });

  it('writes only the keys that are selected', () => {
    const lines = text([kinds], { selects: ({ dataType }) => dataType === 'set' });
    expect(lines).toMatch(/^\{"db":3,"key":"set".*\}\n$/);
  });

  it('writes a string of megabytes step by step, as text or base64', () => {
    const long = 'é\u0001漢"\\abc'.repeat(60_000);
    const binary = new Uint8Array(500_001).map((_, i) => i * 7);
    const rdb = written(TARGET, [
      ...stringKey('text', Buffer.from(long)),
      ...stringKey('binary', binary),
    ]);
    const lines = new JsonLines();
    let largest = 0;
    lines.reader.push(rdb);
    const given: Buffer[] = [];
    eachEvent(lines.reader, (event) => {
      for (const bytes of lines.take(event)) {
        largest = Math.max(largest, bytes.length);
        given.push(Buffer.from(bytes));
      }
    });
    given.push(Buffer.from(lines.rest()));
    const values = Buffer.concat(given)
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).value);
    expect(values[0] === long).toBe(true);
    expect(Buffer.from(values[1].base64, 'base64').equals(binary)).toBe(true);
    expect(largest).toBeLessThan(512 * 1024);
  });

  it('writes a string in pieces as base64', () => {
    const value = new Uint8Array(200_000).fill(0x61);
    const [key, end] = [{ type: 'key', database: 0, dataType: 'string' }, { type: 'key-end' }];
    const lines = new JsonLines();
    const element = { type: 'value', value: new Uint8Array(0) } as const;
    const events = [
      { ...key, key: bytesOf('k'), valueType: 0, encoding: 'raw' },
      { type: 'long', element, string: 0, length: value.length },
      ...[1, 1, 100_001, 2, 99_995].map((length) => {
        return { type: 'piece', bytes: value.subarray(0, length) };
      }),
      { type: 'long-end', element, lengths: [value.length] },
      { ...end, size: 0 },
    ] as never[];
    const given: Buffer[] = [];
    for (const event of events) {
      for (const bytes of lines.take(event)) given.push(Buffer.from(bytes));
    }
    const line = Buffer.concat([...given, lines.rest()]).toString();
    expect(JSON.parse(line)).toMatchObject({ value: { base64: expect.any(String) } });
    expect(Buffer.from(JSON.parse(line).value.base64, 'base64').equals(value)).toBe(true);
  });

  it('leaves out an incomplete line when the RDB is cut short', () => {
    const rdb = written(TARGET, [
      ...stringKey('first', bytesOf('v')),
      { type: 'key', key: bytesOf('second'), dataType: 'list', database: 0 },
      { type: 'item', value: bytesOf('a') },
      { type: 'item', value: bytesOf('b'.repeat(15)) },
      { type: 'key-end' },
    ]);
    const lines = new JsonLines();
    lines.reader.push(rdb.subarray(0, rdb.length - 20));
    eachEvent(lines.reader, (event) => {
      for (const _ of lines.take(event));
    });
    expect(() => lines.reader.finish()).toThrow();
    expect(Buffer.from(lines.rest()).toString()).toBe(
      '{"db":0,"key":"first","type":"string","encoding":"raw","value":"v"}\n',
    );
  });
});

describe('bytes in JSON', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 12 }).map((one) => Uint8Array.from(Buffer.from(one))),
    fc
      .array(fc.constantFrom(0x61, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0), {
        maxLength: 5,
      })
      .chain((tail) =>
        fc
          .constantFrom(0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5)
          .map((first) => Uint8Array.of(first, ...tail)),
      ),
  );

  it('are a string if they are UTF-8, otherwise base64', () => {
    fc.assert(
      fc.property(bytes, (one) => {
        const sink = new ByteSink(16);
        sink.json(one);
        const value = isUtf8(one)
          ? Buffer.from(one).toString()
          : { base64: Buffer.from(one).toString('base64') };
        expect(isUtf8Here(one)).toBe(isUtf8(one));
        expect(JSON.parse(Buffer.from(sink.view).toString())).toEqual(value);
        expect(keyName(one)).toBe(JSON.stringify(value));
      }),
      { numRuns: 2000 },
    );
  });

  it('have the same base64 as from Node', () => {
    for (let length = 0; length < 20; length++) {
      const one = new Uint8Array(length).map((_, i) => i * 89 + length);
      const digits = new Uint8Array(Math.ceil(length / 3) * 4);
      expect(writeBase64(one, digits, 0)).toBe(digits.length);
      expect(Buffer.from(digits).toString()).toBe(Buffer.from(one).toString('base64'));
    }
  });

  it('of a long key are cut where a character begins', () => {
    expect(keyName(Buffer.from('é'.repeat(60)))).toBe(`"${'é'.repeat(50)}"…`);
    expect(keyName(Buffer.from(`a${'é'.repeat(60)}`))).toBe(`"a${'é'.repeat(49)}"…`);
  });
});
