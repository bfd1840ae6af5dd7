import { encodeCommand } from '@forebay/resp';
import { bytesOf, runSeed } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLine, formatPlace, linePieces, parsePlace } from '../src/index.ts';
import { A, B, decodeAll, stream } from './streams.ts';

describe('a line', () => {
  it('has its fields in the order in which they are documented', () => {
    const [change] = decodeAll([stream('SET k v')], { database: 2 });
    expect(formatLine(change!)).toBe(
      `{"v":1,"offset":27,"id":"${A}","db":2,"cmd":"SET","keys":["k"],"args":["k","v"],"tx":null}`,
    );
  });

  it('has the time of arrival where that is known', () => {
    const [change] = decodeAll([stream('SET k v')]);
    const time = Date.UTC(2026, 10, 29, 18, 0, 0, 250);
    const line = formatLine({ ...change!, time });
    expect(line).toMatch(/"tx":null,"time":"2026-11-29T18:00:00.250Z"}$/);
    expect(JSON.parse(formatLine({ ...change!, time: time + 1 })).time).toMatch(/251Z$/);
  });

  it('says where in a transaction it is, and that keys are not known', () => {
    const [change] = decodeAll([stream('MULTI', 'JSON.SET k $ 1', 'EXEC')]);
    expect(JSON.parse(formatLine(change!))).toMatchObject({
      keys: null,
      tx: { id: 15, mark: 'only' },
    });
  });

  it('has bytes that are no text in an object', () => {
    const bytes = bytesOf('\xff\x00a');
    const [change] = decodeAll([encodeCommand(['SET', 'é\u2028\ufeff', bytes])]);
    expect(JSON.parse(formatLine(change!)).args).toEqual(['é\u2028\ufeff', { base64: '/wBh' }]);
  });

  it('of large arguments comes in pieces, and is the same', () => {
    const large = Buffer.from('"é'.repeat(400_000));
    const binary = Buffer.alloc(1_000_000, 0xfe);
    const [change] = decodeAll([encodeCommand(['SET', large, binary])]);
    const pieces = [...linePieces(change!)];
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(100_000);
    expect(JSON.parse(pieces.join(''))).toMatchObject({
      ...{ v: 1, id: A, db: 0, cmd: 'SET', keys: [String(large)], tx: null },
      args: [String(large), { base64: binary.toString('base64') }],
    });
  });

  it('of a break names both places', () => {
    const [from, to] = [
      { id: A, offset: 5 },
      { id: B, offset: 0 },
    ];
    expect(JSON.parse(formatLine({ type: 'reset', v: 1, from, to, reason: 'why' }))).toEqual({
      ...{ v: 1, type: 'reset', from: `${A}:5`, to: `${B}:0`, reason: 'why' },
    });
    expect(JSON.parse(formatLine({ type: 'rewound', v: 1, from, to }))).toEqual({
      ...{ v: 1, type: 'rewound', from: `${A}:5`, to: `${B}:0` },
    });
  });

  it('is one line, and gives the same bytes back, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), fc.string(), (args, text) => {
        const all = [...args, Buffer.from(text)];
        const [change] = decodeAll([encodeCommand(['NOSUCH', ...all])]);
        const line = formatLine(change!);
        expect(line).not.toContain('\n');
        const back = (JSON.parse(line).args as (string | { base64: string })[]).map((value) =>
          typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.base64, 'base64'),
        );
        expect(back.map((each) => each.toString('hex'))).toEqual(
          all.map((each) => Buffer.from(each).toString('hex')),
        );
      }),
      { seed: runSeed() },
    );
  });
});

describe('a place', () => {
  it.each([`${A}:5`, `${A}:0:0`, `${B}:9007199254740991:15`])(
    '%s is read as it is written',
    (text) => {
      expect(formatPlace(parsePlace(text))).toBe(text);
    },
  );

  it.each([
    '',
    'x',
    A,
    `${A}:`,
    `${A}:x`,
    `${A}:1:`,
    `${A}:1:x`,
    `${A}:1:2:3`,
    `${A}:1:9999999999`,
    'a:1',
  ])('%j is none', (text) => {
    expect(() => parsePlace(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
