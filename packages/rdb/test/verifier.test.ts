import { concatBytes } from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Crc64 } from '../src/bytes/crc64.ts';
import type { RdbVerdict, RdbVerifierOptions } from '../src/index.ts';
import { RdbError, RdbReader, RdbVerifier } from '../src/index.ts';
import { blob, i64, length, listpack, type Part, rdb } from './build.ts';
import { inPieces } from './collect.ts';
import { lzfParts, lzfString } from './encode.ts';
import { oneOfAllKinds } from './one-of-all-kinds.ts';

/** What a verifier makes of pieces, each of which is overwritten when it was taken. */
function verify(bytes: Uint8Array, piece = 4096, options?: RdbVerifierOptions): RdbVerdict {
  const verifier = new RdbVerifier(options);
  for (const each of inPieces(bytes, piece)) {
    const buffer = Buffer.from(each);
    verifier.push(buffer);
    buffer.fill(0xfa);
  }
  return verifier.finish();
}

/** The same bytes with the checksum that they should have, or with none. */
function resummed(bytes: Uint8Array, isAbsent = false): Uint8Array {
  const body = bytes.subarray(0, -8);
  const crc = new Crc64();
  crc.push(body);
  return concatBytes([body, isAbsent ? new Uint8Array(8) : crc.digest()]);
}

/** What the reader says of the same bytes; undefined where it takes all of them. */
function refusal(bytes: Uint8Array): RdbError | undefined {
  const reader = new RdbReader({ maxLength: 1 << 20 });
  try {
    reader.push(bytes);
    while (reader.next() !== undefined);
    reader.finish();
    if (reader.position < bytes.length) return new RdbError('CORRUPT', reader.position, 'more');
    return undefined;
  } catch (error) {
    if (error instanceof RdbError) return error;
    throw error;
  }
}

/** Of a length that is too long the upper half says enough: the lower is 0 where it has not come yet. */
function comparable(verdict: RdbVerdict): unknown {
  const findings = verdict.findings.map(({ message, ...finding }) => {
    return { ...finding, message: message.replace(/a string of \d+ bytes/, 'a string') };
  });
  return { ...verdict, findings };
}

const messages = ({ findings }: RdbVerdict) => findings.map(({ message }) => message);

/** A listpack whose second element claims to be longer than it is. */
function damagedListpack(): Uint8Array {
  const bytes = listpack('field', 'value');
  bytes[6 + 7]! ^= 2;
  return bytes;
}

const damagedHash: readonly Part[] = [16, 'the key', blob(damagedListpack())];

describe('a verifier', () => {
  it('finds nothing wrong with an RDB of every type, in pieces of any length, and counts its keys', () => {
    const bytes = oneOfAllKinds();
    const whole = verify(bytes, bytes.length);
    expect(whole).toMatchObject({ outcome: 'sound', checksum: 'right', findings: [], after: 0 });
    expect(whole).toMatchObject({ bytes: bytes.length, magic: 'REDIS', version: 12, keys: 10 });
    expect(whole.functions).toBe(1);
    expect(whole.fields.get('redis-ver')).toBe('7.4');
    expect(whole.databases).toEqual([
      {
        ...{ database: 3, keys: 10, expires: 1 },
        types: { string: 1, list: 2, set: 1, zset: 2, hash: 3, stream: 1 },
      },
    ]);
    for (let piece = 1; piece < bytes.length; piece++) expect(verify(bytes, piece)).toEqual(whole);
  });

  it('reports that an RDB cut at any byte ends too early', () => {
    const bytes = oneOfAllKinds();
    for (let end = 0; end < bytes.length; end++) {
      const { outcome, findings, checksum } = verify(bytes.subarray(0, end), 50);
      expect(outcome).toBe('damaged');
      expect(checksum).toBeUndefined();
      expect(findings.at(-1)).toMatchObject({ kind: 'damage', position: end });
      expect(findings.at(-1)!.message).toContain(`ends at byte ${end}, before its end`);
    }
  });

  it('names the key in which an RDB is cut', () => {
    const bytes = rdb('REDIS0011', 0xfe, 2, 0, 'the key', 'a value');
    const { findings } = verify(bytes.subarray(0, 25));
    expect(findings[0]!.message).toBe(
      'the RDB ends at byte 25, before its end, in the value of key "the key" of database 2',
    );
  });

  it('finds any changed byte, in pieces of any length', () => {
    const bytes = oneOfAllKinds();
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [1, 0x40, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= mask;
        const verdict = verify(changed);
        expect(verdict.outcome, `byte ${at} ^ ${mask}`).toBe('damaged');
        expect(verify(changed, 1 + (at % 7))).toEqual(verdict);
      }
    }
  });

  it('refuses and accepts the same RDBs with a right checksum as a reader', () => {
    const bytes = oneOfAllKinds();
    for (let at = 9; at < bytes.length - 8; at++) {
      for (const mask of [1, 2, 0x10, 0x40, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= mask;
        const summed = resummed(changed);
        const error = refusal(summed);
        const { outcome, findings } = verify(summed, 64);
        if (error === undefined) expect(outcome, `byte ${at} ^ ${mask}`).toBe('sound');
        else {
          expect(outcome, `byte ${at} ^ ${mask}: ${error.message}`).not.toBe('sound');
          if (error.code === 'UNKNOWN_TYPE') expect(findings[0]!.kind).toBe('unreadable');
        }
      }
    }
  });

  it('accepts any bytes in pieces of any length, never throws, and gives the same verdict', () => {
    const header = fc.constantFrom('REDIS0003', 'REDIS0011', 'REDIS0014', 'REDIS0099', 'VALKEY080');
    const types = fc.integer({ min: 0, max: 255 });
    const rest = fc.uint8Array({ maxLength: 200 });
    const property = fc.property(
      ...([header, types, rest, fc.integer({ min: 1, max: 50 })] as const),
      (magic, type, bytes, piece) => {
        const input = rdb(magic, 0xfe, 0, type, 'k', bytes);
        const whole = verify(input, input.length);
        expect(comparable(verify(input, piece))).toEqual(comparable(whole));
        expect(verify(bytes, piece).outcome).toBe('damaged');
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });
});

describe('a wrong checksum', () => {
  it('is damage, with or without other findings', () => {
    const bytes = rdb('REDIS0011', ...damagedHash);
    bytes[bytes.length - 1]! ^= 1;
    const { outcome, checksum, findings } = verify(bytes);
    expect({ outcome, checksum }).toEqual({ outcome: 'damaged', checksum: 'wrong' });
    expect(findings.map(({ kind }) => kind)).toEqual(['value', 'damage']);
    const place = bytes.length - 8;
    expect(findings[1]).toMatchObject({ position: place });
    expect(findings[1]!.message).toMatch(
      new RegExp(
        `^the checksum at byte ${place} is wrong: it is [0-9a-f]{16}, and .* give [0-9a-f]{16}$`,
      ),
    );
  });

  it('after a type that is not known is damage', () => {
    const bytes = rdb('REDIS0011', 99, 'k', 'anything');
    bytes[bytes.length - 1]! ^= 1;
    expect(verify(bytes)).toMatchObject({ outcome: 'damaged', checksum: 'wrong' });
  });
});

describe('a damaged value', () => {
  it.each<[string, readonly Part[], string]>([
    [
      'in a listpack',
      damagedHash,
      'the listpack at byte 18 contradicts itself, 13 bytes from its beginning',
    ],
    [
      'in a compressed string',
      [0, 'the key', lzfParts(Uint8Array.of(0x20, 5), 3)],
      'an LZF reference points before the beginning, at byte 30',
    ],
    [
      'in a score',
      [3, 'the key', length(1), 'member', Uint8Array.of(3), new TextEncoder().encode('1.x')],
      '"1.x" is not a score, at byte 27',
    ],
    [
      'in a node of a list',
      [18, 'the key', length(1), length(3), blob(listpack('a'))],
      'an unknown container 3 of a list, at byte 19',
    ],
  ])('%s is named with its key and its byte, and the walk goes on', (_, parts, what) => {
    const bytes = rdb('REDIS0011', ...parts, 0, 'another', 'value');
    for (const piece of [1, 5, 4096]) {
      const verdict = verify(bytes, piece);
      expect(messages(verdict)).toEqual([`key "the key" of database 0: ${what}`]);
      expect(verdict).toMatchObject({ outcome: 'flawed', checksum: 'right', keys: 2 });
    }
    expect(verify(resummed(bytes, true))).toMatchObject({
      outcome: 'unproven',
      checksum: 'absent',
    });
  });

  it('in each of many keys is counted, and reported for the first ten', () => {
    const parts = Array.from({ length: 12 }, (): readonly Part[] => damagedHash).flat();
    const { damagedValues, findings } = verify(rdb('REDIS0011', ...parts));
    expect(damagedValues).toBe(12);
    expect(findings).toHaveLength(10);
  });
});

describe('a version or type that is newer than this code', () => {
  const type = rdb('REDIS0011', 0, 'known', 'value', 99, 'the key', 'anything at all');
  const version = rdb('REDIS0015', 0, 'known', 'value');
  const encoding = rdb('REDIS0015', 0, 'known', 0xc5, 'anything at all');
  const opcode = rdb('VALKEY081', 0xf2, 'anything at all');
  const end = rdb('REDIS0015', 0, 'known', 'value', 0xff, 'anything at all');
  const endSoon = rdb('REDIS0015', 0, 'known', 'value', 0xff);
  const tooLong = rdb('REDIS0015', 0, 'known', length(1 << 20), 'anything at all');

  it.each([
    ['a type', type, 'key "the key" has a value of type 99, which is unknown, at byte 22'],
    ['a version', version, 'the RDB has version 15; forebay knows versions up to 14'],
    ['what looks like an end in a newer version', end, 'version 15'],
    ['what looks like an end just before the end of a newer version', endSoon, 'version 15'],
    ['what looks like a length beyond the end of a newer version', tooLong, 'version 15'],
    ['an encoding of a newer version', encoding, 'an unknown string encoding 5, at byte 16'],
    ['an opcode', opcode, 'opcode 242, which is unknown, at byte 9'],
  ])('%s is proven by the checksum alone', (_, bytes, message) => {
    for (const piece of [1, 7, 4096]) {
      const verdict = verify(bytes, piece);
      expect(messages(verdict).join('; ')).toContain(message);
      expect(verdict.findings.every(({ kind }) => kind === 'unreadable')).toBe(true);
      expect(verdict).toMatchObject({ outcome: 'flawed', checksum: 'right' });
    }
    expect(verify(resummed(bytes, true))).toMatchObject({
      outcome: 'unproven',
      checksum: 'absent',
    });
    expect(verify(bytes.subarray(0, -9)).outcome).toBe('damaged');
  });

  it('without an end is damage, in a version without a checksum too', () => {
    const bytes = rdb('REDIS0004', 99, 'k', 'anything').subarray(0, -8);
    expect(verify(bytes)).toMatchObject({ outcome: 'unproven', checksum: 'absent' });
    expect(verify(bytes.subarray(0, -1))).toMatchObject({ outcome: 'damaged' });
  });

  it('is reported without a count of keys, unless only the version is newer', () => {
    expect(verify(type).keys).toBeUndefined();
    expect(verify(version).keys).toBe(1);
  });
});

describe('the end', () => {
  it('with bytes after it is damage, unless an append-only log continues there', () => {
    const bytes = concatBytes([rdb('REDIS0011', 0, 'k', 'v'), new Uint8Array(20)]);
    const end = bytes.length - 20;
    expect(messages(verify(bytes))).toEqual([`20 bytes follow the end of the RDB at byte ${end}`]);
    const verdict = verify(bytes, 3, { goesOn: true });
    expect(verdict).toMatchObject({ outcome: 'sound', checksum: 'right', bytes: end, after: 20 });
  });

  it('of a version before 5 has no checksum, which is not a fault', () => {
    const bytes = rdb('REDIS0004', 0, 'k', 'v').subarray(0, -8);
    expect(verify(bytes)).toMatchObject({ outcome: 'sound', checksum: 'absent', keys: 1 });
  });

  it('without a checksum is sound if there are no other findings', () => {
    const bytes = resummed(oneOfAllKinds(), true);
    expect(verify(bytes)).toMatchObject({ outcome: 'sound', checksum: 'absent' });
  });
});

describe('long values', () => {
  /** What a verifier makes of `before` and `after` with `count` megabytes in between. */
  function verifyLong(before: Uint8Array, count: number, after: Uint8Array): RdbVerdict {
    const megabyte = new Uint8Array(1024 * 1024).fill(0x61);
    const crc = new Crc64();
    const verifier = new RdbVerifier();
    const push = (bytes: Uint8Array) => {
      crc.push(bytes);
      verifier.push(bytes);
    };
    push(before);
    for (let i = 0; i < count; i++) push(megabyte);
    push(after);
    verifier.push(crc.digest());
    return verifier.finish();
  }

  it.each<[string, readonly Part[]]>([
    ['a string', [0]],
    ['a member of a set', [2]],
    ['a container', [16]],
  ])('of 300 MB pass by in memory that does not grow: %s', (_, [type]) => {
    const before = process.memoryUsage().arrayBuffers;
    const extra = type === 2 ? [length(1)] : [];
    const head = rdb('REDIS0011', type!, 'k', ...extra, length(300 * 1024 * 1024));
    const verdict = verifyLong(head.subarray(0, -9), 300, Uint8Array.of(0xff));
    expect(verdict).toMatchObject({ outcome: 'sound', checksum: 'right', keys: 1 });
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(grown).toBeLessThan(100 * 1024 * 1024);
  });

  it('that are compressed are checked without being expanded', () => {
    const text = 'a long text that repeats itself '.repeat(3000);
    const bytes = rdb(
      'REDIS0011',
      0,
      'k',
      lzfString(text),
      0xfc,
      i64(1),
      2,
      's',
      length(1),
      lzfString(text),
    );
    expect(verify(bytes, 1000)).toMatchObject({ outcome: 'sound', keys: 2 });
  });
});
