import { encodeCommand } from '@forebay/resp';
import {
  bytesOf,
  concatBytes,
  everySplit,
  randomFrom,
  runSeed,
  splitAtRandom,
} from '@forebay/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeedError } from '../src/index.ts';
import { A, B, decodeAll, decoderAt, inShort, latin1, stream } from './streams.ts';

const shorts = (...commands: string[]) => decodeAll([stream(...commands)]).map(inShort);

describe('a change', () => {
  it('has the offset of its last byte, its database, keys and arguments', () => {
    const [ping, set] = [stream('PING'), stream('set key value')];
    const changes = decodeAll([concatBytes([ping, set])], { offset: 100, database: 3 });
    expect(changes).toEqual([
      {
        type: 'change',
        v: 1,
        id: A,
        offset: 100 + ping.length + set.length,
        database: 3,
        command: 'SET',
        keys: [bytesOf('key')],
        args: [bytesOf('key'), bytesOf('value')],
        tx: undefined,
      },
    ]);
  });

  it('is given for every command but those of the link itself', () => {
    const commands = ['PING', 'REPLCONF GETACK *', 'SELECT 2', 'PUBLISH c m', 'ping', 'FLUSHALL'];
    expect(shorts(...commands)).toEqual(['2 PUBLISH c m', '2 FLUSHALL']);
  });

  it('keeps its bytes when the decoder has gone on, however it came', () => {
    const bytes = stream('SET a 1', 'SET b 2', 'SET c 3');
    for (const { name, pieces } of everySplit(bytes)) {
      expect(decodeAll(pieces).map(inShort), name).toEqual(['0 SET a 1', '0 SET b 2', '0 SET c 3']);
    }
  });

  it('up to where the reader has been is passed over', () => {
    const [first, second] = [stream('SET a 1'), stream('SET b 2')];
    const changes = decodeAll([concatBytes([first, second])], { after: first.length });
    expect(changes.map(inShort)).toEqual(['0 SET b 2']);
  });

  it('bears the id that its last byte came under', () => {
    const decoder = decoderAt();
    const bytes = stream('SET a 1', 'SET b 2');
    decoder.push(bytes.subarray(0, bytes.length - 1));
    expect(decoder.next()?.id).toBe(A);
    expect(decoder.next()).toBeUndefined();
    decoder.id = B;
    decoder.push(bytes.subarray(bytes.length - 1));
    expect(decoder.next()?.id).toBe(B);
  });
});

describe('a transaction', () => {
  it('has a begin and an end, and the id of its MULTI', () => {
    const multi = stream('MULTI').length;
    const changes = decodeAll([stream('MULTI', 'SET a 1', 'DEL b', 'INCR c', 'EXEC', 'SET d 4')]);
    expect(changes.map(({ tx }) => tx)).toEqual([
      { id: multi, mark: 'begin' },
      { id: multi, mark: 'inside' },
      { id: multi, mark: 'end' },
      undefined,
    ]);
  });

  it.each([
    ['of one change', ['MULTI', 'SET a 1', 'EXEC'], ['0 SET a 1 (only)']],
    ['of none', ['MULTI', 'EXEC', 'SET a 1'], ['0 SET a 1']],
    [
      'that selects inside',
      ['MULTI', 'SELECT 4', 'SET a 1', 'SELECT 5', 'SET b 2', 'EXEC'],
      ['4 SET a 1 (begin)', '5 SET b 2 (end)'],
    ],
    ['that began before the start', ['SET a 1', 'EXEC', 'SET b 2'], ['0 SET a 1', '0 SET b 2']],
  ])('%s', (_, commands, expected) => {
    expect(shorts(...commands)).toEqual(expected);
  });

  it('of which a filter leaves two has a begin and an end all the same', () => {
    const bytes = stream(
      'MULTI',
      'SET x:1 1',
      'SET k:1 1',
      'SET x:2 1',
      'DEL k:2',
      'SET x:3 1',
      'EXEC',
    );
    const changes = decodeAll([bytes], { filter: { match: ['k:*'] } });
    expect(changes.map(inShort)).toEqual(['0 SET k:1 1 (begin)', '0 DEL k:2 (end)']);
  });

  it('is not ended before its EXEC is there', () => {
    const decoder = decoderAt();
    decoder.push(stream('MULTI', 'SET a 1', 'SET b 2'));
    expect(decoder.next()?.tx?.mark).toBe('begin');
    expect(decoder.next()).toBeUndefined();
    decoder.push(stream('EXEC'));
    expect(decoder.next()?.tx?.mark).toBe('end');
  });
});

describe('the place to begin at again', () => {
  it('follows each command outside of a transaction, seen or not', () => {
    const decoder = decoderAt({ offset: 50, database: 1, filter: { commands: ['DEL'] } });
    const bytes = stream('SELECT 2', 'SET a 1', 'PING');
    decoder.push(concatBytes([bytes, bytesOf('*1\r\n$4\r\nPI')]));
    expect(decoder.boundary).toEqual({ offset: 50, database: 1 });
    expect(decoder.next()).toBeUndefined();
    expect(decoder.boundary).toEqual({ offset: 50 + bytes.length, database: 2 });
  });

  it('is that of the change given last, though more has been pushed', () => {
    const decoder = decoderAt();
    decoder.push(stream('SET a 1', 'SELECT 1', 'SET b 2'));
    const first = decoder.next();
    expect(decoder.boundary).toEqual({ offset: first?.offset, database: 0 });
  });

  it('stays before MULTI until the last change of the transaction is given', () => {
    const decoder = decoderAt();
    const [before, whole] = [
      stream('SET a 1'),
      stream('SET a 1', 'MULTI', 'SELECT 3', 'SET b 2', 'SET c 3', 'EXEC'),
    ];
    decoder.push(whole);
    decoder.next();
    expect(decoder.next()?.tx?.mark).toBe('begin');
    expect(decoder.boundary).toEqual({ offset: before.length, database: 0 });
    expect(decoder.next()?.tx?.mark).toBe('end');
    expect(decoder.boundary).toEqual({ offset: whole.length, database: 3 });
  });

  it('loses nothing and repeats no finished transaction, wherever one begins again', () => {
    const bytes = stream('SET a 1', 'SELECT 3', 'MULTI', 'SET b 2', 'SET c 3', 'EXEC', 'SET d 4');
    const all = decodeAll([bytes]).map(inShort);
    for (let taken = 0; taken <= all.length; taken++) {
      const decoder = decoderAt();
      decoder.push(bytes);
      for (let i = 0; i < taken; i++) decoder.next();
      const { offset, database } = decoder.boundary;
      const rest = decodeAll([bytes.subarray(offset)], { offset, database }).map(inShort);
      expect(all.slice(all.length - rest.length)).toEqual(rest);
      expect(rest.length).toBeGreaterThanOrEqual(all.length - taken);
    }
  });
});

describe('keys', () => {
  const keysOf = (command: string) => decodeAll([stream(command)])[0]?.keys?.map(latin1);

  it.each([
    ['SET k v EX 10', ['k']],
    ['MSET a 1 b 2 c 3', ['a', 'b', 'c']],
    ['DEL a b', ['a', 'b']],
    ['RENAME a b', ['a', 'b']],
    ['BITOP AND d a b', ['d', 'a', 'b']],
    ['ZUNIONSTORE d 2 a b WEIGHTS 1 2', ['d', 'a', 'b']],
    ['XGROUP CREATE s g 0', ['s']],
    ['LMPOP 2 a b LEFT', ['a', 'b']],
    ['MSETEX 2 a 1 b 2 EX 5', ['a', 'b']],
    ['SORT k STORE d', ['k', 'd']],
    ['EVAL script 1 k arg', ['k']],
    ['HPEXPIREAT h 99 FIELDS 1 f', ['h']],
    ['FLUSHALL', []],
    ['SWAPDB 0 1', []],
    ['JSON.SET doc $ 1', undefined],
    ['constructor x', undefined],
    ['__proto__ x', undefined],
  ])('of %s', (command, expected) => {
    expect(keysOf(command)).toEqual(expected);
  });

  it('of the same command with other numbers of arguments are its own', () => {
    const changes = decodeAll([
      stream('DEL a', 'DEL a b c', 'DEL z', 'LMPOP 1 a LEFT', 'LMPOP 2 a b'),
    ]);
    expect(changes.map(({ keys }) => keys?.map(latin1).join())).toEqual([
      'a',
      'a,b,c',
      'z',
      'a',
      'a,b',
    ]);
  });

  it.each(['1e12', 'Infinity', '9007199254740993', '-1', '0x7fffffff', 'x'])(
    'numbered %j are none that the command does not have, and cost no time',
    (number) => {
      expect(keysOf(`EVAL script ${number} k`)).toEqual([]);
    },
  );
});

describe('what is no stream', () => {
  it('is refused with the place where it begins', () => {
    const decoder = decoderAt({ offset: 10 });
    const set = stream('SET a 1');
    decoder.push(concatBytes([set, bytesOf('*1\r\n:5\r\n')]));
    expect(decoder.next()?.command).toBe('SET');
    for (let i = 0; i < 2; i++) {
      expect(() => decoder.next()).toThrow(
        expect.objectContaining({ code: 'DESYNCHRONIZED', offset: 10 + set.length + 1 }),
      );
    }
  });

  it('is an inline command too, but for the select of an old server', () => {
    expect(
      decodeAll([concatBytes([bytesOf('select 5\r\n'), stream('SET a 1')])]).map(inShort),
    ).toEqual(['5 SET a 1']);
    expect(() => decodeAll([bytesOf('SET a 1\r\n')])).toThrow(FeedError);
  });

  it('throws nothing but our error, on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          decodeAll([stream('MULTI', 'SET a 1'), noise]);
        } catch (error) {
          expect(error).toBeInstanceOf(FeedError);
        }
      }),
      { seed: runSeed() },
    );
  });
});

const word = fc.oneof(
  fc.constantFrom(
    'SET',
    'del',
    'MSET',
    'XGROUP',
    'EVAL',
    'SORT',
    'MIGRATE',
    'XREADGROUP',
    'nosuch',
  ),
  fc.string({ maxLength: 8 }),
  fc.nat({ max: 12 }).map(String),
);
const command = fc.oneof(
  { weight: 6, arbitrary: fc.array(word, { minLength: 1, maxLength: 8 }) },
  { weight: 1, arbitrary: fc.constantFrom(['MULTI'], ['EXEC'], ['PING']) },
  { weight: 1, arbitrary: fc.nat({ max: 15 }).map((database) => ['SELECT', String(database)]) },
);

it('gives the same changes however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), fc.nat(), (commands, seed) => {
      const bytes = concatBytes(commands.map((words) => encodeCommand(words)));
      const whole = decodeAll([bytes]);
      const cut = decodeAll(splitAtRandom(bytes, randomFrom(seed), 20));
      expect(cut).toEqual(whole);
    }),
    { seed: runSeed() },
  );
});

it('filtered gives those of all changes that the filter names', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), fc.nat({ max: 3 }), (commands, database) => {
      // A transaction that is not ended holds its last change back, which is another one with a filter.
      const bytes = concatBytes([...commands, ['EXEC']].map((words) => encodeCommand(words)));
      const filter = { databases: [database], commands: ['SET', 'MSET', 'DEL'] };
      const expected = decodeAll([bytes]).filter(
        (change) => change.database === database && filter.commands.includes(change.command),
      );
      const offsets = decodeAll([bytes], { filter }).map(({ offset }) => offset);
      expect(offsets).toEqual(expected.map(({ offset }) => offset));
    }),
    { seed: runSeed() },
  );
});
