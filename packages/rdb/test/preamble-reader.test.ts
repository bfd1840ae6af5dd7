import {
  bytesOf,
  concatBytes,
  everySplit,
  randomFrom,
  runSeed,
  splitAtRandom,
} from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RdbError, RdbPreambleReader } from '../src/index.ts';
import { auxOf, readAll } from './drive.ts';
import {
  integerString,
  type LengthForm,
  lengthBytes,
  lzfParts,
  lzfString,
  preamble,
  rawString,
} from './encode.ts';

const ID = '0123456789abcdef0123456789abcdef01234567';

/** What a Redis 7.0 writes, with a string in each encoding. */
const SMALL = preamble('REDIS0010', [
  [rawString('redis-ver', 6), rawString('7.0.15', 14)],
  [rawString('redis-bits', 6), integerString(64, 8)],
  [rawString('ctime', 32), integerString(1_700_000_000, 32)],
  [rawString('repl-stream-db', 64), integerString(-1, 16)],
  [rawString('repl-id', 6), rawString(ID, 6)],
  [lzfString('lua lua lua lua', 6), lzfString('return 1 return 1 return 1', 14)],
]);
const SMALL_AUX = [
  ['redis-ver', '7.0.15'],
  ['redis-bits', '64'],
  ['ctime', '1700000000'],
  ['repl-stream-db', '-1'],
  ['repl-id', ID],
  ['lua lua lua lua', 'return 1 return 1 return 1'],
];

const withCode = (code: string) => expect.objectContaining({ name: 'RdbError', code });

/** What a preamble with just this value says of it. */
function readValue(value: Uint8Array, reader?: RdbPreambleReader) {
  const { events, error } = readAll([preamble('REDIS0011', [[rawString('k'), value]])], reader);
  return error?.code ?? auxOf(events)[0]?.[1];
}

describe('the header', () => {
  it.each([
    ['REDIS0001', 'REDIS', 1],
    ['REDIS0012', 'REDIS', 12],
    ['REDIS9999', 'REDIS', 9999],
    ['VALKEY080', 'VALKEY', 80],
  ])('%s is read, newer versions than today’s included', (text, magic, version) => {
    const { events, position } = readAll([preamble(text, [])]);
    expect(events).toEqual([{ type: 'header', magic, version }, { type: 'end' }]);
    expect(position).toBe(9);
  });

  it.each([
    ['redis0012', 'BAD_MAGIC', 0],
    ['*1\r\n$4\r\nPING', 'BAD_MAGIC', 0],
    ['VALKET080', 'BAD_MAGIC', 0],
    ['REDIS00 9', 'BAD_VERSION', 5],
    ['REDIS-001', 'BAD_VERSION', 5],
    ['REDIS0000', 'BAD_VERSION', 5],
    ['VALKEY000', 'BAD_VERSION', 6],
  ])('%j is none', (text, code, position) => {
    expect(readAll([bytesOf(text)]).error).toEqual({ code, position });
  });
});

describe('the auxiliary fields', () => {
  it('are read at every split, and nothing of them is kept', () => {
    for (const { name, pieces } of everySplit(SMALL)) {
      const { events, position, error } = readAll(pieces);
      expect(error, name).toBeUndefined();
      expect(events[0], name).toEqual({ type: 'header', magic: 'REDIS', version: 10 });
      expect(auxOf(events), name).toEqual(SMALL_AUX);
      expect(events.at(-1), name).toEqual({ type: 'end' });
      expect(position, name).toBe(SMALL.length - 1);
    }
  });

  it('cut off at any byte are what came before, and an error at the end', () => {
    for (let length = 0; length < SMALL.length; length++) {
      const { events, error } = readAll([SMALL.subarray(0, length)]);
      expect(error).toEqual({ code: 'TRUNCATED', position: length });
      const aux = auxOf(events);
      expect(aux).toEqual(SMALL_AUX.slice(0, aux.length));
    }
  });

  it('with any one byte changed are read differently or refused, and nothing else happens', () => {
    for (let at = 0; at < SMALL.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = new Uint8Array(SMALL);
        changed[at] = byte;
        const { events, error, position } = readAll([changed]);
        expect(error?.position ?? 0).toBeLessThanOrEqual(changed.length);
        expect(position).toBeLessThanOrEqual(changed.length);
        if (error === undefined) expect(events.at(-1)).toEqual({ type: 'end' });
      }
    }
  });

  it.each([0x00, 0xf3, 0xf5, 0xf7, 0xfb, 0xfe, 0xff])('end at the opcode %i', (opcode) => {
    const bytes = concatBytes([SMALL.subarray(0, -1), Uint8Array.of(opcode, 1, 2, 3)]);
    expect(readAll([bytes])).toMatchObject({ error: undefined, position: SMALL.length - 1 });
  });

  it('are bytes, one character each', () => {
    const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    const { events } = readAll([preamble('REDIS0010', [[rawString(bytes), rawString(bytes)]])]);
    expect(auxOf(events)).toEqual([[bytes, bytes]]);
  });

  it('may be long, and come in small pieces', () => {
    const script = 'return redis.call("get", KEYS[1]) '.repeat(6000);
    const field: [Uint8Array, Uint8Array] = [rawString('lua', 6), rawString(script)];
    const bytes = preamble('REDIS0009', [field, field]);
    const random = randomFrom(runSeed());
    const { events } = readAll(splitAtRandom(bytes, random, 3));
    expect(auxOf(events), `seed ${random.seed}`).toEqual([
      ['lua', script],
      ['lua', script],
    ]);
  });
});

describe('a string', () => {
  it.each([0, 1, 63, 64, 16_383, 16_384, 70_000])('of %d bytes is read in each form', (length) => {
    const text = 'abcdefg'.repeat(length / 7 + 1).slice(0, length);
    const forms: [LengthForm, number][] = [
      [6, 63],
      [14, 16_383],
      [32, 2 ** 32 - 1],
      [64, Number.MAX_SAFE_INTEGER],
    ];
    for (const [form, longest] of forms) {
      if (length <= longest) expect(readValue(rawString(text, form)), `${form}`).toBe(text);
    }
  });

  it.each([
    [8, [-128, -1, 0, 1, 127]],
    [16, [-32_768, -129, -1, 0, 128, 32_767]],
    [32, [-2_147_483_648, -1, 0, 32_768, 2_147_483_647]],
  ] as const)('that is an integer of %d bits is its digits', (bits, values) => {
    for (const value of values) expect(readValue(integerString(value, bits))).toBe(`${value}`);
  });

  it.each([0x82, 0xbf, 0xc4, 0xff])('of the unknown encoding %i is refused', (first) => {
    expect(readValue(Uint8Array.of(first, 0, 0, 0, 0))).toBe('CORRUPT');
  });
});

describe('a compressed string', () => {
  it('is what was compressed, whatever that is', () => {
    const text = fc
      .array(fc.tuple(fc.string({ maxLength: 8 }), fc.integer({ min: 1, max: 100 })), {
        maxLength: 12,
      })
      .map((parts) => parts.map(([part, times]) => part.repeat(times)).join(''))
      .filter((each) => /^[\0-\xff]*$/.test(each));
    fc.assert(fc.property(text, (each) => readValue(lzfString(each)) === each));
  });

  it('may refer to itself, and as far back as 8 KiB', () => {
    const start = Array.from({ length: 8192 }, (_, i) => String.fromCharCode(((i * i) >> 5) & 255));
    for (const text of ['a'.repeat(264 + 3), start.join('') + start.slice(0, 20).join('')]) {
      expect(readValue(lzfString(text))).toBe(text);
    }
  });

  // The control byte 0x20 means 3 bytes from 1 + the next byte back; 0x00 one literal.
  it.each([
    ['expands to more', [0, 97, 0x20, 0], 3],
    ['expands to more, with literals', [1, 97, 98], 1],
    ['expands to less', [0, 97], 2],
    ['refers to before its beginning', [0, 97, 0x20, 1], 4],
    ['refers far before its beginning', [0, 97, 0x3f, 255], 4],
    ['begins with a reference', [0x20, 0], 3],
    ['ends inside of literals', [5, 97], 2],
    ['ends inside of a reference', [0, 97, 0x20], 4],
    ['ends inside of a long reference', [0, 97, 0xe0], 10],
    ['ends inside of a long reference’s last byte', [0, 97, 0xe0, 0], 10],
  ])('that %s is refused', (_, compressed, expanded) => {
    expect(readValue(lzfParts(Uint8Array.from(compressed), expanded))).toBe('CORRUPT');
  });

  it('that cannot grow to its length is refused before memory is taken for it', () => {
    const before = process.memoryUsage().arrayBuffers;
    const value = lzfParts(Uint8Array.of(0, 97), 0x7fff_ffff);
    expect(readValue(value, new RdbPreambleReader({ maxAuxLength: 0x7fff_ffff }))).toBe('CORRUPT');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('of lengths that are no lengths is refused', () => {
    expect(readValue(Uint8Array.of(0xc3, 0xc0, 1, 1))).toBe('CORRUPT');
    expect(readValue(Uint8Array.of(0xc3, 1, 0xc0, 1))).toBe('CORRUPT');
  });
});

describe('the limit', () => {
  const limited = () => new RdbPreambleReader({ maxAuxLength: 10 });

  it('admits what is as long', () => {
    expect(readValue(rawString('0123456789'), limited())).toBe('0123456789');
    expect(readValue(lzfString('aaaaaaaaaa'), limited())).toBe('aaaaaaaaaa');
  });

  it.each([
    ['a string', lengthBytes(11)],
    ['a string of 2^63 bytes', Uint8Array.of(0x81, 0x80, 0, 0, 0, 0, 0, 0, 0)],
    ['compressed data', concatBytes([Uint8Array.of(0xc3), lengthBytes(11)])],
    ['an expanded string', concatBytes([Uint8Array.of(0xc3, 5), lengthBytes(11)])],
  ])('refuses %s that is longer as soon as its length is read', (_, bytes) => {
    const reader = limited();
    reader.push(concatBytes([bytesOf('REDIS0011'), Uint8Array.of(0xfa), rawString('k'), bytes]));
    expect(reader.next()?.type).toBe('header');
    expect(() => reader.next()).toThrow(withCode('TOO_LONG'));
  });

  it('refuses a key as well, and says where', () => {
    const bytes = preamble('REDIS0011', [[rawString('a longer key'), rawString('')]]);
    expect(readAll([bytes], limited()).error).toEqual({ code: 'TOO_LONG', position: 10 });
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 31])('cannot be %d', (maxAuxLength) => {
    expect(() => new RdbPreambleReader({ maxAuxLength })).toThrow(withCode('INVALID_OPTION'));
  });
});

describe('the reader', () => {
  it('is done at the end, and looks at nothing after it', () => {
    const reader = new RdbPreambleReader();
    reader.push(SMALL.subarray(0, -1));
    while (reader.next() !== undefined) expect(reader.done).toBe(false);
    reader.push(Uint8Array.of(0xfe));
    expect(reader.next()).toEqual({ type: 'end' });
    expect(reader.done).toBe(true);
    reader.push(bytesOf('\xfa\xff\xff'));
    expect(reader.next()).toBeUndefined();
    expect(reader.position).toBe(SMALL.length - 1);
    reader.finish();
  });

  it('throws the same error again once it has thrown', () => {
    const reader = new RdbPreambleReader();
    reader.push(bytesOf('no RDB at all'));
    expect(() => reader.next()).toThrow(withCode('BAD_MAGIC'));
    reader.push(SMALL);
    expect(() => reader.next()).toThrow(withCode('BAD_MAGIC'));
    expect(() => reader.finish()).toThrow(withCode('BAD_MAGIC'));
  });

  it('takes several chunks before it is asked', () => {
    const reader = new RdbPreambleReader();
    for (const piece of splitAtRandom(SMALL, randomFrom(3), 7)) reader.push(piece);
    const { events } = readAll([], reader);
    expect(events).toEqual([]);
    const found = [];
    for (let event = reader.next(); event !== undefined; event = reader.next()) found.push(event);
    expect(auxOf(found)).toEqual(SMALL_AUX);
  });
});

describe('any bytes', () => {
  it('after a header throw nothing but this package’s error, at every split the same', () => {
    const part = fc.oneof(
      fc.constantFrom(Uint8Array.of(0xfa), rawString('k', 6), integerString(7, 16)),
      fc.constantFrom(lzfString('aaaaaaaaaaaaaaaa', 6), lengthBytes(300, 14), lengthBytes(9, 64)),
      fc.uint8Array({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.nat(), (parts, seed) => {
        const bytes = concatBytes([bytesOf('REDIS0011'), ...parts]);
        const whole = readAll([bytes]);
        expect(readAll(splitAtRandom(bytes, randomFrom(seed), 5))).toEqual(whole);
      }),
      { numRuns: 3000 },
    );
  });

  it('in great number throw nothing else either', () => {
    const random = randomFrom(runSeed());
    for (let run = 0; run < 20_000; run++) {
      const start = random.pick([bytesOf('REDIS0011\xfa'), bytesOf('VALKEY080\xfa\x01k\xc3')]);
      const bytes = concatBytes([start, random.bytes(40)]);
      const { error } = readAll([bytes]);
      if (error !== undefined) {
        const known = ['CORRUPT', 'TOO_LONG', 'TRUNCATED'];
        expect(known, `seed ${random.seed}`).toContain(error.code);
      }
    }
    expect(() => new RdbPreambleReader().finish()).toThrow(RdbError);
  });
});
