import { describe, expect, it } from 'vitest';
import type { ResyncDecision, ServedStream } from '../src/index.ts';
import {
  continueLine,
  decideResync,
  fullResyncLine,
  PsyncError,
  parseResyncRequest,
  shiftHistory,
  startHistory,
} from '../src/index.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);
const D = 'd'.repeat(40);

/** Bytes 101 to 200 under B; those up to 150 came under A, which may be asked for up to 151. */
const held: ServedStream = {
  history: shiftHistory(startHistory(A), B, 150),
  firstByte: 101,
  offset: 200,
};
/** The same, where bytes up to 180 came under D too, before a step back gave that id up. */
const stepped: ServedStream = { ...held, olderIds: [{ id: D, offset: 180 }] };
/** The same at the end of a chain, where more is to come. */
const relay: ServedStream = { ...held, growing: true };
/** A stream of which no byte is held. */
const empty: ServedStream = { history: startHistory(B), firstByte: 201, offset: 200 };

function outcome(decision: ResyncDecision): string {
  if (decision.type === 'full') return decision.cause;
  return decision.type === 'continue' ? `after ${decision.after}` : decision.type;
}

describe('a request is answered since 4.0', () => {
  it.each<[string, string, number, ServedStream, string]>([
    ['the first byte held', B, 101, held, 'after 100'],
    ['one before it', B, 100, held, 'too-old'],
    ['the last byte', B, 200, held, 'after 199'],
    ['one past the end: nothing is missing', B, 201, held, 'after 200'],
    ['two past the end', B, 202, held, 'past-end'],
    ['two past the end of what still grows', B, 202, relay, 'later'],
    ['one past the end of what still grows', B, 201, relay, 'after 200'],
    ['our id in capitals', B.toUpperCase(), 150, held, 'after 149'],
    ['the second id up to its limit', A, 151, held, 'after 150'],
    ['the second id in capitals', A.toUpperCase(), 151, held, 'after 150'],
    ['the second id past its limit', A, 152, held, 'past-shift'],
    ['the second id past its limit, where more is to come', A, 999, relay, 'past-shift'],
    ['the second id before what is held', A, 100, held, 'too-old'],
    ['an id that was given up, up to what is shared under it', D, 181, stepped, 'after 180'],
    ['an id that was given up, in capitals', D.toUpperCase(), 150, stepped, 'after 149'],
    ['an id that was given up, past what is shared', D, 182, stepped, 'past-shift'],
    ['an id that was given up, before what is held', D, 100, stepped, 'too-old'],
    ['another id', C, 150, held, 'unknown-id'],
    ['another id, where more is to come', C, 150, relay, 'unknown-id'],
    ['another id, one past the end of what still grows', C, 201, relay, 'later'],
    ['another id, at the last byte of what still grows', C, 200, relay, 'unknown-id'],
    ['no id', '', 150, held, 'unknown-id'],
    ['no history', '?', -1, held, 'asked-for'],
    ['no history, and an offset that is held', '?', 150, held, 'asked-for'],
    ['what begins as none', `?${B.slice(1)}`, 150, held, 'asked-for'],
    ['the blank id, which nobody shares', '0'.repeat(40), 150, held, 'unknown-id'],
    ['the blank id of who has no second', '0'.repeat(40), -1, empty, 'unknown-id'],
    ['nothing, of who holds nothing', B, 201, empty, 'after 200'],
    ['the last byte, of who holds nothing', B, 200, empty, 'too-old'],
    ['a negative offset', B, -1, held, 'too-old'],
    [
      'the beginning of a stream without a byte',
      B,
      1,
      { ...empty, firstByte: 1, offset: 0 },
      'after 0',
    ],
  ])('%s', (_, id, offset, state, expected) => {
    expect(outcome(decideResync({ id, offset }, state))).toBe(expected);
  });
});

describe('a request is answered before 4.0', () => {
  it.each<[string, string, number, string]>([
    ['the first byte held', B, 101, 'after 100'],
    ['one past the end', B, 201, 'after 200'],
    ['two past the end', B, 202, 'past-end'],
    ['one before what is held', B, 100, 'too-old'],
    ['our id in capitals', B.toUpperCase(), 150, 'after 149'],
    ['a second id, which is not known', A, 140, 'unknown-id'],
    ['an id that was given up, which is not known', D, 150, 'unknown-id'],
    ['no history', '?', -1, 'asked-for'],
  ])('%s', (_, id, offset, expected) => {
    expect(outcome(decideResync({ id, offset }, stepped, 'psync1'))).toBe(expected);
  });
});

it('says in one line why there is a full resync, whatever was sent as id', () => {
  const decision = decideResync({ id: `x\r\n${'y'.repeat(9000)}`, offset: 1 }, held);
  expect(decision).toMatchObject({ type: 'full', reason: expect.stringMatching(/^.{1,120}$/) });
});

describe('an offset', () => {
  it.each([
    ['-1', -1],
    ['0', 0],
    ['1', 1],
    ['9007199254740991', 2 ** 53 - 1],
    ['9223372036854775807', 2 ** 63],
    ['-9223372036854775808', -(2 ** 63)],
  ])('is %s', (text, offset) => {
    expect(parseResyncRequest(A, text)).toEqual({ id: A, offset });
  });

  it.each(['', 'x', '1x', ' 1', '1 ', '+1', '-0', '01', '1.0', '1e3', '9223372036854775808'])(
    'is not %j',
    (text) => {
      expect(() => parseResyncRequest(A, text)).toThrow(PsyncError);
    },
  );

  it('of any length is refused without being read whole', () => {
    const refused = () => parseResyncRequest(A, '1'.repeat(1_000_000));
    expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(refused).toThrow(/^.{1,100}$/);
  });
});

it('answers in the words of the servers, without the id to those before psync2', () => {
  expect(continueLine(held.history, true)).toBe(`+CONTINUE ${B}`);
  expect(continueLine(held.history, false)).toBe('+CONTINUE');
  expect(fullResyncLine(held.history, 200)).toBe(`+FULLRESYNC ${B} 200`);
});
