import { encodeCommand } from '@forebay/resp';
import { describe, expect, it } from 'vitest';
import type { FindOptions } from '../src/index.ts';
import { findCommands } from '../src/index.ts';
import { Writer } from './logs.ts';
import { A, B } from './streams.ts';

const find = ({ directory }: Writer, command: string, options: Partial<FindOptions> = {}) =>
  findCommands({ dir: directory, command, ...options });

/** The positions before what is found, without the id. */
async function offsetsOf(...args: Parameters<typeof find>): Promise<number[]> {
  return (await find(...args)).newest.map(({ before }) => before.offset);
}

describe('a search for a command', () => {
  it('gives the position before it, its own, its time and its database', async () => {
    await using writer = await Writer.begin(3);
    const since = Date.now();
    const before = await writer.append('SET key value');
    const at = await writer.append('flushall');
    await writer.append('SELECT 1', 'SET key value');
    const { count, newest } = await find(writer, 'FlushAll');
    expect(count).toBe(1);
    expect(newest).toEqual([
      {
        before: { id: A, offset: before },
        at: { id: A, offset: at },
        time: expect.any(Number),
        database: 3,
        count: 1,
      },
    ]);
    expect(newest[0]!.time).toBeGreaterThanOrEqual(since);
    expect(newest[0]!.time).toBeLessThanOrEqual(Date.now());
    expect((await find(writer, 'SET')).newest.map(({ database }) => database)).toEqual([3, 1]);
  });

  it('gives the position before the transaction that the command is in, once for each', async () => {
    await using writer = await Writer.begin();
    const before = await writer.append('SET key value');
    await writer.append('MULTI', 'SET a 1', 'DEL a', 'DEL b', 'EXEC');
    const between = await writer.append('PING');
    await writer.append('DEL c');
    const { count, newest } = await find(writer, 'DEL');
    expect(count).toBe(2);
    expect(newest.map((found) => [found.before.offset, found.count])).toEqual([
      [before, 2],
      [between, 1],
    ]);
    expect(await offsetsOf(writer, 'MULTI')).toEqual([before]);
    expect(await offsetsOf(writer, 'EXEC')).toEqual([before]);
  });

  it('covers all files, histories and the bytes before a step back, each once', async () => {
    await using writer = await Writer.begin();
    const first = await writer.append('SET key value');
    await writer.append('FLUSHDB');
    await writer.rotate();
    const kept = await writer.append('SET key value');
    await writer.append('FLUSHDB');
    await writer.stepBack(kept, B);
    const second = await writer.append('SET other value');
    await writer.append('FLUSHDB');
    await writer.reset(5000, 'c'.repeat(40));
    const third = await writer.append('SET key value');
    await writer.append('FLUSHDB');
    const { newest } = await find(writer, 'flushdb');
    const at = newest.map(({ before }) => `${before.id[0]}:${before.offset}`);
    expect(at).toEqual([`a:${first}`, `a:${kept}`, `b:${second}`, `c:${third}`]);
    const last = await find(writer, 'flushdb', { last: true });
    expect(last.newest.at(-1)!.before).toEqual({ id: 'c'.repeat(40), offset: third });
  });

  it('compares keys with patterns; a command without keys concerns every key', async () => {
    await using writer = await Writer.begin();
    const first = await writer.append('SET user:1 value');
    await writer.append('DEL other user:1');
    const second = await writer.append('SET other value');
    await writer.append('DEL other');
    const third = await writer.append('SET other value');
    await writer.append('FLUSHALL');
    expect(await offsetsOf(writer, 'DEL', { match: ['user:*'] })).toEqual([first]);
    expect(await offsetsOf(writer, 'DEL', { match: ['user:*', 'oth?r'] })).toEqual([first, second]);
    expect(await offsetsOf(writer, 'DEL', { match: ['nothing'] })).toEqual([]);
    expect(await offsetsOf(writer, 'FLUSHALL', { match: ['nothing'] })).toEqual([third]);
  });

  it('handles values that are longer than one read', async () => {
    await using writer = await Writer.begin();
    const value = Buffer.alloc(3 * 1024 * 1024, '\r\n*1\r\n$8\r\nFLUSHALL\r\n');
    await writer.appendBytes(encodeCommand(['SET', 'large', value]));
    const before = await writer.appendBytes(encodeCommand(['SET', 'k'.repeat(2000), value]));
    await writer.append('FLUSHALL');
    expect(await offsetsOf(writer, 'FLUSHALL')).toEqual([before]);
    // The second key is too long to be compared: it may match.
    expect((await find(writer, 'SET', { match: ['l*'] })).count).toBe(2);
    expect((await find(writer, 'SET', { match: ['x*'] })).count).toBe(1);
  });

  it('keeps the newest 100, and counts all', async () => {
    await using writer = await Writer.begin();
    await writer.append(...Array.from({ length: 250 }, (_, i) => `SET key ${i + 100}`));
    const { count, newest } = await find(writer, 'SET');
    expect([count, newest.length]).toEqual([250, 100]);
    expect(newest.at(-1)!.at.offset).toBe(writer.end);
  });

  it('refuses an invalid name, and a directory without a log', async () => {
    await using writer = await Writer.begin();
    for (const name of ['', 'config set', 'CONFIG|SET', 'x'.repeat(65)]) {
      await expect(find(writer, name)).rejects.toThrow(
        expect.objectContaining({ name: 'FeedError', code: 'INVALID_OPTION' }),
      );
    }
    await expect(findCommands({ dir: '/nowhere', command: 'SET' })).rejects.toThrow(
      expect.objectContaining({ name: 'FeedError', code: 'LOG' }),
    );
  });

  it('ends when it is aborted', async () => {
    await using writer = await Writer.begin();
    await writer.append('SET key value');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(find(writer, 'SET', { signal })).rejects.toThrow('enough');
  });
});
