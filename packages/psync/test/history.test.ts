import { describe, expect, it } from 'vitest';
import {
  BLANK_ID,
  formatPosition,
  isReplicationId,
  PsyncError,
  parsePosition,
  shiftHistory,
  startHistory,
} from '../src/index.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);

describe('a history', () => {
  it('begins with one id and no second', () => {
    expect(startHistory(A)).toEqual({ id: A, secondId: BLANK_ID, secondIdLimit: -1 });
  });

  it('keeps the old id for requests up to one past the last shared byte', () => {
    const shifted = shiftHistory(startHistory(A), B, 500);
    expect(shifted).toEqual({ id: B, secondId: A, secondIdLimit: 501 });
  });

  it('remembers two ids and no more', () => {
    const twice = shiftHistory(shiftHistory(startHistory(A), B, 500), C, 700);
    expect(twice).toEqual({ id: C, secondId: B, secondIdLimit: 701 });
  });

  it('is the same one when the id is', () => {
    const history = shiftHistory(startHistory(A), B, 500);
    expect(shiftHistory(history, B, 900)).toBe(history);
  });

  it.each(['', 'a'.repeat(39), 'a'.repeat(41), `${'a'.repeat(39)}\n`, `${'a'.repeat(39)} `])(
    'refuses the id %j',
    (id) => {
      expect(isReplicationId(id)).toBe(false);
      expect(() => startHistory(id)).toThrow(PsyncError);
      expect(() => shiftHistory(startHistory(A), id, 0)).toThrow(PsyncError);
    },
  );

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses to shift at offset %d', (offset) => {
    expect(() => shiftHistory(startHistory(A), B, offset)).toThrow(PsyncError);
  });
});

it('is never begun, nor shifted to, under the blank id', () => {
  expect(() => startHistory(BLANK_ID)).toThrow(PsyncError);
  expect(() => shiftHistory(startHistory(A), BLANK_ID, 5)).toThrow(PsyncError);
});

describe('a position', () => {
  it('is written as id and offset', () => {
    expect(formatPosition({ id: A, offset: 42 })).toBe(`${A}:42`);
    expect(parsePosition(`${A}:42`)).toEqual({ id: A, offset: 42 });
  });

  it.each(['', A, `${A}:`, `${A}:-1`, `${A}:1:2`, `${A}:1e3`, `x:1`, `${A}:99999999999999999999`])(
    'is not %j',
    (text) => {
      expect(() => parsePosition(text)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    },
  );
});
