import { bytesOf } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog, BacklogError, DEFAULT_BACKLOG_SIZE } from '../src/index.ts';
import { NaiveBacklog } from './naive-backlog.ts';

function stateOf(backlog: Backlog) {
  const { size, masterOffset, historyLength, firstByteOffset } = backlog;
  return { size, masterOffset, historyLength, firstByteOffset };
}

function held(backlog: Backlog, offset: number): number[] {
  return backlog.readFrom(offset).flatMap((view) => [...view]);
}

function expectSame(backlog: Backlog, model: NaiveBacklog): void {
  expect(stateOf(backlog)).toEqual(model.state());
  for (let offset = backlog.firstByteOffset - 2; offset <= backlog.masterOffset + 3; offset++) {
    const expected = model.readFrom(offset);
    expect(backlog.covers(offset)).toBe(expected !== undefined);
    if (expected === undefined) expect(() => backlog.readFrom(offset)).toThrow(BacklogError);
    else expect(held(backlog, offset)).toEqual(expected);
  }
}

describe('a new backlog', () => {
  it('has the size servers have by default', () => {
    expect(new Backlog().size).toBe(1024 * 1024);
    expect(DEFAULT_BACKLOG_SIZE).toBe(1_048_576);
  });

  it('is empty, one past the offset it was made at', () => {
    const backlog = new Backlog({ size: 8, offset: 100 });
    expect(stateOf(backlog)).toEqual({
      size: 8,
      masterOffset: 100,
      historyLength: 0,
      firstByteOffset: 101,
    });
    expect(backlog.readFrom(101)).toEqual([]);
    expect(backlog.covers(100)).toBe(false);
    expect(backlog.covers(102)).toBe(false);
  });
});

describe('against a naive model', () => {
  it('agrees after wrapping around at every position, by appends of every length', () => {
    const size = 7;
    for (let position = 0; position < size; position++) {
      for (let length = 0; length <= 2 * size + 1; length++) {
        const backlog = new Backlog({ size, offset: 50 });
        const model = new NaiveBacklog(size, 50);
        const start = Uint8Array.from({ length: position }, (_, i) => i + 1);
        const next = Uint8Array.from({ length }, (_, i) => i + 100);
        for (const bytes of [start, next, start]) {
          backlog.append(bytes);
          model.append(bytes);
          expectSame(backlog, model);
        }
      }
    }
  });

  it('agrees after any sequence of appends and resizes', () => {
    const step = fc.oneof(
      fc.record({ append: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ resize: fc.integer({ min: 1, max: 24 }) }),
    );
    const start = fc.record({ size: fc.integer({ min: 1, max: 24 }), offset: fc.nat(1000) });
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 30 }), ({ size, offset }, steps) => {
        const backlog = new Backlog({ size, offset });
        const model = new NaiveBacklog(size, offset);
        for (const each of steps) {
          if ('append' in each) {
            backlog.append(each.append);
            model.append(each.append);
          } else {
            backlog.resize(each.resize);
            model.resize(each.resize);
          }
          expectSame(backlog, model);
        }
      }),
    );
  });
});

describe('reading', () => {
  it('gives one view where the ring does not wrap and two where it does', () => {
    const backlog = new Backlog({ size: 4 });
    backlog.append(bytesOf('abc'));
    expect(backlog.readFrom(1)).toHaveLength(1);
    backlog.append(bytesOf('de'));
    expect(backlog.readFrom(2)).toHaveLength(2);
  });

  it('copies nothing: the views are of the same memory each time', () => {
    const backlog = new Backlog({ size: 4 });
    backlog.append(bytesOf('abc'));
    expect(backlog.readFrom(1)[0]?.buffer).toBe(backlog.readFrom(2)[0]?.buffer);
  });

  it('says what it holds when asked for what it does not', () => {
    const backlog = new Backlog({ size: 4 });
    backlog.append(bytesOf('abcdef'));
    expect(() => backlog.readFrom(2)).toThrow(/offset 2 is outside of 3 to 6/);
  });

  it.each([Number.NaN, 1.5, Number.POSITIVE_INFINITY])('does not cover %d', (offset) => {
    const backlog = new Backlog({ size: 4 });
    backlog.append(bytesOf('abc'));
    expect(backlog.covers(offset)).toBe(false);
  });
});

describe('the guard', () => {
  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses a size of %d', (size) => {
    const refused = expect.objectContaining({ code: 'INVALID_SIZE', value: size });
    expect(() => new Backlog({ size })).toThrow(refused);
    expect(() => new Backlog({ size: 4 }).resize(size)).toThrow(refused);
  });

  it.each([-1, 0.5, 2 ** 53])('refuses to start at offset %d', (offset) => {
    expect(() => new Backlog({ offset })).toThrow(
      expect.objectContaining({ code: 'INVALID_OFFSET' }),
    );
  });

  it('refuses to pass the largest safe integer, and stays as it was', () => {
    const backlog = new Backlog({ size: 4, offset: Number.MAX_SAFE_INTEGER - 2 });
    backlog.append(bytesOf('ab'));
    expect(() => backlog.append(bytesOf('c'))).toThrow(
      expect.objectContaining({ code: 'INVALID_OFFSET' }),
    );
    expect(held(backlog, Number.MAX_SAFE_INTEGER - 1)).toEqual([...bytesOf('ab')]);
  });
});
