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
  it('gives views of the blocks that the bytes are in, in order', () => {
    const backlog = new Backlog({ size: 8 });
    backlog.append(bytesOf('abc'));
    expect(backlog.readFrom(2)).toEqual([bytesOf('b'), bytesOf('c')]);
    expect(backlog.readNext(1)).toEqual(bytesOf('ab'));
    expect(backlog.readNext(4)).toEqual(bytesOf(''));
  });

  it('copies nothing: the views are of the same memory each time', () => {
    const backlog = new Backlog({ size: 8 });
    backlog.append(bytesOf('ab'));
    expect(backlog.readNext(1).buffer).toBe(backlog.readNext(2).buffer);
  });

  it('keeps what was appended, whatever becomes of the memory it came in', () => {
    const backlog = new Backlog({ size: 8 });
    const bytes = bytesOf('abc');
    backlog.append(bytes);
    bytes.fill(0);
    expect(held(backlog, 1)).toEqual([...bytesOf('abc')]);
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

describe('views', () => {
  const appends = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 60 });
  const sizes = fc.integer({ min: 1, max: 24 });

  /** Appends one after the other, and looks each time whether what was given before still stands. */
  function expectStanding(
    backlog: Backlog,
    parts: readonly Uint8Array[],
    stands: (end: number) => boolean,
  ): void {
    const given: { view: Uint8Array; copy: Uint8Array; end: number }[] = [];
    for (const bytes of parts) {
      backlog.append(bytes);
      let end = backlog.firstByteOffset - 1;
      for (const view of backlog.readFrom(backlog.firstByteOffset)) {
        end += view.length;
        given.push({ view, copy: view.slice(), end });
      }
      for (const { view, copy, end } of given) if (stands(end)) expect(view).toEqual(copy);
    }
  }

  it('stand for good', () => {
    fc.assert(
      fc.property(sizes, appends, (size, parts) => {
        expectStanding(new Backlog({ size }), parts, () => true);
      }),
    );
  });

  it('stand until it is said that nobody reads them, and are asked for past being held', () => {
    fc.assert(
      fc.property(sizes, appends, fc.nat(400), (size, parts, released) => {
        const reuse = (end: number): boolean => {
          expect(end).toBeLessThan(backlog.firstByteOffset);
          return end <= released;
        };
        const backlog = new Backlog({ size, reuse });
        expectStanding(backlog, parts, (end) => end > released);
      }),
    );
  });

  it('are of a few blocks of memory, again and again, where nobody reads them', () => {
    const backlog = new Backlog({ size: 4096, reuse: () => true });
    const memory = new Set<ArrayBufferLike>();
    for (let i = 0; i < 100; i++) {
      backlog.append(new Uint8Array(1000));
      for (const { buffer } of backlog.readFrom(backlog.firstByteOffset)) memory.add(buffer);
    }
    const bytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeLessThanOrEqual(1.5 * 4096);
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
