import { bytesOf, textOf } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitInline } from '../src/index.ts';
import { faultOf } from './reading.ts';

const words = (line: string): string[] => splitInline(bytesOf(line)).map(textOf);

describe('splitInline', () => {
  it.each<[line: string, words: string[]]>([
    ['', []],
    [' \t\v\f\r ', []],
    ['PING', ['PING']],
    ['  set  k\tv ', ['set', 'k', 'v']],
    ['a\vb\fc', ['a\vb\fc']],
    ['""', ['']],
    ["''", ['']],
    ['"a b" \'c d\'', ['a b', 'c d']],
    ['"\\n\\r\\t\\b\\a\\q\\"\\\\"', ['\n\r\t\b\x07q"\\']],
    ['"\\x00\\xfF\\xg0\\x1"', ['\x00\xffxg0x1']],
    ["'\\n\\''", ["\\n'"]],
    ['a"b c"', ['ab c']],
    ["a'b c' d", ['ab c', 'd']],
    ['a\\ b', ['a\\', 'b']],
    ['\xe9\x80', ['\xe9\x80']],
  ])('splits %j', (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  it.each<[line: string, offset: number]>([
    ['"', 0],
    ['a "b', 2],
    ["a 'b\\'", 2],
    ['"a\\"', 0],
    ['"a"b', 3],
    ['"a"\'b\'', 3],
    ['ab\x00', 2],
  ])('refuses %j', (line, offset) => {
    expect(faultOf(() => words(line))).toEqual({ code: 'INVALID_INLINE', offset });
  });

  it('gives back any words that were quoted', () => {
    const quoted = (word: Uint8Array): string =>
      `"${[...word].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`;
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (sent) => {
        expect(splitInline(bytesOf(sent.map(quoted).join(' ')))).toEqual(sent);
      }),
    );
  });
});
