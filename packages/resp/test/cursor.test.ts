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
import { CommandCursor, encodeCommand, RespError } from '../src/index.ts';
import { INVALID_COMMANDS, VALID_COMMANDS } from './command-vectors.ts';
import { currentCommand, faultOf, readCommands } from './reading.ts';

function cursorAt(wire: string, options = {}): CommandCursor {
  const cursor = new CommandCursor(options);
  cursor.push(bytesOf(wire));
  cursor.next();
  return cursor;
}

describe('commands, whole, byte by byte and at every split', () => {
  it.each(VALID_COMMANDS)('$name', ({ wire, commands, inline = false, options }) => {
    const bytes = bytesOf(wire);
    for (const split of everySplit(bytes)) {
      expect(readCommands(split.pieces, options), split.name).toEqual({
        commands: commands.map(([consumed, ...args]) => ({ args, consumed, inline })),
        fault: undefined,
        total: bytes.length,
        pending: 0,
      });
    }
  });

  it.each(INVALID_COMMANDS)('$wire is $code at $offset', ({ wire, code, offset, options }) => {
    for (const split of everySplit(bytesOf(wire))) {
      expect(readCommands(split.pieces, options).fault, split.name).toEqual({ code, offset });
    }
  });

  it('need all their bytes: every shorter beginning is no command', () => {
    const bytes = bytesOf('\n*2\r\n$3\r\nGET\r\n$12\r\nabcdefghijkl\r\n');
    for (let length = 0; length < bytes.length; length++) {
      const cursor = new CommandCursor();
      cursor.push(bytes.subarray(0, length));
      expect(cursor.next()).toBe(false);
      expect(cursor.argumentCount).toBe(0);
      expect(cursor.bytesConsumed).toBe(0);
      expect(cursor.totalConsumed).toBe(0);
      expect(cursor.pendingBytes).toBe(length);
    }
  });
});

describe('any stream', () => {
  const argument = fc.uint8Array({ maxLength: 80 });
  const command = fc.record({
    newlines: fc.constantFrom('', '', '', '\n', '\r\n\n'),
    args: fc.array(argument, { maxLength: 6 }),
  });
  const limits = fc.record(
    { maxRetainedLength: fc.nat(60), maxRetainedArguments: fc.nat(5) },
    { requiredKeys: [] },
  );

  it('gives back the arguments that were encoded, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(command),
        fc.nat(),
        fc.integer({ min: 1, max: 90 }),
        limits,
        (sent, seed, longest, options) => {
          const parts = sent.map(({ newlines, args }) =>
            concatBytes([bytesOf(newlines), encodeCommand(args)]),
          );
          const bytes = concatBytes(parts);
          const { maxRetainedLength = 1e9, maxRetainedArguments = 1e9 } = options;
          const expected = sent.map(({ args }, i) => ({
            args: args.map((arg, j) => {
              if (j >= maxRetainedArguments) return '<>';
              return arg.length > maxRetainedLength
                ? `<${arg.length}>`
                : String.fromCharCode(...arg);
            }),
            consumed: parts[i]!.length,
            inline: false,
          }));
          const read = readCommands(splitAtRandom(bytes, randomFrom(seed), longest), options);
          expect(read).toEqual({
            commands: expected,
            fault: undefined,
            total: bytes.length,
            pending: 0,
          });
        },
      ),
    );
  });

  it('may be pushed ahead: chunks wait in order', () => {
    const bytes = concatBytes(Array.from({ length: 50 }, (_, i) => encodeCommand(['SET', 'k', i])));
    const cursor = new CommandCursor();
    for (const piece of splitAtRandom(bytes, randomFrom(runSeed()), 17)) cursor.push(piece);
    for (let i = 0; i < 50; i++) {
      const before = cursor.pendingBytes;
      expect(cursor.next()).toBe(true);
      expect(cursor.argumentText(2)).toBe(`${i}`);
      expect(before - cursor.pendingBytes).toBe(cursor.bytesConsumed);
      expect(cursor.totalConsumed + cursor.pendingBytes).toBe(bytes.length);
    }
    expect(cursor.next()).toBe(false);
  });

  it('passes commands of very many arguments, whole or cut', () => {
    const args = Array.from({ length: 30_000 }, (_, i) => i);
    const bytes = encodeCommand(args);
    const random = randomFrom(runSeed());
    for (const pieces of [[bytes], splitAtRandom(bytes, random, 65_536)]) {
      const cursor = new CommandCursor();
      let found = 0;
      for (const piece of [...pieces, ...pieces]) {
        cursor.push(piece);
        while (cursor.next()) {
          found++;
          expect(cursor.argumentCount).toBe(30_000);
          expect(args.every((i) => cursor.argumentText(i) === `${i}`)).toBe(true);
        }
      }
      expect(found).toBe(2);
    }
  });
});

describe('an argument', () => {
  const wire = '*3\r\n$6\r\nSelect\r\n$4\r\n\xc3\xa9\xff\xe2\r\n$3\r\n@[`\r\n';

  it.each([[[wire]], [[wire.slice(0, 30), wire.slice(30)]]])(
    'is a view, or text when asked for',
    (pieces) => {
      const cursor = new CommandCursor();
      for (const piece of pieces) cursor.push(bytesOf(piece));
      cursor.next();
      expect(cursor.argument(0)).toEqual(bytesOf('Select'));
      expect(cursor.argument(0).buffer).toBe(cursor.argument(1).buffer);
      expect(cursor.argumentLength(1)).toBe(4);
      expect(cursor.argumentText(1)).toBe('é\ufffd\ufffd');
      expect(cursor.argumentLatin1(1)).toBe('\xc3\xa9\xff\xe2');
    },
  );

  it('is compared to a word without regard to case, in ASCII only', () => {
    const cursor = cursorAt(wire);
    expect(cursor.argumentIs(0, 'SELECT')).toBe(true);
    expect(cursor.argumentIs(0, 'SELECTS')).toBe(false);
    expect(cursor.argumentIs(0, 'SELECX')).toBe(false);
    expect(cursor.argumentIs(2, '@[`')).toBe(true);
    expect(cursor.argumentIs(2, '@[@')).toBe(false);
  });

  it('that was not retained differs from a word of another length', () => {
    const cursor = cursorAt('*1\r\n$4\r\nPING\r\n', { maxRetainedLength: 3 });
    expect(cursor.argumentIs(0, 'PINGS')).toBe(false);
    expect(faultOf(() => cursor.argumentIs(0, 'PING'))?.code).toBe('NOT_RETAINED');
    expect(faultOf(() => cursor.argumentText(0))?.code).toBe('NOT_RETAINED');
    expect(faultOf(() => cursor.argumentLatin1(0))?.code).toBe('NOT_RETAINED');
  });

  it.each([-1, 3, 0.5, Number.NaN])('%d does not exist among three', (i) => {
    const cursor = cursorAt(wire);
    const refused = { code: 'NO_SUCH_ARGUMENT', offset: undefined };
    expect(faultOf(() => cursor.argument(i))).toEqual(refused);
    expect(faultOf(() => cursor.argumentLength(i))).toEqual(refused);
    expect(faultOf(() => cursor.argumentText(i))).toEqual(refused);
    expect(faultOf(() => cursor.argumentIs(i, 'X'))).toEqual(refused);
  });

  it('of long text is read as UTF-8 and as one character a byte', () => {
    const text = 'aé€😀'.repeat(3000);
    const cursor = new CommandCursor();
    cursor.push(encodeCommand([text]));
    cursor.next();
    expect(cursor.argumentText(0)).toBe(text);
    expect(cursor.argumentLatin1(0)).toHaveLength(cursor.argumentLength(0));
  });
});

describe('an error', () => {
  it('comes again at each call, and what is pushed after it is ignored', () => {
    const cursor = new CommandCursor();
    cursor.push(bytesOf('*1\r\n$4\r\nPING\r\n*x\r\n'));
    expect(cursor.next()).toBe(true);
    const errors = [0, 1].map(() => {
      try {
        cursor.push(bytesOf('*1\r\n$4\r\nPING\r\n'));
        return cursor.next();
      } catch (error) {
        return error;
      }
    });
    expect(errors[0]).toBeInstanceOf(RespError);
    expect(errors[1]).toBe(errors[0]);
    expect(cursor.argumentCount).toBe(0);
    expect(cursor.totalConsumed).toBe(14);
  });
});

describe('options', () => {
  it.each([
    { maxArguments: 0 },
    { maxArguments: 2 ** 31 },
    { maxBulkLength: -1 },
    { maxBulkLength: 2 ** 53 },
    { maxInlineLength: 0.5 },
    { maxRetainedLength: Number.NaN },
    { maxRetainedArguments: -1 },
  ])('%o are refused', (options) => {
    expect(faultOf(() => new CommandCursor(options))?.code).toBe('INVALID_OPTION');
  });

  it('let a length pass that has no limit', () => {
    const cursor = new CommandCursor({
      maxBulkLength: Number.MAX_SAFE_INTEGER,
      maxRetainedLength: 16,
    });
    cursor.push(bytesOf('*1\r\n$9007199254740991\r\nabc'));
    expect(cursor.next()).toBe(false);
    expect(cursor.pendingBytes).toBe(26);
  });
});

describe('chunks', () => {
  it('of a subclass are read the same, and arguments are plain arrays', () => {
    const cursor = new CommandCursor();
    cursor.push(Buffer.from('*1\r\n$4\r\nPING\r\n'));
    cursor.next();
    expect(currentCommand(cursor).args).toEqual(['PING']);
    expect(Object.getPrototypeOf(cursor.argument(0))).toBe(Uint8Array.prototype);
  });

  it('that are empty change nothing', () => {
    const cursor = cursorAt('*1\r\n$4\r\nPING\r\n*1');
    cursor.push(new Uint8Array(0));
    expect(cursor.next()).toBe(false);
    expect(cursor.pendingBytes).toBe(2);
  });
});
