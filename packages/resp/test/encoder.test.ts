import { bytesOf, concatBytes, textOf } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCommand, encodeCommandParts, encodeValue, type RespValue } from '../src/index.ts';
import { faultOf, readCommands } from './reading.ts';
import { VALID_VALUES } from './value-vectors.ts';

describe('encodeValue', () => {
  it.each(VALID_VALUES)('writes what $wire is', ({ wire, value, wire3 = wire, wire2 = wire3 }) => {
    expect(textOf(encodeValue(value))).toBe(wire3);
    expect(textOf(encodeValue(value, 3))).toBe(wire3);
    expect(textOf(encodeValue(value, 2))).toBe(wire2);
  });

  it.each<RespValue>([
    { type: 'simple', text: 'a\r' },
    { type: 'error', code: 'ERR', message: 'ERR a\nb' },
    { type: 'number', value: 1.5 },
    { type: 'number', value: 2 ** 53 },
    { type: 'number', value: Number.NaN },
    { type: 'number', value: 2n ** 63n },
    { type: 'verbatim', format: 'text', bytes: bytesOf('') },
    { type: 'verbatim', format: 'té', bytes: bytesOf('') },
  ])('refuses %o', (value) => {
    expect(faultOf(() => encodeValue(value))).toEqual({ code: 'INVALID_VALUE', offset: undefined });
    expect(faultOf(() => encodeValue({ type: 'array', items: [value] }))?.code).toBe(
      'INVALID_VALUE',
    );
  });

  it('refuses a value that contains itself', () => {
    const items: RespValue[] = [];
    items.push({ type: 'array', items });
    expect(faultOf(() => encodeValue({ type: 'array', items }))?.code).toBe('INVALID_VALUE');
  });
});

describe('encodeCommand', () => {
  it.each<[args: (string | Uint8Array | number)[], wire: string]>([
    [[], '*0\r\n'],
    [['PING'], '*1\r\n$4\r\nPING\r\n'],
    [['SET', bytesOf('\x00\r\n'), 12], '*3\r\n$3\r\nSET\r\n$3\r\n\x00\r\n\r\n$2\r\n12\r\n'],
    [[-1, 1.5, 1e21], '*3\r\n$2\r\n-1\r\n$3\r\n1.5\r\n$5\r\n1e+21\r\n'],
    [['é', '€', '😀'], '*3\r\n$2\r\n\xc3\xa9\r\n$3\r\n\xe2\x82\xac\r\n$4\r\n\xf0\x9f\x98\x80\r\n'],
    [['\ud800', '\ud800a'], '*2\r\n$3\r\n\xef\xbf\xbd\r\n$4\r\n\xef\xbf\xbda\r\n'],
  ])('writes %j', (args, wire) => {
    expect(textOf(encodeCommand(args))).toBe(wire);
  });

  it('writes any string as UTF-8', () => {
    const text = fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    });
    fc.assert(
      fc.property(fc.array(text), (args) => {
        const [command] = readCommands([encodeCommand(args)]).commands;
        expect(command?.args).toEqual(args.map((arg) => Buffer.from(arg).toString('latin1')));
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (number) => {
    expect(faultOf(() => encodeCommand([number]))?.code).toBe('INVALID_VALUE');
  });
});

describe('encodeCommandParts', () => {
  const long = new Uint8Array(64 * 1024).fill(0x61);

  it('gives the bytes of encodeCommand', () => {
    for (const args of [[], ['PING'], ['SET', 'é', long, 'PX', 5], [long, long], ['SET', long]]) {
      expect(concatBytes(encodeCommandParts(args))).toEqual(encodeCommand(args));
    }
  });

  it('does not copy a long argument', () => {
    expect(encodeCommandParts(['SET', 'key', long, 'PX', 5])[1]).toBe(long);
    expect(encodeCommandParts(['SET', 'key', long.subarray(1)])).toHaveLength(1);
  });
});
