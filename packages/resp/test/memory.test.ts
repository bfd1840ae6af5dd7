import { bytesOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { CommandCursor, RespDecoder } from '../src/index.ts';
import { bytesTaken } from './allocation-meter.ts';
import { faultOf } from './reading.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CHUNK = new Uint8Array(16 * KIB).fill(120);
/** What a reader may take without having received anything. */
const AT_REST = 4 * KIB;

/** Pushes `length` bytes of an argument in chunks of 16 KiB, with what comes before and after them. */
function pushBulk(
  to: { push(chunk: Uint8Array): void },
  drain: () => void,
  wire: string,
  length: number,
): void {
  to.push(bytesOf(wire));
  drain();
  for (let at = 0; at < length; at += CHUNK.length) {
    to.push(CHUNK);
    drain();
  }
  to.push(bytesOf('\r\n'));
}

describe('an announced length or count takes no memory', () => {
  it.each([
    '*1048576\r\n',
    '*1048576\r\n$536870912\r\n',
    '*1\r\n$536870912\r\nx',
    '*999999\r\n$1\r\na\r\n',
    '*1048577\r\n',
    'x'.repeat(100),
  ])('of a command: %j', (wire) => {
    const taken = bytesTaken(() => {
      const cursor = new CommandCursor();
      cursor.push(bytesOf(wire));
      faultOf(() => cursor.next());
    });
    expect(taken).toBeLessThan(AT_REST);
  });

  it.each([
    '*2147483647\r\n',
    '%2147483647\r\n+a\r\n',
    '|2147483647\r\n',
    '~2147483647\r\n*2147483647\r\n',
    '$536870912\r\n',
    '$536870912\r\nx',
    '!536870912\r\nx',
    '=536870912\r\ntxt:',
    '$?\r\n;536870912\r\n',
  ])('of a value: %j', (wire) => {
    const decoders: RespDecoder[] = [];
    const heapBefore = process.memoryUsage().heapUsed;
    const taken = bytesTaken(() => {
      for (let i = 0; i < 100; i++) {
        const decoder = new RespDecoder();
        decoder.push(bytesOf(wire));
        expect(decoder.next()).toBeUndefined();
        decoders.push(decoder);
      }
    });
    expect(taken).toBeLessThan(100 * AT_REST);
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(50 * MIB);
    expect(decoders).toHaveLength(100);
  });
});

describe('an argument of 512 MiB in chunks of 16 KiB', () => {
  const length = 512 * MIB;
  const wire = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${length}\r\n`;

  it('passes in the memory of its other arguments where it is not retained', () => {
    const cursor = new CommandCursor({ maxRetainedLength: 64 * KIB });
    const taken = bytesTaken(() => {
      pushBulk(cursor, () => expect(cursor.next()).toBe(false), wire, length);
      expect(cursor.next()).toBe(true);
    });
    expect(taken).toBeLessThan(AT_REST);
    expect(cursor.argumentText(1)).toBe('k');
    expect(cursor.argumentLength(2)).toBe(length);
    expect(cursor.bytesConsumed).toBe(wire.length + length + 2);
    expect(faultOf(() => cursor.argument(2))?.code).toBe('NOT_RETAINED');
  }, 60_000);

  it('is gathered in memory that is little more than it needs, also while that grows', () => {
    const cursor = new CommandCursor();
    const taken = bytesTaken(() => {
      pushBulk(cursor, () => cursor.next(), wire, length);
      expect(cursor.next()).toBe(true);
    });
    // All that was ever taken: 512 bytes, 1 KiB, ..., an eighth and the last of just what is needed.
    expect(taken).toBeGreaterThan(length);
    expect(taken).toBeLessThan(1.3 * length);
    expect(cursor.argumentLength(2)).toBe(length);
    expect(cursor.argument(2).buffer.byteLength).toBeLessThan(length + AT_REST);
  }, 60_000);

  it('is one value of a decoder, in memory of just its length', () => {
    const decoder = new RespDecoder();
    let value = decoder.next();
    const taken = bytesTaken(() => {
      pushBulk(decoder, () => decoder.next(), `$${length}\r\n`, length);
      value = decoder.next();
    });
    expect(taken).toBeLessThan(2.1 * length);
    expect(value).toMatchObject({ type: 'bulk' });
    if (value?.type === 'bulk') expect(value.bytes.buffer.byteLength).toBe(length);
  }, 60_000);
});

describe('after a long command', () => {
  it('its memory is given back', () => {
    const cursor = new CommandCursor();
    pushBulk(cursor, () => cursor.next(), `*1\r\n$${8 * MIB}\r\n`, 8 * MIB);
    cursor.next();
    const gathered = cursor.argument(0).buffer;
    cursor.push(bytesOf('*1\r\n$4\r\nPI'));
    expect(cursor.next()).toBe(false);
    cursor.push(bytesOf('NG\r\n'));
    expect(cursor.next()).toBe(true);
    expect(cursor.argument(0).buffer).not.toBe(gathered);
    expect(cursor.argument(0).buffer.byteLength).toBeLessThan(AT_REST);
  });

  it('its arguments stay as they are where they are kept', () => {
    for (const length of [16 * KIB, 8 * MIB]) {
      const cursor = new CommandCursor();
      pushBulk(cursor, () => cursor.next(), `*1\r\n$${length}\r\n`, length);
      cursor.next();
      cursor.keepArguments();
      const kept = cursor.argument(0);
      const before = Buffer.from(kept);
      for (let i = 0; i < 2; i++) {
        cursor.push(bytesOf('*1\r\n$4\r\nPI'));
        expect(cursor.next()).toBe(false);
        cursor.push(bytesOf('NG\r\n'));
        expect(cursor.next()).toBe(true);
        expect(cursor.argumentText(0)).toBe('PING');
      }
      expect(before.equals(kept)).toBe(true);
    }
  });

  it('that was counted past the table, none was taken', () => {
    const cursor = new CommandCursor({ maxRetainedArguments: 2, maxRetainedLength: 64 });
    const pair = bytesOf('$1\r\na\r\n'.repeat(1_000));
    const taken = bytesTaken(() => {
      cursor.push(bytesOf('*1000000\r\n'));
      for (let i = 0; i < 1_000; i++) {
        expect(cursor.next()).toBe(false);
        cursor.push(pair);
      }
      expect(cursor.next()).toBe(true);
    });
    expect(cursor.argumentCount).toBe(1_000_000);
    expect(cursor.bytesConsumed).toBe(7_000_010);
    expect(taken).toBeLessThan(AT_REST);
  });
});
