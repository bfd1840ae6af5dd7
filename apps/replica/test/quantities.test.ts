import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { bytesOf, diskLimitOf, millisecondsOf, retainOf } from '../src/quantities.ts';

it.each([
  ['0', 0],
  ['1048576', 1_048_576],
  ['1k', 1000],
  ['1kb', 1024],
  ['64mb', 64 * 1024 ** 2],
  ['1.5GB', 1.5 * 1024 ** 3],
  ['2 g', 2e9],
])('the size %s is %d bytes', (text, bytes) => {
  expect(bytesOf(text)).toBe(bytes);
});

it.each([
  ['30', 30_000],
  ['250ms', 250],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  ['0s', 0],
])('the time %s is %d ms', (text, milliseconds) => {
  expect(millisecondsOf(text)).toBe(milliseconds);
});

it.each([
  ['24h', { time: 86_400_000 }],
  ['10gb', { size: 10 * 1024 ** 3 }],
  // Of the two that `m` may be, what is kept for minutes is what people ask for.
  ['90m', { time: 5_400_000 }],
])('to retain %s is %o', (text, retain) => {
  expect(retainOf(text)).toEqual(retain);
});

it.each([
  ['80%', { share: 0.8 }],
  ['100 %', { share: 1 }],
  ['100gb', { size: 100 * 1024 ** 3 }],
])('to take %s of the disk at most is %o', (text, limit) => {
  expect(diskLimitOf(text)).toEqual(limit);
});

describe('what is no quantity is refused', () => {
  it.each(['', 'x', '-1', '1zb', '1 2', '9'.repeat(30), 'NaN'])('%j', (text) => {
    for (const read of [bytesOf, millisecondsOf, retainOf, diskLimitOf]) {
      expect(() => read(text)).toThrow(InvalidArgumentError);
    }
  });

  it.each(['0%', '101%', '-5%'])('%j of the disk', (text) => {
    expect(() => diskLimitOf(text)).toThrow(InvalidArgumentError);
  });
});
