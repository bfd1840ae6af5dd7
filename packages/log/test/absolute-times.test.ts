import { encodeCommand } from '@forebay/resp';
import {
  bytesOf,
  concatBytes,
  everySplit,
  randomFrom,
  splitAtRandom,
  textOf,
} from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AbsoluteTimes } from '../src/restore/absolute-times.ts';

const ARRIVED = 1_700_000_000_000;
/** The least there is, and a value that is longer. */
const HELD = 20;
const LONG = 'x'.repeat(HELD + 1);

function stream(...commands: string[]): Uint8Array {
  return concatBytes(commands.map((command) => encodeCommand(command.split(' '))));
}

/** What becomes of a stream that arrives in these pieces; they are overwritten as soon as taken. */
function pushed(times: AbsoluteTimes, pieces: Iterable<Uint8Array>): string {
  let text = '';
  for (const piece of pieces) {
    for (const out of times.push(piece, ARRIVED)) text += textOf(out);
    piece.fill(0);
  }
  return text;
}

function textOfAll(...commands: string[]): string {
  return textOf(stream(...commands));
}

describe('a relative time', () => {
  it.each([
    ['EXPIRE k 10', 'PEXPIREAT k 1700000010000'],
    ['pexpire k 10', 'PEXPIREAT k 1700000000010'],
    ['EXPIRE k +010', 'PEXPIREAT k 1700000010000'],
    ['EXPIRE k -1', 'PEXPIREAT k 1699999999000'],
    ['EXPIRE k 0', 'PEXPIREAT k 1700000000000'],
    ['PEXPIRE k -1700000000001', 'PEXPIREAT k 0'],
    ['GETEX k EX 10', 'PEXPIREAT k 1700000010000'],
    ['GetEx k px 10', 'PEXPIREAT k 1700000000010'],
    ['SETEX k 10 v', 'SET k v', 'PEXPIREAT k 1700000010000'],
    ['psetex k 10 v', 'SET k v', 'PEXPIREAT k 1700000000010'],
    ['SET k v EX 10', 'SET k v', 'PEXPIREAT k 1700000010000'],
    ['set k v px 10', 'set k v', 'PEXPIREAT k 1700000000010'],
    ['SET k v NX EX 10', 'SET k v NX', 'PEXPIREAT k 1700000010000'],
    ['SET k v PX 10 xx GET', 'SET k v xx GET', 'PEXPIREAT k 1700000000010'],
    ['SET k v EX 9 EX 10', 'SET k v', 'PEXPIREAT k 1700000010000'],
    ['RESTORE k 10 p', 'RESTORE k 0 p', 'PEXPIREAT k 1700000000010'],
    ['RESTORE k 10 p REPLACE', 'RESTORE k 0 p REPLACE', 'PEXPIREAT k 1700000000010'],
    [
      'restore-asking k 10 p replace IDLETIME 5 FREQ 6',
      'restore-asking k 0 p replace IDLETIME 5 FREQ 6',
      'PEXPIREAT k 1700000000010',
    ],
  ])('becomes absolute in %j', (typed, ...expected) => {
    const times = new AbsoluteTimes();
    expect(pushed(times, [stream(typed)])).toBe(textOfAll(...expected));
    expect([times.changed, times.pending]).toEqual([1, 0]);
  });

  it.each([
    ...['EXPIRE k ten', 'EXPIRE k', 'EXPIRE k 10 NX', 'EXPIRE k 1.5', 'PEXPIRE k 0x10'],
    ...['EXPIRE k 9223372036854775807', 'PEXPIRE k 9007199254740991', 'EXPIRE k -'],
    ...['PEXPIRE k -9007199254740993', 'EXPIRE k -9223372036854775808'],
    ...['SETEX k 0 v', 'SETEX k -1 v', 'SETEX k ten v', 'SETEX k 10', 'SETEX k 10 v w'],
    ...['SET k EX', 'SET k v EX', 'SET k v EX 0', 'SET k v EX -1', 'SET k v EX ten'],
    ...['SET k v EX 1 PX 1', 'SET k v NX XX EX 1', 'SET k v EX 1 EVER', 'SET k v EX 1 KEEPTTL'],
    ...['GETEX k EX 0', 'GETEX k EX ten', 'GETEX k EX', 'GETEX k EX 1 PX 1'],
    ...['RESTORE k -1 p', 'RESTORE k ten p', 'RESTORE k 10', 'RESTORE k 10 p EVER'],
    ...['RESTORE k 10 p FREQ', 'RESTORE k 10 p FREQ few'],
  ])('that servers refuse passes: %j', expectUnchanged);

  it('counts from the arrival of the last byte of its command', () => {
    const bytes = stream('EXPIRE a 1', 'EXPIRE b 1');
    const times = new AbsoluteTimes();
    const end = bytes.length - 1;
    expect(textOf(concatBytes(times.push(bytes.slice(0, end), 5000)))).toBe(
      textOfAll('PEXPIREAT a 6000'),
    );
    expect(textOf(concatBytes(times.push(bytes.slice(end), 9000)))).toBe(
      textOfAll('PEXPIREAT b 10000'),
    );
  });

  it('is found in a transaction, where its place stays', () => {
    const bytes = stream('MULTI', 'SELECT 3', 'SETEX a 1 v', 'DEL b', 'EXEC', 'PING');
    expect(pushed(new AbsoluteTimes(), [bytes])).toBe(
      textOfAll(
        'MULTI',
        'SELECT 3',
        'SET a v',
        'PEXPIREAT a 1700000001000',
        'DEL b',
        'EXEC',
        'PING',
      ),
    );
  });

  it('is found with a key and a value of any bytes, and of none', () => {
    const [key, value] = [Uint8Array.from({ length: 256 }, (_, i) => i), bytesOf('\r\n*1\r\n')];
    const empty = new Uint8Array(0);
    for (const [k, v] of [
      [key, value],
      [empty, empty],
    ]) {
      const typed = encodeCommand(['SET', k!, v!, 'EX', '1']);
      const expected = [
        ...[encodeCommand(['SET', k!, v!])],
        ...[encodeCommand(['PEXPIREAT', k!, '1700000001000'])],
      ];
      expect(pushed(new AbsoluteTimes(), [typed])).toBe(textOf(concatBytes(expected)));
    }
  });

  it('is found in a Buffer that is used again', () => {
    const pieces = splitAtRandom(stream('PING', 'SETEX k 10 v'), randomFrom(1), 5);
    expect(
      pushed(
        new AbsoluteTimes(),
        pieces.map((piece) => Buffer.from(piece)),
      ),
    ).toBe(textOfAll('PING', 'SET k v', 'PEXPIREAT k 1700000010000'));
  });

  it('is found whatever the length of the key', () => {
    const key = 'k'.repeat(300_000);
    const bytes = stream(`EXPIRE ${key} 1`);
    const times = new AbsoluteTimes({ maxHeldLength: HELD });
    expect(pushed(times, splitAtRandom(bytes, randomFrom(1), 100_000))).toBe(
      textOfAll(`PEXPIREAT ${key} 1700000001000`),
    );
  });
});

describe('what is not relative', () => {
  it.each([
    ...['PING', 'SELECT 3', 'DEL a b c', 'SET k v', 'SET k v NX', 'SET k v KEEPTTL', 'SETNX k v'],
    ...['SET k v EXAT 1700000000', 'SET k v PXAT 1700000000000', 'SET EX EX', 'GETSET k v'],
    ...['EXPIREAT k 1700000000', 'PEXPIREAT k 1700000000000', 'PERSIST k', 'GETEX k'],
    ...['GETEX k PERSIST', 'GETEX k EXAT 1700000000', 'GETEX k PXAT 1700000000000'],
    ...['RESTORE k 0 p', 'RESTORE k 0 p REPLACE', 'RESTORE k 1700000000000 p ABSTTL'],
    ...['RESTORE k 1700000000000 p REPLACE ABSTTL', 'REPLCONF GETACK *', 'EXPIREX k 10'],
    ...['SET.WITH.A.NAME.THAT.IS.LONG k v EX 10'],
  ])('passes: %j', expectUnchanged);

  it.each(['select 3\r\n', 'expire k 10\r\n', '\n\n', '*0\r\n', '*-1\r\n', '*1\r\n$0\r\n\r\n'])(
    'passes though it is no array of words: %j',
    (text) => {
      const whole = `${text}${textOfAll('PING')}${text}`;
      for (const { pieces } of everySplit(bytesOf(whole))) {
        expect(pushed(new AbsoluteTimes(), pieces)).toBe(whole);
      }
    },
  );

  it('is one view of what was pushed, between two that are relative', () => {
    const first = stream('PING', 'SET a 1', 'DEL b').length;
    const last = ['SET c 2', 'EXPIRE k ten', 'DEL d'];
    const bytes = stream('PING', 'SET a 1', 'DEL b', 'EXPIRE a 1', ...last);
    const pieces = new AbsoluteTimes().push(bytes, ARRIVED);
    expect(pieces).toHaveLength(3);
    expect(pieces[0]!.buffer).toBe(bytes.buffer);
    expect([pieces[0]!.byteOffset, pieces[0]!.length]).toEqual([0, first]);
    expect(pieces[2]!.buffer).toBe(bytes.buffer);
    expect(textOf(pieces[2]!)).toBe(textOfAll(...last));
  });

  it('passes as it comes, its command not whole', () => {
    const times = new AbsoluteTimes();
    const [undecided, decided] = ['*3\r\n$3\r\nSE', 'T\r\n$1\r\nk\r\n$100\r\nabc'];
    expect(pushed(times, [bytesOf(undecided)])).toBe('');
    expect(times.pending).toBe(undecided.length);
    expect(pushed(times, [bytesOf(decided)])).toBe(undecided + decided);
    expect(times.pending).toBe(0);
  });

  it('is every script: they are counted', () => {
    const times = new AbsoluteTimes();
    const bytes = stream('EVAL return 0', 'evalsha abc 0', 'SCRIPT LOAD x', 'EVAL return 0');
    for (const { pieces } of everySplit(bytes.slice())) {
      const before = times.scriptsPassed;
      expect(pushed(times, pieces)).toBe(textOf(bytes));
      expect(times.scriptsPassed - before).toBe(3);
    }
  });
});

function expectUnchanged(typed: string): void {
  const times = new AbsoluteTimes();
  for (const { pieces } of everySplit(stream('PING', typed, 'DEL a'))) {
    expect(pushed(times, pieces)).toBe(textOfAll('PING', typed, 'DEL a'));
  }
  expect([times.changed, times.pending]).toEqual([0, 0]);
}

describe('a stream', () => {
  const bytes = concatBytes([
    stream('SELECT 1', 'SETEX a 1 value', 'MULTI', 'SET b value EX 1 NX', 'EXEC'),
    bytesOf('\nselect 2\r\n*0\r\n'),
    stream('expire a 2', 'EXPIRE a ten', 'RESTORE c 5 payload REPLACE', `SET d ${LONG} PX 3`),
    stream(`RESTORE e 5 ${LONG} ABSTTL`, 'GETEX a PX 4', 'EVAL x 0', 'DEL a b c'),
  ]);
  const expected = `${textOfAll(
    ...['SELECT 1', 'SET a value', 'PEXPIREAT a 1700000001000', 'MULTI', 'SET b value NX'],
    ...['PEXPIREAT b 1700000001000', 'EXEC'],
  )}\nselect 2\r\n*0\r\n${textOfAll(
    ...['PEXPIREAT a 1700000002000', 'EXPIRE a ten', 'RESTORE c 0 payload REPLACE'],
    ...['PEXPIREAT c 1700000000005', `SET d ${LONG} PX 3`, 'PEXPIREAT d 1700000000003'],
    ...[`RESTORE e 5 ${LONG} ABSTTL`, 'PEXPIREAT a 1700000000004', 'EVAL x 0', 'DEL a b c'],
  )}`;

  it.each([...everySplit(bytes)])('becomes the same $name', ({ pieces }) => {
    const times = new AbsoluteTimes({ maxHeldLength: HELD });
    expect(pushed(times, pieces)).toBe(expected);
    expect([times.changed, times.scriptsPassed, times.pending]).toEqual([6, 1, 0]);
  });

  it('tells how much of it is held back, at each place', () => {
    const times = new AbsoluteTimes({ maxHeldLength: HELD });
    for (let at = 0; at < bytes.length; at++) {
      times.push(bytes.slice(at, at + 1), ARRIVED);
      const whole = new AbsoluteTimes({ maxHeldLength: HELD });
      const [view] = whole.push(bytes.slice(0, at + 1), ARRIVED).slice(-1);
      expect(times.pending).toBe(whole.pending);
      if (whole.changed === 0) expect((view?.length ?? 0) + whole.pending).toBe(at + 1);
    }
    expect(times.pending).toBe(0);
  });

  it.each([
    ['*x', 'INVALID_COUNT', 1],
    ['*\r\n', 'INVALID_COUNT', 1],
    ['*1234567890123456\r\n', 'INVALID_COUNT', 16],
    ['*1\rx', 'INVALID_FRAMING', 3],
    ['*1\r\n:5\r\n', 'INVALID_TYPE', 4],
    ['*1\r\n$x', 'INVALID_LENGTH', 5],
    ['*1\r\n$-1\r\n', 'INVALID_LENGTH', 8],
    ['*1\r\n$1\r\nabc', 'INVALID_FRAMING', 9],
  ])('that turns into %j is told by the place', (junk, code, offset) => {
    const ping = stream('PING');
    for (const { pieces } of everySplit(concatBytes([ping, bytesOf(junk)]))) {
      expect(() => pushed(new AbsoluteTimes(), pieces)).toThrow(
        expect.objectContaining({ code, offset: ping.length + offset }),
      );
    }
  });
});

describe('a long value', () => {
  it('passes as it came, with its relative time overruled', () => {
    const times = new AbsoluteTimes({ maxHeldLength: HELD });
    const fits = LONG.slice(1);
    const text = pushed(times, [stream(`SET k ${fits} EX 1`, `SET k ${LONG} EX 1`, 'PING')]);
    expect(text).toBe(
      textOfAll(
        ...[`SET k ${fits}`, 'PEXPIREAT k 1700000001000'],
        ...[`SET k ${LONG} EX 1`, 'PEXPIREAT k 1700000001000', 'PING'],
      ),
    );
    expect(times.changed).toBe(2);
  });

  it('is none that may be a time or an option, whatever is allowed', () => {
    const times = new AbsoluteTimes({ maxHeldLength: 0 });
    expect(pushed(times, [stream('SETEX k 0000000000000001000 v')])).toBe(
      textOfAll('SET k v', 'PEXPIREAT k 1700001000000'),
    );
  });

  it.each([
    ['SET', 'k', 'EX', '1'],
    ['SET', 'k', 'KEEPTTL', 'GET'],
    ['RESTORE', 'k', '1000', 'REPLACE'],
    ['SETEX', 'k', '1000'],
  ])('is not held in memory: %s %s %s', (...words) => {
    const length = 64 * 1024 * 1024;
    const at = words[0] === 'SET' ? 2 : 3;
    const bulk = (word: string) => `$${word.length}\r\n${word}\r\n`;
    const head = words.slice(0, at).map(bulk).join('');
    const tail = words.slice(at).map(bulk).join('');
    const times = new AbsoluteTimes();
    let given = 0;
    let most = 0;
    const push = (bytes: Uint8Array) => {
      for (const piece of times.push(bytes, ARRIVED)) given += piece.length;
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    };
    const piece = new Uint8Array(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    push(bytesOf(`*${words.length + 1}\r\n${head}$${length}\r\n`));
    const opening = given;
    for (let sent = 0; sent < length; sent += piece.length) push(piece);
    expect(given - opening).toBe(length);
    expect(most - before).toBeLessThan(4 * 1024 * 1024);
    push(bytesOf(`\r\n${tail}`));
    expect([times.changed, times.pending]).toEqual([words[2] === 'KEEPTTL' ? 0 : 1, 0]);
  });
});

describe('any stream, cut in any way', () => {
  type Words = readonly (string | Uint8Array)[];
  /** A command, and what it becomes. */
  type Case = readonly [typed: Words, expected: readonly Words[]];

  const bytes = fc.uint8Array({ maxLength: 2 * HELD });
  const name = (upper: string) => fc.mixedCase(fc.constant(upper));
  const seconds = fc.integer({ min: 1, max: 1_000_000 });
  const at = (key: Uint8Array, ms: number): Words => ['PEXPIREAT', key, String(ARRIVED + ms)];
  const unchanged = (typed: Words): Case => [typed, [typed]];
  const fitting = (value: Uint8Array, typed: Words, rewritten: Words): Words =>
    value.length > HELD ? typed : rewritten;

  const command: fc.Arbitrary<Case> = fc.oneof(
    fc.array(bytes, { maxLength: 5 }).map((words) => unchanged(['X', ...words])),
    fc.tuple(name('SET'), bytes, bytes).map(unchanged),
    fc.tuple(name('EXPIREAT'), bytes, seconds.map(String)).map(unchanged),
    fc.tuple(name('EXPIRE'), bytes, fc.constantFrom('', '-', '1e3', ' 1')).map(unchanged),
    fc.tuple(name('EXPIRE'), bytes, seconds).map(([expire, key, time]): Case => {
      return [[expire, key, String(time)], [at(key, time * 1000)]];
    }),
    fc.tuple(name('SETEX'), bytes, seconds, bytes).map(([setex, key, time, value]): Case => {
      const typed = [setex, key, String(time), value];
      return [typed, [fitting(value, typed, ['SET', key, value]), at(key, time * 1000)]];
    }),
    fc.tuple(name('SET'), bytes, bytes, seconds).map(([set, key, value, time]): Case => {
      const typed = [set, key, value, 'nx', 'PX', String(time)];
      return [typed, [fitting(value, typed, [set, key, value, 'nx']), at(key, time)]];
    }),
    fc.tuple(name('RESTORE'), bytes, seconds, bytes).map(([restore, key, time, value]): Case => {
      const typed = [restore, key, String(time), value, 'Replace'];
      const short = [restore, key, '0', value, 'Replace'];
      return [typed, [fitting(value, typed, short), at(key, time)]];
    }),
  );

  it('becomes what its commands become one by one', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 20 }), fc.nat(), (cases, seed) => {
        const whole = concatBytes(cases.map(([typed]) => encodeCommand(typed)));
        const expected = cases.flatMap(([, commands]) =>
          commands.map((words) => encodeCommand(words)),
        );
        const times = new AbsoluteTimes({ maxHeldLength: HELD });
        const pieces = splitAtRandom(whole, randomFrom(seed), 64);
        expect(pushed(times, pieces)).toBe(textOf(concatBytes(expected)));
        const changed = cases.filter(([typed, become]) => become.at(-1) !== typed).length;
        expect([times.changed, times.pending]).toEqual([changed, 0]);
      }),
    );
  });
});
