import {
  bytesOf,
  concatBytes,
  everySplit,
  randomFrom,
  runSeed,
  splitAtRandom,
  textOf,
} from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BulkPayloadReader, type PayloadEvent, RdbReceiverError } from '../src/index.ts';
import { conclusionsOf } from './drive.ts';

const MARK = '0123456789abcdef0123456789abcdef01234567';

function eventsOf(reader: BulkPayloadReader, ...pieces: Uint8Array[]): PayloadEvent[] {
  const events: PayloadEvent[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let event = reader.next(); event !== undefined; event = reader.next()) events.push(event);
  }
  return events;
}

function payloadOf(events: readonly PayloadEvent[]): string {
  return textOf(concatBytes(events.flatMap((e) => (e.type === 'bytes' ? [e.bytes] : []))));
}

const withCode = (code: string, fields: object = {}) =>
  expect.objectContaining({ name: 'RdbReceiverError', code, ...fields });

describe('the mark', () => {
  // Few letters: false starts, overlaps and marks with borders come by themselves.
  const letters = fc.constantFrom('a', 'b');
  const mark = fc.oneof(
    fc.string({ unit: letters, minLength: 40, maxLength: 40 }),
    fc.string({ unit: letters, minLength: 1, maxLength: 6 }).map((s) => s.repeat(40).slice(0, 40)),
  );
  const piece = (of: string) =>
    fc.oneof(
      fc.string({ unit: letters, maxLength: 60 }),
      fc.nat(40).map((length) => of.slice(0, length)),
      fc.nat(40).map((length) => of.slice(length)),
    );
  const cases = mark.chain((of) =>
    fc.record({
      of: fc.constant(of),
      text: fc.array(piece(of), { minLength: 1, maxLength: 12 }).map((parts) => parts.join('')),
      seed: fc.nat(),
      longest: fc.integer({ min: 1, max: 120 }),
    }),
  );

  it('is found where a naive search finds it, however it is cut', () => {
    fc.assert(
      fc.property(cases, ({ of, text, seed, longest }) => {
        const whole = `x${text}${of}tail`;
        const at = whole.indexOf(of);
        const input = bytesOf(`$EOF:${of}\r\n${whole}`);
        const pieces = splitAtRandom(input, randomFrom(seed), longest);
        const reader = new BulkPayloadReader();
        const events = eventsOf(reader, ...pieces);
        expect(events.at(-1)).toEqual({ type: 'end' });
        expect(payloadOf(events)).toBe(whole.slice(0, at));
        expect(textOf(reader.takeRest())).toBe(whole.slice(at + of.length));
      }),
      { numRuns: 2000 },
    );
  });

  it('holds back nothing but a beginning of the mark', () => {
    fc.assert(
      fc.property(cases, ({ of, text, seed, longest }) => {
        const reader = new BulkPayloadReader();
        eventsOf(reader, bytesOf(`$EOF:${of}\r\n`));
        let pushed = '';
        let out = '';
        for (const each of splitAtRandom(bytesOf(text), randomFrom(seed), longest)) {
          pushed += textOf(each);
          if (pushed.includes(of)) return;
          out += payloadOf(eventsOf(reader, each));
          const held = pushed.slice(out.length);
          expect(pushed.startsWith(out)).toBe(true);
          expect(held.length).toBeLessThan(40);
          expect(of.startsWith(held)).toBe(true);
        }
      }),
    );
  });

  it('is found in the middle of large random chunks, of bytes and of hex digits', () => {
    const random = randomFrom(runSeed());
    const hex = Uint8Array.from({ length: 200_000 }, () => random.pick([...bytesOf(MARK)]));
    for (const payload of [random.bytes(200_000), hex]) {
      const input = concatBytes([bytesOf(`$EOF:${MARK}\r\n`), payload, bytesOf(`${MARK}+`)]);
      const reader = new BulkPayloadReader();
      const pieces = splitAtRandom(input, random, 65_536);
      const events = eventsOf(reader, ...pieces);
      expect(payloadOf(events) === textOf(payload), `seed ${random.seed}`).toBe(true);
      expect(textOf(reader.takeRest())).toBe('+');
    }
  });
});

describe('bytes', () => {
  it.each(['$9000\r\n', `$EOF:${MARK}\r\n`])('are views of what was pushed after %j', (header) => {
    const reader = new BulkPayloadReader();
    eventsOf(reader, bytesOf(header));
    const chunk = randomFrom(1).bytes(9000);
    chunk[8999] = 0;
    const [event, ...others] = eventsOf(reader, chunk);
    expect(event).toEqual({ type: 'bytes', bytes: chunk });
    expect(event?.type === 'bytes' && event.bytes.buffer === chunk.buffer).toBe(true);
    expect(others).toEqual(header.startsWith('$9') ? [{ type: 'end' }] : []);
  });

  it('that were held back belong to the receiver of the event', () => {
    const reader = new BulkPayloadReader();
    eventsOf(reader, bytesOf(`$EOF:${MARK}\r\n`), bytesOf('R0123'));
    const [held] = eventsOf(reader, bytesOf('!'));
    if (held?.type === 'bytes') held.bytes.fill(0);
    expect(eventsOf(reader, bytesOf(MARK)).at(-1)).toEqual({ type: 'end' });
  });
});

describe('the rest', () => {
  it('may come in several chunks and is handed back once', () => {
    const reader = new BulkPayloadReader();
    eventsOf(reader, bytesOf('$1\r\nRab'), bytesOf('cd'), bytesOf('e'));
    expect(textOf(reader.takeRest())).toBe('abcde');
    expect(reader.takeRest()).toHaveLength(0);
    reader.push(bytesOf('f'));
    expect(reader.next()).toBeUndefined();
    expect(textOf(reader.takeRest())).toBe('f');
  });

  it('is a view where one chunk holds it', () => {
    const reader = new BulkPayloadReader();
    const chunk = bytesOf('$1\r\nRabc');
    eventsOf(reader, chunk);
    expect(reader.takeRest().buffer).toBe(chunk.buffer);
  });

  it('is refused before the end was returned', () => {
    const reader = new BulkPayloadReader();
    reader.push(bytesOf('$1\r\nRabc'));
    for (const type of ['header', 'bytes', 'end']) {
      expect(() => reader.takeRest()).toThrow(withCode('NOT_ENDED'));
      expect(reader.next()).toMatchObject({ type });
    }
    expect(textOf(reader.takeRest())).toBe('abc');
  });
});

describe('progress', () => {
  it('counts what was handed out, of what was announced', () => {
    const reader = new BulkPayloadReader();
    expect(reader.progress).toEqual({ read: 0, total: undefined });
    eventsOf(reader, bytesOf('\n$9\r\nRED'));
    expect(reader.progress).toEqual({ read: 3, total: 9 });
    eventsOf(reader, bytesOf('IS0007*1\r\n'));
    expect(reader.progress).toEqual({ read: 9, total: 9 });
  });

  it('counts neither the mark nor what is held back', () => {
    const reader = new BulkPayloadReader();
    eventsOf(reader, bytesOf(`$EOF:${MARK}\r\nREDIS012`));
    expect(reader.progress).toEqual({ read: 5, total: undefined });
    eventsOf(reader, bytesOf(MARK.slice(3)));
    expect(reader.progress).toEqual({ read: 5, total: undefined });
  });
});

describe('the limit', () => {
  it('refuses a longer payload by its header', () => {
    const reader = new BulkPayloadReader({ maxLength: 10 });
    reader.push(bytesOf('$11\r\n'));
    expect(() => reader.next()).toThrow(withCode('LENGTH_OUT_OF_RANGE', { line: '$11' }));
  });

  it('accepts one of just that length, with a length or a mark', () => {
    for (const { pieces } of everySplit(bytesOf('$5\r\nREDIS'))) {
      expect(eventsOf(new BulkPayloadReader({ maxLength: 5 }), ...pieces).at(-1)?.type).toBe('end');
    }
    for (const { pieces } of everySplit(bytesOf(`$EOF:${MARK}\r\nREDIS${MARK}`))) {
      expect(eventsOf(new BulkPayloadReader({ maxLength: 5 }), ...pieces).at(-1)?.type).toBe('end');
    }
  });

  it('stops one that grows beyond it before its mark', () => {
    for (const { pieces } of everySplit(bytesOf(`$EOF:${MARK}\r\nREDIS0${MARK}`))) {
      const reader = new BulkPayloadReader({ maxLength: 5 });
      expect(() => eventsOf(reader, ...pieces)).toThrow(withCode('LENGTH_OUT_OF_RANGE'));
      expect(reader.progress.read).toBeLessThanOrEqual(5);
    }
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('cannot be %d', (maxLength) => {
    expect(() => new BulkPayloadReader({ maxLength })).toThrow(withCode('INVALID_OPTION'));
  });
});

describe('an error', () => {
  it('is final', () => {
    const reader = new BulkPayloadReader();
    reader.push(bytesOf('+OK\r\n$5\r\nREDIS'));
    expect(() => reader.next()).toThrow(withCode('BAD_HEADER', { line: '+OK' }));
    expect(() => reader.next()).toThrow(withCode('BAD_HEADER'));
    expect(() => reader.finish()).toThrow(withCode('BAD_HEADER'));
    expect(() => reader.takeRest()).toThrow(withCode('NOT_ENDED'));
  });
});

describe('any bytes', () => {
  it('are read to the same conclusions whole and in pieces, and throw nothing else', () => {
    const fragment = fc.oneof(
      fc.constantFrom('\n', '\r\n', '$', '$EOF:', '-ERR', MARK, '0', '41', '$5\r\n', '-1'),
      fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)) }),
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 20 }), fc.nat(), (parts, seed) => {
        const bytes = bytesOf(parts.join(''));
        const drive = (pieces: Uint8Array[]) =>
          conclusionsOf(new BulkPayloadReader({ maxLength: 500 }), pieces, true);
        const whole = drive([bytes.slice()]);
        expect(drive(splitAtRandom(bytes, randomFrom(seed), 9))).toEqual(whole);
      }),
      { numRuns: 3000 },
    );
  });

  it('in great number throw nothing but this package’s error', () => {
    const random = randomFrom(runSeed());
    for (let run = 0; run < 5000; run++) {
      const reader = new BulkPayloadReader();
      const bytes = concatBytes([bytesOf(random.pick(['', '$', '$EOF:', '\n'])), random.bytes(60)]);
      try {
        eventsOf(reader, ...splitAtRandom(bytes, random, 20));
        reader.finish();
      } catch (error) {
        expect(error, `seed ${random.seed}`).toBeInstanceOf(RdbReceiverError);
      }
    }
  });
});
