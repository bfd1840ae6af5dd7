import {
  bytesOf,
  concatBytes,
  everySplit,
  randomFrom,
  splitAtRandom,
  textOf,
} from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandCursor, encodeValue, RespDecoder } from '../src/index.ts';
import { faultOf, readValues } from './reading.ts';
import { INVALID_VALUES, VALID_VALUES } from './value-vectors.ts';
import { anyValue, withoutNullForms } from './values.ts';

describe('values, whole, byte by byte and at every split', () => {
  it.each(VALID_VALUES)('$wire', ({ wire, value }) => {
    const bytes = bytesOf(wire);
    for (const split of everySplit(bytes)) {
      const read = readValues(split.pieces);
      expect(read, split.name).toEqual({ values: [value], fault: undefined, total: bytes.length });
    }
  });

  it.each(INVALID_VALUES)('$wire is $code at $offset', ({ wire, code, offset, options }) => {
    const bytes = bytesOf(`:1\r\n${wire}`);
    for (const split of everySplit(bytes)) {
      const read = readValues(split.pieces, options);
      expect(read, split.name).toEqual({
        values: [{ type: 'number', value: 1 }],
        fault: { code, offset: offset + 4 },
        total: 4,
      });
    }
  });

  it('follow each other, however the stream is cut', () => {
    const bytes = concatBytes(VALID_VALUES.map(({ wire }) => bytesOf(wire)));
    const values = VALID_VALUES.map(({ value }) => value);
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 400 }), (seed, longest) => {
        const read = readValues(splitAtRandom(bytes, randomFrom(seed), longest));
        expect(read.values).toEqual(values);
      }),
      { numRuns: 30 },
    );
  });
});

describe('any value', () => {
  it('is the same after it was written and read, but for the nulls of RESP2', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.integer({ min: 1, max: 200 }), (value, seed, longest) => {
        const bytes = encodeValue(value);
        const read = readValues(splitAtRandom(bytes, randomFrom(seed), longest));
        expect(read.fault).toBeUndefined();
        expect(read.values).toEqual([withoutNullForms(value)]);
        expect(textOf(encodeValue(read.values[0]!))).toBe(textOf(bytes));
      }),
    );
  });

  it('is read back from RESP2 as something that is written the same', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeValue(value, 2);
        const read = readValues([bytes.slice()]);
        expect(read.values).toHaveLength(1);
        expect(textOf(encodeValue(read.values[0]!, 2))).toBe(textOf(bytes));
      }),
    );
  });
});

describe('takeRest', () => {
  it('hands over what follows a value', () => {
    const decoder = new RespDecoder();
    decoder.push(bytesOf('+FULLRESYNC abc 0\r\n$5\r\nREDIS*1\r\n'));
    expect(decoder.next()).toEqual({ type: 'simple', text: 'FULLRESYNC abc 0' });
    expect(textOf(decoder.takeRest())).toBe('$5\r\nREDIS*1\r\n');
    expect(decoder.takeRest()).toHaveLength(0);
    decoder.push(bytesOf('+OK\r\n'));
    expect(decoder.next()).toEqual({ type: 'simple', text: 'OK' });
  });

  it('hands over a line or a length that is not complete, all of it', () => {
    for (const rest of ['+O', '$12', '$12\r', '*', '$?', '.']) {
      const decoder = new RespDecoder();
      for (const piece of [':1\r\n', ...rest]) decoder.push(bytesOf(piece));
      decoder.next();
      expect(decoder.next()).toBeUndefined();
      expect(textOf(decoder.takeRest())).toBe(rest);
    }
  });

  it.each(['$1\r\n', '$1\r\na', '*1\r\n', '*?\r\n', '$?\r\n', '|0\r\n'])(
    'is refused after %j',
    (wire) => {
      const decoder = new RespDecoder();
      decoder.push(bytesOf(wire));
      expect(decoder.next()).toBeUndefined();
      expect(faultOf(() => decoder.takeRest())).toEqual({
        code: 'INSIDE_VALUE',
        offset: undefined,
      });
    },
  );
});

it.each([
  ['a decoder', () => new RespDecoder()],
  ['a cursor', () => new CommandCursor()],
])('%s refuses text and what else is no bytes, and reads on', (_, made) => {
  const reader = made();
  for (const wrong of ['*1\r\n', 7, [42], new Uint16Array(1), new DataView(new ArrayBuffer(1))]) {
    const fault = faultOf(() => reader.push(wrong as unknown as Uint8Array));
    expect(fault).toEqual({ code: 'INVALID_VALUE', offset: undefined });
  }
  reader.push(bytesOf('*1\r\n$1\r\na\r\n'));
  expect(reader.next()).toBeTruthy();
});

describe('bare newlines', () => {
  it('between values are passed over when asked for', () => {
    for (const split of everySplit(bytesOf('\n\r\n\n+OK\r\n\n:1\r\n\n'))) {
      const read = readValues(split.pieces, { skipNewlines: true });
      expect(read.values, split.name).toHaveLength(2);
      expect(read.fault).toBeUndefined();
    }
  });

  it.each([
    ['*1\r\n\n', 'INVALID_TYPE', 4],
    ['$?\r\n\n', 'INVALID_TYPE', 4],
    ['\n\rx', 'INVALID_FRAMING', 2],
  ])('are refused in %j', (wire, code, offset) => {
    for (const split of everySplit(bytesOf(wire))) {
      expect(readValues(split.pieces, { skipNewlines: true }).fault).toEqual({ code, offset });
    }
  });
});

describe('a decoder', () => {
  it('repeats its error, and ignores what is pushed after it', () => {
    const decoder = new RespDecoder();
    decoder.push(bytesOf('?'));
    const first = faultOf(() => decoder.next());
    decoder.push(bytesOf('+OK\r\n'));
    expect(faultOf(() => decoder.next())).toEqual(first);
    expect(faultOf(() => decoder.takeRest())).toEqual(first);
    expect(first).toEqual({ code: 'INVALID_TYPE', offset: 0 });
  });

  it('may be given many chunks ahead', () => {
    const decoder = new RespDecoder();
    for (let i = 0; i < 1000; i++) decoder.push(bytesOf(`:${i}\r\n`));
    for (let i = 0; i < 1000; i++) expect(decoder.next()).toEqual({ type: 'number', value: i });
    expect(decoder.next()).toBeUndefined();
  });

  it('gives values that own their bytes', () => {
    const chunk = bytesOf('$3\r\nabc\r\n');
    const decoder = new RespDecoder();
    decoder.push(chunk);
    const value = decoder.next();
    chunk.fill(0);
    expect(value).toEqual({ type: 'bulk', bytes: bytesOf('abc') });
  });

  it.each([
    { maxBulkLength: 2 ** 31 },
    { maxLineLength: -1 },
    { maxElements: 0.5 },
    { maxDepth: 1_001 },
  ])('refuses %o', (options) => {
    expect(faultOf(() => new RespDecoder(options))?.code).toBe('INVALID_OPTION');
  });
});
