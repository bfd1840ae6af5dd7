import { encodeCommand } from '@forebay/resp';
import { concatBytes, everySplit, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { StreamRewriter } from '../src/restore/stream-rewriter.ts';
import { ttlForms } from '../src/restore/ttl-forms.ts';

const MOMENT = 1_700_000_000_000;
/** Values of more bytes are not held. */
const HELD = 20;
const LONG = 'x'.repeat(HELD + 1);
const PAYLOAD = 'payload';

const stream = (...commands: string[]): Uint8Array =>
  concatBytes(commands.map((command) => encodeCommand(command.split(' '))));

function rewriter(retime: (time: number) => number | undefined): StreamRewriter {
  const retimePayload = (payload: Uint8Array) =>
    textOf(payload) === PAYLOAD ? Buffer.from('moved') : payload;
  return new StreamRewriter(ttlForms({ retime, retimePayload }), HELD);
}

const shift = () => rewriter((time) => time + 5000);
const drop = () => rewriter((time) => (time <= MOMENT ? time : undefined));

function pushed(times: StreamRewriter, pieces: Iterable<Uint8Array>): string {
  let text = '';
  for (const piece of pieces) for (const out of times.push(piece, 0)) text += textOf(out);
  expect(times.pending).toBe(0);
  return text;
}

const T = String(MOMENT + 1000);
const S = String((MOMENT + 1000) / 1000);
const MOVED = String(MOMENT + 6000);
const GONE = String(MOMENT);

/** A command, what a shift makes of it, and what a drop does. */
const changed: [command: string, shifted: string[], dropped: string[]][] = [
  [`PEXPIREAT k ${T}`, [`PEXPIREAT k ${MOVED}`], ['PERSIST k']],
  [`pexpireat k ${T} GT`, [`PEXPIREAT k ${MOVED}`], ['PERSIST k']],
  [`EXPIREAT k ${S}`, [`PEXPIREAT k ${MOVED}`], ['PERSIST k']],
  [`GETEX k PXAT ${T}`, [`PEXPIREAT k ${MOVED}`], ['PERSIST k']],
  [`GETEX k EXAT ${S}`, [`PEXPIREAT k ${MOVED}`], ['PERSIST k']],
  [`SET k v PXAT ${T}`, [`SET k v PXAT ${MOVED}`], ['SET k v']],
  [`SET k v XX exat ${S} GET`, [`SET k v XX GET PXAT ${MOVED}`], ['SET k v XX GET']],
  [`SET k v IFEQ PXAT PXAT ${T}`, [`SET k v IFEQ PXAT PXAT ${MOVED}`], ['SET k v IFEQ PXAT']],
  [
    `SET k ${LONG} PXAT ${T}`,
    [`SET k ${LONG} PXAT ${T}`, `PEXPIREAT k ${MOVED}`],
    [`SET k ${LONG} PXAT ${T}`, 'PERSIST k'],
  ],
  [
    `MSETEX 2 k PXAT l w NX PXAT ${T}`,
    [`MSETEX 2 k PXAT l w NX PXAT ${MOVED}`],
    ['MSETEX 2 k PXAT l w NX'],
  ],
  [
    `MSETEX 2 k ${LONG} l w EXAT ${S}`,
    [`MSETEX 2 k ${LONG} l w EXAT ${S}`, `PEXPIREAT k ${MOVED}`, `PEXPIREAT l ${MOVED}`],
    [`MSETEX 2 k ${LONG} l w EXAT ${S}`, 'PERSIST k', 'PERSIST l'],
  ],
  [`RESTORE k ${T} p ABSTTL`, [`RESTORE k ${MOVED} p ABSTTL`], ['RESTORE k 0 p ABSTTL']],
  [
    `RESTORE k ${T} ${PAYLOAD} REPLACE absttl FREQ 5`,
    [`RESTORE k ${MOVED} moved REPLACE absttl FREQ 5`],
    ['RESTORE k 0 moved REPLACE absttl FREQ 5'],
  ],
  [`RESTORE k 0 ${PAYLOAD}`, ['RESTORE k 0 moved'], ['RESTORE k 0 moved']],
  [
    `restore-asking k ${T} ${LONG} ABSTTL`,
    [`restore-asking k ${T} ${LONG} ABSTTL`, `PEXPIREAT k ${MOVED}`],
    [`restore-asking k ${T} ${LONG} ABSTTL`, 'PERSIST k'],
  ],
  [
    `HPEXPIREAT k ${T} FIELDS 2 f g`,
    [`HPEXPIREAT k ${MOVED} FIELDS 2 f g`],
    ['HPERSIST k FIELDS 2 f g'],
  ],
  [
    `HEXPIREAT k ${S} XX fields 1 f`,
    [`HPEXPIREAT k ${MOVED} fields 1 f`],
    ['HPERSIST k fields 1 f'],
  ],
  [
    `HGETEX k PXAT ${T} FIELDS 1 f`,
    [`HPEXPIREAT k ${MOVED} FIELDS 1 f`],
    ['HPERSIST k FIELDS 1 f'],
  ],
  [
    `HSETEX k FNX PXAT ${T} FIELDS 2 f v g PXAT`,
    [`HSETEX k FNX PXAT ${MOVED} FIELDS 2 f v g PXAT`],
    ['HSETEX k FNX FIELDS 2 f v g PXAT'],
  ],
  [
    `HSETEX k EXAT ${S} FIELDS 2 f ${LONG} g w`,
    [`HSETEX k EXAT ${S} FIELDS 2 f ${LONG} g w`, `HPEXPIREAT k ${MOVED} FIELDS 2 f g`],
    [`HSETEX k EXAT ${S} FIELDS 2 f ${LONG} g w`, 'HPERSIST k FIELDS 2 f g'],
  ],
];

const kept = [
  'SET k v',
  'SET k v KEEPTTL',
  'SET k v EX 10',
  'SET k PXAT NX GET',
  'MSETEX 1 k v KEEPTTL',
  `MSETEX 2 PXAT ${T} PXAT ${T}`,
  'RESTORE k 0 p',
  'RESTORE k 10 p',
  'RESTORE k 0 p ABSTTL',
  'HSETEX k KEEPTTL FIELDS 1 PXAT 5',
  'HSETEX k FIELDS 1 PXAT 1700000000000',
  'HGETEX k PERSIST FIELDS 2 f g',
  'PEXPIREAT k never',
  'DEL PXAT 5',
  'HDEL k f',
];

describe('an absolute time', () => {
  it.each(changed)('of %s is moved, or dropped', (command, shifted, dropped) => {
    const given = [stream('SET before 1'), stream(command), stream('SET after 1')];
    const expected = (commands: string[]) =>
      textOf(stream('SET before 1', ...commands, 'SET after 1'));
    expect(pushed(shift(), given)).toBe(expected(shifted));
    expect(pushed(drop(), given)).toBe(expected(dropped));
    const all = concatBytes(given);
    for (const { name, pieces } of everySplit(all)) {
      expect(pushed(shift(), pieces), name).toBe(expected(shifted));
    }
  });

  it.each(kept)('is not in %s, which is not changed', (command) => {
    const times = shift();
    expect(pushed(times, [stream(command)])).toBe(textOf(stream(command)));
    expect(times.changed).toBe(0);
  });

  it('that had passed is kept where others are dropped: the key was already deleted', () => {
    for (const [command, becomes] of [
      [`SET k v PXAT ${GONE}`, `SET k v PXAT ${GONE}`],
      [`PEXPIREAT k ${GONE} XX`, `PEXPIREAT k ${GONE}`],
      [`HPEXPIREAT k ${GONE} NX FIELDS 1 f`, `HPEXPIREAT k ${GONE} FIELDS 1 f`],
      [`RESTORE k ${GONE} p ABSTTL`, `RESTORE k ${GONE} p ABSTTL`],
    ] as const) {
      expect(pushed(drop(), [stream(command)])).toBe(textOf(stream(becomes)));
    }
  });
});
