import { bytesOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../src/index.ts';

const matches = (pattern: string, text: string) => matchesGlob(bytesOf(pattern), bytesOf(text));

/** Answers that servers give. */
const VECTORS: readonly (readonly [
  pattern: string,
  yes: readonly string[],
  no: readonly string[],
])[] = [
  ['', [''], ['a']],
  ['*', ['', 'a', '\0\xff'], []],
  ['**', ['a'], ['']],
  ['**a', ['a', 'ba'], ['', 'ab']],
  ['a*', ['a', 'abc'], ['', 'ba']],
  ['*a*b', ['ab', 'xaxbxb'], ['ba', 'abx']],
  ['h?llo', ['hello', 'h\nllo'], ['hllo', 'heello']],
  ['h[ae]llo', ['hello', 'hallo'], ['hillo']],
  ['h[^e]llo', ['hallo'], ['hello']],
  ['[a-c]', ['a', 'b', 'c'], ['d', '-']],
  ['[c-a]', ['b'], ['d']],
  // A range up to the bracket, which then does not close.
  ['[a-]', ['a', '^', ']'], ['-', 'b']],
  ['[\\]]', [']'], ['\\']],
  ['[]', [], ['a', ']']],
  ['[^]', ['a'], ['']],
  ['[ab', ['a', 'b'], ['c', '[ab']],
  ['\\*', ['*'], ['a', '\\*']],
  ['a\\', ['a\\'], ['a']],
  ['user:*:name', ['user:1:name', 'user::name'], ['user:name']],
];

describe('a glob', () => {
  it.each(VECTORS)('%j matches as servers have it', (pattern, yes, no) => {
    for (const text of yes) expect([text, matches(pattern, text)]).toEqual([text, true]);
    for (const text of no) expect([text, matches(pattern, text)]).toEqual([text, false]);
  });

  it('with many stars ends, though nothing matches', () => {
    expect(matches(`${'a*'.repeat(50)}b`, 'a'.repeat(5000))).toBe(false);
  });
});
