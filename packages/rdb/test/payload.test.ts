import { concatBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { payloadElements, RdbError, RestorePayloadBuilder, restorePayload } from '../src/index.ts';
import { asTold, elementsOfKeys, inPieces } from './collect.ts';
import { oneOfAllKinds } from './one-of-all-kinds.ts';
import { payloads } from './payloads.ts';

const failing = (code: string) => expect.objectContaining({ name: 'RdbError', code });

/** A payload of a value, whose checksum is right. */
const payloadOf = (value: Uint8Array, type = 0) => restorePayload(type, value, 11);

const read = (payload: Uint8Array) => [...payloadElements(payload)];

const [VERSION_AND_CHECKSUM, TYPE] = [10, 1];

describe('the elements of a payload', () => {
  it('are those of the value in an RDB', () => {
    const rdb = oneOfAllKinds();
    const found = payloads(rdb).map(({ payload }) => read(payload).map(asTold));
    expect(found).toEqual(elementsOfKeys(rdb));
    expect(new Set(found.flat().map(({ type }) => type)).size).toBeGreaterThan(8);
  });

  it('are views that stay what they are, expanded ones too', () => {
    const expanded = Uint8Array.of(0xc3, 5, 10, 0, 97, 0xe0, 0, 0);
    const list = Uint8Array.of(2, ...expanded, ...expanded);
    const values = read(payloadOf(list, 1)).map((element) => 'value' in element && element.value);
    expect(values.map((value) => Buffer.from(value as Uint8Array).toString())).toEqual([
      ...['aaaaaaaaaa', 'aaaaaaaaaa'],
    ]);
  });

  it('are of Valkey where its version is', () => {
    const hash = Uint8Array.of(1, 1, 97, 1, 98, 5, 0, 0, 0, 0, 0, 0, 0);
    const field = { field: Uint8Array.of(97), value: Uint8Array.of(98), expiresAt: 5 };
    expect(read(restorePayload(22, hash, 80))).toEqual([{ type: 'field', ...field }]);
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'TRUNCATED'],
    ['a footer alone', new Uint8Array(10), 'TRUNCATED'],
    ['a value that ends early', payloadOf(Uint8Array.of(3, 97)), 'TRUNCATED'],
    ['no value', payloadOf(new Uint8Array(0)), 'TRUNCATED'],
    ['bytes after the value', payloadOf(Uint8Array.of(1, 97, 98)), 'CORRUPT'],
    ['a type that nobody has', payloadOf(Uint8Array.of(1, 97), 99), 'UNKNOWN_TYPE'],
    [
      'a string that is longer than may be',
      payloadOf(Uint8Array.of(0x80, 0x7f, 0, 0, 0)),
      'TOO_LONG',
    ],
  ])('of %s are refused', (_, payload, code) => {
    expect(() => read(payload)).toThrow(failing(code));
  });

  it('are refused at every changed byte, and where the checksum agrees are nothing but an RdbError', () => {
    for (const { payload } of payloads(oneOfAllKinds())) {
      for (let at = 0; at < payload.length; at++) {
        const changed = Uint8Array.from(payload);
        changed[at]! ^= 0x41;
        expect(() => read(changed)).toThrow(failing('BAD_CHECKSUM'));
        const value = changed.subarray(TYPE, -VERSION_AND_CHECKSUM);
        try {
          read(restorePayload(changed[0]!, value, 12));
        } catch (error) {
          expect(error).toBeInstanceOf(RdbError);
        }
      }
    }
  });
});

describe('a payload that is built from pieces', () => {
  const value = concatBytes([Uint8Array.of(0x80, 0, 4, 0, 0), new Uint8Array(256 * 1024).fill(7)]);

  it.each<[type: number, size: number | undefined, what: string]>([
    [0, undefined, 'a string, whose beginning says how long it is'],
    [0, value.length, 'a string of a size'],
    [16, undefined, 'another value'],
  ])('is that of the whole value: type %i, size %s, %s', (type, size, _) => {
    const whole = restorePayload(type, value, 11);
    for (const length of [1000, 70_000, value.length]) {
      const builder = new RestorePayloadBuilder(type, 11, size);
      for (const piece of inPieces(value, length)) builder.add(piece);
      expect(builder.size).toBe(value.length);
      expect(Buffer.compare(builder.finish(), whole)).toBe(0);
    }
  });

  it('is refused if the value is longer or shorter than announced', () => {
    const builder = new RestorePayloadBuilder(16, 11, 10);
    builder.add(new Uint8Array(9));
    expect(() => builder.finish()).toThrow(expect.objectContaining({ code: 'MISUSE' }));
    expect(() => builder.add(new Uint8Array(2))).toThrow(
      expect.objectContaining({ code: 'MISUSE' }),
    );
    const string = new RestorePayloadBuilder(0, 11);
    string.add(value.subarray(0, 100_000));
    expect(() => string.finish()).toThrow(expect.objectContaining({ code: 'MISUSE' }));
  });
});
