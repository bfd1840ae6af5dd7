import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { concatBytes } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RdbEvent, RdbLevel } from '../src/index.ts';
import { compressLzf, RdbError, RdbReader } from '../src/index.ts';
import { blob, length, rdb } from './build.ts';
import { asTold, inPieces, type Told } from './collect.ts';
import { oneOfAllKinds } from './one-of-all-kinds.ts';

const FOLDER = new URL('../../../../shared/fixtures/rdb/', import.meta.url);

/** One of all kinds, and the small files of old servers. */
function smallFiles(): [string, Uint8Array][] {
  const files: [string, Uint8Array][] = [['one of all kinds', oneOfAllKinds()]];
  if (!existsSync(FOLDER)) return files;
  for (const name of readdirSync(FOLDER).filter((each) => each.endsWith('.rdb'))) {
    const bytes = readFileSync(new URL(name, FOLDER));
    if (bytes.length < 1200) files.push([name, bytes]);
  }
  return files;
}

interface Outcome {
  readonly told: Told[];
  /** Where the reader was when each was told. */
  readonly positions: number[];
  readonly error: unknown;
}

function outcomeOf(bytes: Uint8Array, piece: number, level: RdbLevel = 'elements'): Outcome {
  const reader = new RdbReader({ level, maxLength: 1 << 20 });
  const told: Told[] = [];
  const positions: number[] = [];
  try {
    for (const each of inPieces(bytes, piece)) {
      reader.push(each);
      for (let event: RdbEvent | undefined = reader.next(); event; event = reader.next()) {
        told.push(asTold(event));
        positions.push(reader.position);
      }
    }
    reader.finish();
    return { told, positions, error: undefined };
  } catch (error) {
    return { told, positions, error };
  }
}

/**
 * What breaks the form of the file is found where it is, and no key behind it is told. That other bytes were
 * changed says the checksum, at the end.
 */
function expectNoKeyBehind(told: readonly Told[], error: unknown): void {
  if (!(error instanceof RdbError) || error.code === 'BAD_CHECKSUM') return;
  const keys = told.filter(({ type }) => type === 'key');
  for (const { position } of keys) expect(position).toBeLessThan(error.position);
}

const ARENA = 256 * 1024;

/** Bytes that were taken for arrays meanwhile: at once at the most, and in all. */
function allocated(run: () => void): { largest: number; sum: number } {
  const plain = globalThis.Uint8Array;
  let [largest, sum] = [0, 0];
  globalThis.Uint8Array = new Proxy(plain, {
    construct(target, args, newTarget) {
      if (typeof args[0] === 'number') {
        largest = Math.max(largest, args[0]);
        sum += args[0];
      }
      return Reflect.construct(
        target,
        args,
        newTarget === globalThis.Uint8Array ? target : newTarget,
      );
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = plain;
  }
  return { largest, sum };
}

describe.each(smallFiles())('%s', (_, bytes) => {
  const whole = outcomeOf(bytes, bytes.length);

  it('is whole', () => {
    expect(whole.error).toBeUndefined();
  });

  it('cut anywhere is refused as cut, and told of as far as it is there', () => {
    for (let end = 0; end < bytes.length; end++) {
      const { told, error } = outcomeOf(bytes.subarray(0, end), 50);
      expect(error).toMatchObject({ name: 'RdbError', code: 'TRUNCATED' });
      expect(told).toEqual(whole.told.slice(0, told.length));
    }
  });

  it('with any byte changed is refused, and what is before it is told as it is', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [1, 0x40, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= mask;
        const { told, error } = outcomeOf(changed, 4096);
        const before = whole.positions.filter((position) => position <= at).length;
        expect(told.slice(0, before)).toEqual(whole.told.slice(0, before));
        // Older files have no checksum: a changed value is one like any other.
        if (error === undefined) expect(told.at(-1)).toEqual({ type: 'end', checksum: 'none' });
        else expect(error).toBeInstanceOf(RdbError);
        expectNoKeyBehind(told, error);
      }
    }
  });

  it('with any byte changed takes no memory for what a length claims', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [0x40, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= mask;
        const { largest, sum } = allocated(() => outcomeOf(changed, 4096));
        // An arena for what is expanded, the bytes themselves, and what LZF of so many can expand to.
        expect(largest).toBeLessThanOrEqual(Math.max(ARENA, 88 * bytes.length));
        expect(sum).toBeLessThanOrEqual(ARENA + 200 * bytes.length);
      }
    }
  });
});

it('with any bytes at all, at every level and in pieces of any length, it throws nothing but its own', () => {
  const beginnings = fc.constantFrom(
    'REDIS0003',
    'REDIS0009',
    'REDIS0012',
    'REDIS0014',
    'VALKEY080',
  );
  const levels = fc.constantFrom<RdbLevel>('raw', 'structure', 'elements');
  const type = fc.constantFrom(
    ...[0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  );
  const later = fc.constantFrom(...[21, 22, 23, 24, 25, 26, 27, 28, 0xf3, 0xf4, 0xf7, 0xfa, 0xfb]);
  const bytes = fc.uint8Array({ maxLength: 200 });
  const property = fc.property(
    ...([
      beginnings,
      levels,
      fc.oneof(type, later),
      bytes,
      fc.integer({ min: 1, max: 50 }),
    ] as const),
    (beginning, level, first, rest, piece) => {
      const bytes = Uint8Array.of(...Buffer.from(beginning), first, 1, 0x6b, ...rest);
      const { error, told } = outcomeOf(bytes, piece, level);
      if (error === undefined) expect(told.at(-1)).toEqual({ type: 'end', checksum: 'none' });
      else expect(error).toBeInstanceOf(RdbError);
      const other = outcomeOf(bytes, bytes.length, level).error as RdbError | undefined;
      const codes = [(error as RdbError | undefined)?.code, other?.code];
      // Of two strings that are due together the first may be damaged, and the second not there: where they
      // come in pieces, they are looked at when both are.
      if (!(codes.includes('TRUNCATED') && codes.includes('CORRUPT'))) {
        expect(codes[0]).toBe(codes[1]);
      }
    },
  );
  fc.assert(property, { numRuns: 20_000 });
}, 60_000);

it('what claims to be large costs no memory', () => {
  const huge = Uint8Array.of(0x81, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff);
  for (const type of [1, 2, 3, 4, 5]) {
    const bytes = Uint8Array.of(...Buffer.from('REDIS0012'), type, 1, 0x6b, ...huge, 1, 0x61);
    expect(outcomeOf(bytes, 7).error).toMatchObject({ code: 'TRUNCATED' });
  }
});

it('an auxiliary field that comes in many pieces is expanded once', () => {
  const key = new Uint8Array(1 << 19).fill(0x61);
  const value = new Uint8Array(1 << 19).fill(0x62);
  const bytes = rdb('REDIS0009', 0xfa, compressed(key), blob(value));
  const { sum } = allocated(() => {
    expect(outcomeOf(bytes, 512).told[1]).toMatchObject({ type: 'aux' });
  });
  // The key, and what is gathered of the value: as much again each time that its room is doubled.
  expect(sum).toBeLessThan(8 * value.length);
});

/** A string as servers write one that is worth it. */
function compressed(bytes: Uint8Array): Uint8Array {
  const lzf = compressLzf(bytes)!;
  return concatBytes([Uint8Array.of(0xc3), length(lzf.length), length(bytes.length), lzf]);
}
