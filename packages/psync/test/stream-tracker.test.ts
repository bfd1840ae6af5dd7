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
import { PsyncError, StreamTracker } from '../src/index.ts';

function stream(...commands: string[]): Uint8Array {
  return concatBytes(commands.map((command) => encodeCommand(command.split(' '))));
}

function tracked(bytes: Uint8Array, start = { offset: 0, database: 0 }): StreamTracker {
  const tracker = new StreamTracker(start);
  tracker.push(bytes);
  return tracker;
}

describe('the boundary', () => {
  const ping = stream('PING').length;

  it('is where it started before anything came', () => {
    const tracker = new StreamTracker({ offset: 77, database: 3 });
    expect(tracker.boundary).toEqual({ offset: 77, database: 3 });
    expect(tracker.offset).toBe(77);
  });

  it('follows each whole command, and waits for the rest of a torn one', () => {
    const tracker = tracked(concatBytes([stream('PING'), bytesOf('*1\r\n$4\r\nPI')]));
    expect(tracker.boundary.offset).toBe(ping);
    expect(tracker.offset).toBe(ping + 10);
    tracker.push(bytesOf('NG\r\n'));
    expect(tracker.boundary.offset).toBe(2 * ping);
  });

  it('stays before MULTI until EXEC has come', () => {
    const tracker = tracked(stream('PING', 'MULTI', 'SELECT 5', 'SET a 1'), {
      offset: 1000,
      database: 2,
    });
    expect(tracker.boundary).toEqual({ offset: 1000 + ping, database: 2 });
    tracker.push(stream('EXEC'));
    expect(tracker.boundary).toEqual({ offset: tracker.offset, database: 5 });
  });

  it('has the database selected there, however the word is written', () => {
    expect(tracked(stream('select 7', 'SET a 1')).boundary.database).toBe(7);
    expect(tracked(stream('SELECT 12')).boundary.database).toBe(12);
  });

  it('counts bare newlines with the command they come before', () => {
    const tracker = tracked(bytesOf('\n'));
    expect(tracker.boundary.offset).toBe(0);
    tracker.push(stream('PING'));
    expect(tracker.boundary.offset).toBe(1 + ping);
  });
});

describe('GETACK', () => {
  it('is told by the offset of its last byte, its own 37 bytes included', () => {
    const before = stream('SET a 1', 'PING');
    const getack = stream('REPLCONF GETACK *');
    expect(getack.length).toBe(37);
    const tracker = tracked(concatBytes([before, getack, stream('PING')]));
    expect(tracker.lastGetAck).toBe(before.length + 37);
  });

  it('is not any other REPLCONF, nor before the first', () => {
    expect(tracked(stream('REPLCONF ACK 5', 'SET REPLCONF GETACK')).lastGetAck).toBe(-1);
  });
});

describe('a stream', () => {
  const bytes = stream(
    'SELECT 1',
    'MULTI',
    'SET a 1',
    'EXEC',
    'REPLCONF GETACK *',
    'SELECT 2',
    'PING',
  );

  it.each([...everySplit(bytes)])('is followed alike $name', ({ pieces }) => {
    const tracker = new StreamTracker({ offset: 10 });
    for (const piece of pieces) tracker.push(piece);
    expect(tracker.boundary).toEqual({ offset: 10 + bytes.length, database: 2 });
    expect(tracker.lastGetAck).toBe(10 + bytes.length - stream('SELECT 2', 'PING').length);
    expect(tracker.commands).toBe(7);
  });

  it('may carry arguments longer than memory should hold', () => {
    const length = 64 * 1024 * 1024;
    const tracker = tracked(bytesOf(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${length}\r\n`));
    const piece = new Uint8Array(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    for (let sent = 0; sent < length; sent += piece.length) tracker.push(piece);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
    tracker.push(bytesOf('\r\n'));
    expect(tracker.boundary.offset).toBe(tracker.offset);
  });

  it('of Redis 2.6 selects inline', () => {
    expect(tracked(bytesOf('select 3\r\n')).boundary).toEqual({ offset: 10, database: 3 });
  });

  it.each(['-ERR unknown command\r\n', '+OK\r\n', 'SET a 1\r\n', '*1\r\n:5\r\n', '*1\r\n$x\r\n'])(
    'that turns into %j is told by the place',
    (junk) => {
      const tracker = new StreamTracker({ offset: 100 });
      tracker.push(stream('PING'));
      expect(() => tracker.push(bytesOf(junk))).toThrow(
        expect.objectContaining({
          code: 'DESYNCHRONIZED',
          offset: 100 + stream('PING').length + 1,
        }),
      );
    },
  );
});

describe('any stream, cut in any way', () => {
  const command: fc.Arbitrary<string[]> = fc.oneof(
    fc.constant<string[]>(['MULTI']),
    fc.constant<string[]>(['EXEC']),
    fc.constant<string[]>(['ping']),
    fc.constant<string[]>(['REPLCONF', 'GETACK', '*']),
    fc.nat(15).map((database) => ['select', String(database)]),
    fc.tuple(fc.constant('SET'), fc.string(), fc.string({ maxLength: 600 })),
  );

  it('is followed as a naive reader would, command by command', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), fc.nat(), (commands, seed) => {
        const parts = commands.map((words) => encodeCommand(words));
        const tracker = new StreamTracker({ offset: 0 });
        for (const piece of splitAtRandom(concatBytes(parts), randomFrom(seed), 64)) {
          tracker.push(piece);
        }
        const naive = followNaively(commands, parts);
        expect({ ...tracker.boundary, lastGetAck: tracker.lastGetAck }).toEqual(naive);
        expect(tracker.commands).toBe(commands.length);
      }),
    );
  });

  function followNaively(commands: string[][], parts: Uint8Array[]) {
    let end = 0;
    let inside = false;
    let selected = 0;
    let state = { offset: 0, database: 0, lastGetAck: -1 };
    for (const [index, words] of commands.entries()) {
      end += parts[index]!.length;
      const name = words[0]!.toUpperCase();
      if (name === 'MULTI') inside = true;
      if (name === 'EXEC') inside = false;
      if (name === 'SELECT') selected = Number(words[1]);
      if (name === 'REPLCONF') state = { ...state, lastGetAck: end };
      if (!inside) state = { ...state, offset: end, database: selected };
    }
    return state;
  }
});

describe('garbage', () => {
  it('of any kind throws only our own error', () => {
    const random = randomFrom(runSeed());
    const alphabet = bytesOf('*$0123456789\r\n-+SELECTMULTI \x00\xff');
    for (let run = 0; run < 2000; run++) {
      const bytes = Uint8Array.from({ length: random.integer(1, 80) }, () =>
        random.pick([...alphabet]),
      );
      const tracker = new StreamTracker({ offset: 0 });
      try {
        for (const piece of splitAtRandom(bytes, random, 10)) tracker.push(piece);
        expect(tracker.boundary.offset, `seed ${random.seed}`).toBeLessThanOrEqual(tracker.offset);
      } catch (error) {
        expect(error, `seed ${random.seed}`).toBeInstanceOf(PsyncError);
      }
    }
  });
});
