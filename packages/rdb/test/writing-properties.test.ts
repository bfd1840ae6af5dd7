import { concatBytes, runSeed } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandLzf } from '../src/bytes/lzf.ts';
import type { RdbTarget } from '../src/index.ts';
import { compressLzf, RdbError, RdbWriter, restorePayload } from '../src/index.ts';
import { type Abilities, bytes, keys } from './arbitrary.ts';
import { collect, inPieces, type Told } from './collect.ts';
import { contentsOf, contentsOfEvents, rewritten, TARGETS, written } from './write.ts';

const parameters = (numRuns: number) => ({ numRuns, seed: runSeed() });

function abilitiesOf({ magic, version }: RdbTarget): Abilities {
  const valkey = magic === 'VALKEY';
  return {
    streamForm: valkey ? 3 : [0, 1, 2, 3, 3, 4, 5][Math.max(0, version - 8)]!,
    fieldTimes: valkey || version >= 12,
    modules: version >= 8,
    arrays: !valkey && version >= 14,
  };
}

/** Keys without the hints that only a writer takes; the database is told by itself, too. */
function keysOf(told: readonly Told[]): Told[] {
  return told
    .filter(({ type }) => type !== 'database' && type !== 'end')
    .map(({ fieldsExpire: _, ...rest }) => rest as Told);
}

describe.each(TARGETS)('of $magic $version', (target) => {
  const anyKeys = keys(abilitiesOf(target));

  it('what was written is read, however it is taken and however it comes', () => {
    const property = fc.property(
      anyKeys,
      fc.boolean(),
      fc.constantFrom(-1, 0, 100, 5000),
      fc.constantFrom(1, 7, 1000, 100_000),
      (events, compress, takeAt, pieces) => {
        const rdb = written(target, events, { compress });
        expect(Buffer.compare(written(target, events, { compress }, takeAt), rdb)).toBe(0);
        const told = collect(inPieces(rdb, rdb.length > 5000 ? 20_000 : pieces));
        expect(told[0]).toEqual({ type: 'header', ...target });
        expect(told.at(-1)).toEqual({ type: 'end', checksum: 'right' });
        expect(keysOf(contentsOf(told))).toEqual(
          contentsOfEvents(keysOf(contentsOfEvents(events)) as never),
        );
      },
    );
    fc.assert(property, parameters(150));
  });

  it('what was read is written as it was, by its elements and raw', () => {
    const property = fc.property(anyKeys, fc.constantFrom(1, 1000), (events, pieces) => {
      const rdb = written(target, events);
      const size = rdb.length > 5000 ? 20_000 : pieces;
      expect(Buffer.compare(rewritten(rdb, target, { pieces: size }), rdb)).toBe(0);
      expect(Buffer.compare(rewritten(rdb, target, { pieces: size, raw: true }), rdb)).toBe(0);
    });
    fc.assert(property, parameters(80));
  });
});

it('what one version can say, each later one can, and it is the same', () => {
  const redis = TARGETS.filter(({ magic }) => magic === 'REDIS');
  const [from, to] = [fc.constantFrom(...redis), fc.constantFrom(...TARGETS)];
  const cases = fc
    .tuple(from, to)
    .filter(([a, b]) => b.version > a.version && (b.magic === 'REDIS' || a.version <= 11));
  const withKeys = cases.chain(([a, b]) =>
    fc.tuple(fc.constant(a), fc.constant(b), keys(abilitiesOf(a))),
  );
  fc.assert(
    fc.property(withKeys, fc.boolean(), fc.boolean(), ([a, b, events], raw, counts) => {
      const rdb = written(a, events);
      const again = rewritten(rdb, b, { raw, counts });
      expect(contentsOf(collect([again]))).toEqual(contentsOf(collect([rdb])));
    }),
    parameters(300),
  );
});

it('events in any order are written, or end in an RdbError that stays', () => {
  const target = { magic: 'REDIS', version: 14 } as const;
  const shuffled = keys(abilitiesOf(target)).chain((events) =>
    fc.tuple(
      fc.shuffledSubarray(events, { minLength: events.length }),
      fc.constant(events),
      fc.nat(events.length),
    ),
  );
  const property = fc.property(shuffled, ([disordered, ordered, at]) => {
    for (const events of [disordered, [...ordered.slice(0, at), ...disordered]]) {
      const writer = new RdbWriter(target);
      let failure: unknown;
      for (const event of events) {
        try {
          writer.write(event);
          expect(failure).toBeUndefined();
        } catch (error) {
          expect(error).toBeInstanceOf(RdbError);
          failure ??= error;
          expect(error).toBe(failure);
        }
      }
    }
  });
  fc.assert(property, parameters(300));
});

describe('compressLzf', () => {
  it('gives what expands to the same, or nothing', () => {
    fc.assert(
      fc.property(bytes, fc.nat(70_000), (input, most) => {
        for (const compressed of [compressLzf(input), compressLzf(input, most)]) {
          if (compressed === undefined) continue;
          const output = new Uint8Array(input.length);
          expandLzf(compressed, output, 0);
          expect(Buffer.compare(output, input)).toBe(0);
        }
        expect(compressLzf(input)?.length ?? 0).toBeLessThanOrEqual(Math.max(0, input.length - 4));
        expect(compressLzf(input, most)?.length ?? 0).toBeLessThanOrEqual(most);
        expect(compressLzf(input)).toEqual(compressLzf(input));
      }),
      parameters(1000),
    );
  });

  it('makes short of what repeats, within and beyond what a reference reaches', () => {
    const random = Buffer.from(
      Array.from({ length: 9000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24),
    );
    const near = concatBytes([random.subarray(0, 8000), random.subarray(0, 8000)]);
    expect(compressLzf(new Uint8Array(100_000))!.length).toBeLessThan(1200);
    expect(compressLzf(near, 16_000)!.length).toBeLessThan(9000);
  });
});

it('restorePayload ends in its version and the checksum of all before', () => {
  const payload = restorePayload(0, Uint8Array.of(0xc0, 10), 9);
  // What a Redis 6.0 answers to DUMP of a key that holds 10.
  expect(Buffer.from(payload).toString('hex')).toBe('00c00a0900be6d06895a28000a');
});

it('a value whose count is told passes through, another is held', () => {
  const writer = new RdbWriter({ magic: 'REDIS', version: 11 });
  const member = new Uint8Array(30_000);
  const grows = (): number => {
    const before = writer.pending;
    writer.write({ type: 'member', member: member.fill(before, 0, 20_000) });
    return writer.pending - before;
  };
  writer.write({ type: 'key', key: Uint8Array.of(1), dataType: 'set' });
  writer.write({ type: 'count', of: 'member', count: 2 });
  expect([grows() > 0, grows() > 0]).toEqual([true, true]);
  writer.write({ type: 'key-end' });
  writer.write({ type: 'key', key: Uint8Array.of(2), dataType: 'set' });
  expect(grows()).toBeLessThan(10);
  expect(grows()).toBe(0);
});
