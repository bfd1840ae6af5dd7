import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RdbEvent, RdbLevel } from '../src/index.ts';
import { RdbError, RdbReader } from '../src/index.ts';
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
      expect((error as RdbError | undefined)?.code).toBe(other?.code);
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
