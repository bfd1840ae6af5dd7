import {
  bytesOf,
  concatBytes,
  type Random,
  randomFrom,
  runSeed,
  splitAtRandom,
} from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { encodeValue } from '../src/index.ts';
import { bytesTaken } from './allocation-meter.ts';
import { INVALID_COMMANDS, VALID_COMMANDS } from './command-vectors.ts';
import { readCommands, readValues } from './reading.ts';
import { INVALID_VALUES, VALID_VALUES } from './value-vectors.ts';

const RUNS = 4_000;
const SEEDS = [...VALID_COMMANDS, ...INVALID_COMMANDS, ...VALID_VALUES, ...INVALID_VALUES].map(
  ({ wire }) => bytesOf(wire),
);
const TOKENS = [
  ...['*', '$', '~', '>', '%', '|', '!', '=', ';', '.', '+', '-', ':', ',', '(', '#', '_', '?'],
  ...[
    '\r',
    '\n',
    '\r\n',
    '0',
    '1',
    '-1',
    '65536',
    '2147483647',
    '536870912',
    '9223372036854775807',
  ],
  ...[
    '*?\r\n',
    '$?\r\n',
    '.\r\n',
    ';0\r\n',
    '*1\r\n',
    '|1\r\n',
    '%1\r\n',
    '*1000000\r\n',
    '"',
    "'",
  ],
].map(bytesOf);

/** A few vectors one after the other, with bytes changed, cut out, doubled, or tokens put in. */
function hostile(random: Random): Uint8Array {
  let bytes = concatBytes(Array.from({ length: random.integer(1, 4) }, () => random.pick(SEEDS)));
  for (let i = random.integer(0, 6); i > 0; i--) {
    const at = random.integer(0, bytes.length);
    const to = Math.min(bytes.length, at + random.integer(0, 8));
    const middle = random.pick([
      new Uint8Array(0),
      random.bytes(to - at),
      concatBytes([bytes.slice(at, to), bytes.slice(at, to)]),
      random.pick(TOKENS),
      concatBytes(Array.from({ length: 40 }, () => random.pick(TOKENS))),
    ]);
    bytes = concatBytes([bytes.slice(0, at), middle, bytes.slice(to)]);
  }
  return bytes;
}

/** At most this for a reader at rest and for each byte it was given, over all that it takes in turn. */
const allowed = (length: number): number => 8_192 + 16 * length;

describe('whatever comes', () => {
  const seed = runSeed();

  it(`commands: only RespErrors, the same however it is cut, memory in proportion (seed ${seed})`, () => {
    const random = randomFrom(seed);
    const ends = { fault: 0, none: 0 };
    for (let run = 0; run < RUNS; run++) {
      const bytes = hostile(random);
      const options = {
        maxInlineLength: random.pick([4, 64, 65_536]),
        maxRetainedLength: random.pick([0, 3, 2 ** 40]),
        maxRetainedArguments: random.pick([1, 2 ** 40]),
      };
      const pieces = splitAtRandom(bytes, random, random.pick([1, 5, 50]));
      let whole: unknown;
      const taken = bytesTaken(() => {
        whole = readCommands([bytes.slice()], options);
      });
      const cut = readCommands(pieces, options);
      if (cut.fault === undefined) expect(cut, `run ${run}`).toEqual(whole);
      else
        expect(whole, `run ${run}`).toMatchObject({
          commands: cut.commands,
          fault: cut.fault,
          total: cut.total,
        });
      expect(taken, `run ${run}`).toBeLessThan(allowed(bytes.length));
      ends[cut.fault === undefined ? 'none' : 'fault']++;
    }
    expect(ends.fault).toBeGreaterThan(RUNS / 20);
    expect(ends.none).toBeGreaterThan(RUNS / 20);
  }, 60_000);

  it(`values: the same, and what was read is written and read again (seed ${seed})`, () => {
    const random = randomFrom(seed + 1);
    let read = 0;
    for (let run = 0; run < RUNS; run++) {
      const bytes = hostile(random);
      const options = {
        maxLineLength: random.pick([4, 65_536]),
        maxDepth: random.pick([1, 32]),
        skipNewlines: random.pick([true, false]),
      };
      let whole = readValues([]);
      const taken = bytesTaken(() => {
        whole = readValues([bytes.slice()], options);
      });
      const cut = readValues(splitAtRandom(bytes, random, random.pick([1, 5, 50])), options);
      expect(cut, `run ${run}`).toEqual(whole);
      expect(taken, `run ${run}`).toBeLessThan(allowed(bytes.length));
      for (const value of whole.values) {
        if (value.type === 'verbatim') continue;
        const written = encodeValue(value);
        expect(encodeValue(readValues([written.slice()]).values[0]!), `run ${run}`).toEqual(
          written,
        );
        read++;
      }
    }
    expect(read).toBeGreaterThan(RUNS / 20);
  }, 60_000);
});
