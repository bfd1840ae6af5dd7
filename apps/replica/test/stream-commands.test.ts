import type { SourceItem } from '@forebay/feed';
import { RdbWriter } from '@forebay/rdb';
import { CommandCursor, encodeCommand } from '@forebay/resp';
import { describe, expect, it } from 'vitest';
import { StreamCommands } from '../src/tail/stream-commands.ts';

const A = 'a'.repeat(40);
const START = 100;

const stream = (...commands: string[]) =>
  Buffer.concat(commands.map((command) => encodeCommand(command.split(' '))));

const starting = (database: number): SourceItem => {
  return { type: 'start', id: A, offset: START, database, after: START };
};

/** Bytes of the stream, which came up to `offset`. */
const part = (bytes: Uint8Array, offset: number): SourceItem => {
  return { type: 'stream', bytes, offset, id: A, time: 0 };
};

/** A snapshot of one key, and the stream from there. */
function snapshot(version: number, key = 'k'): SourceItem[] {
  const writer = new RdbWriter({ magic: 'REDIS', version });
  writer.write({ type: 'key', database: 2, key: Buffer.from(key), dataType: 'string' });
  writer.write({ type: 'value', value: Buffer.from('1') });
  for (const type of ['key-end', 'end'] as const) writer.write({ type });
  return [
    { type: 'snapshot', v: 1, at: undefined, reason: 'a test' },
    { type: 'rdb', bytes: writer.take() },
    starting(3),
  ];
}

/** All that is made of items. */
async function made(commands: StreamCommands, items: readonly SourceItem[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (const item of items) for await (const bytes of commands.commandsOf(item)) parts.push(bytes);
  return Buffer.concat(parts);
}

/** What a server would execute; a command that is not whole fails. */
async function executed(items: readonly SourceItem[], flushes = false, plain = false) {
  const commands = new StreamCommands(flushes, plain);
  const cursor = new CommandCursor();
  const names: string[] = [];
  cursor.push(await made(commands, items));
  while (cursor.next()) {
    const words = Array.from({ length: cursor.argumentCount }, (_, i) => cursor.argumentText(i));
    names.push(words[0] === 'RESTORE' ? `RESTORE ${words[1]}` : words.join(' '));
  }
  expect(cursor.pendingBytes, 'bytes of a command that is not whole').toBe(0);
  return names;
}

describe('the commands of a stream', () => {
  const bytes = stream('SET a 1', 'MULTI', 'SET b 1', 'SET c 1', 'EXEC', 'SELECT 5', 'SET d 1');
  const multi = stream('SET a 1').length;
  const exec = stream('SET a 1', 'MULTI', 'SET b 1', 'SET c 1', 'EXEC').length;

  it('are whole, and transactions too, wherever it breaks off and another snapshot comes', async () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const told = await executed([
        starting(7),
        part(bytes.subarray(0, cut), START + cut),
        ...snapshot(11),
        part(stream('SET z 1'), START + 27),
      ]);
      expect(told.slice(-2)).toEqual(['SELECT 3', 'SET z 1']);
      expect(told.includes('MULTI'), `cut at ${cut}`).toBe(told.includes('EXEC'));
      expect(told.includes('SET a 1')).toBe(cut >= multi);
      expect(told.includes('SET c 1')).toBe(cut >= exec);
    }
  });

  it('are the stream as it is, however it comes', async () => {
    for (const piece of [1, 5, 40, 1000]) {
      const items = [starting(7)];
      for (let at = 0; at < bytes.length; at += piece) {
        const end = Math.min(at + piece, bytes.length);
        items.push(part(bytes.subarray(at, end), START + end));
      }
      const commands = new StreamCommands(false);
      expect(await made(commands, items)).toEqual(Buffer.concat([stream('SELECT 7'), bytes]));
    }
  });
});

it('a malformed stream is an error of the feed, as for changes', async () => {
  const commands = new StreamCommands(false);
  const wrong = Buffer.concat([stream('SET a 1'), Buffer.from('no command\r\n')]);
  const read = made(commands, [starting(0), part(wrong, START + wrong.length)]);
  await expect(read).rejects.toThrow(
    expect.objectContaining({ name: 'FeedError', code: 'DESYNCHRONIZED' }),
  );
});

describe('the commands of a snapshot', () => {
  const restored = ['SELECT 2', 'RESTORE k', 'SELECT 3'];

  it('empty the target before each but the first, and before that if they are to', async () => {
    expect(await executed(snapshot(9))).toEqual(restored);
    expect(await executed(snapshot(9), true)).toEqual(['FLUSHALL', ...restored]);
    expect(await executed([...snapshot(9), ...snapshot(9)])).toEqual([
      ...[...restored, 'FLUSHALL', ...restored],
    ]);
    expect(await executed(snapshot(9), false, true)).toEqual(['SELECT 2', 'SET k 1', 'SELECT 3']);
    expect(await executed(snapshot(11), true)).toEqual(['FLUSHALL', 'FUNCTION FLUSH', ...restored]);
  });
});
