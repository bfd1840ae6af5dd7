import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server, Word } from '@forebay/conformance';
import { freshDirectory } from '../daemon.ts';

/** Bytes that are no UTF-8, a zero and a line end among them. */
const BINARY: Buffer = Buffer.from([0, 255, 10, 13, 34, 92, 128, 254]);
const FAR = 4_102_444_800_000;

/** Fills a server with every type it has, small and large, in several databases. */
export async function fillEveryType(server: Server): Promise<void> {
  const { installed } = server;
  const send = (...words: Word[]) => server.command(String(words[0]), ...words.slice(1));
  await strings(send);
  await collections(send);
  await streams(send, installed.since62);
  if (installed.fieldTtl) await fieldTimes(send);
  for (const database of [1, 2, 3, 4, 5, 6, 7, 9, 15]) {
    await send('SELECT', database);
    await send('SET', `in ${database}`, database);
    await send('RPUSH', 'the same key', database);
  }
  await send('SELECT', 0);
  if (installed.functions) {
    const code = '#!lua name=mine\nredis.register_function("f", function() return "é\\0" end)';
    await send('FUNCTION', 'LOAD', code);
  }
}

/** The snapshot that the server makes now. */
export async function saved(server: Server): Promise<Buffer> {
  await server.command('SAVE');
  return readFile(join(server.directory, 'dump.rdb'));
}

type Send = (...words: Word[]) => Promise<unknown>;

async function strings(send: Send): Promise<void> {
  for (const number of [0, -1, 127, -128, 128, 32_767, -32_769, 2 ** 31, '9223372036854775807']) {
    await send('SET', `number ${number}`, number);
  }
  await send('SET', '12345', 'a key that is a number');
  await send('SET', '', 'a key without a character');
  await send('SET', BINARY, BINARY);
  await send('SET', 'text é 漢 🂡', 'text \u0000 " \\ \u007f \u2028 é 漢 🂡');
  await send('SET', 'compressed', 'x'.repeat(10_000));
  await send('SET', 'large', Buffer.alloc(300_000, BINARY));
  await send('SET', 'long text', `"é${'abc\u0001'.repeat(60_000)}`);
  await send('SET', Buffer.alloc(1_000_000, 'name '), 'a key of a megabyte');
  await send('SET', 'expires', 'later', 'PX', 100_000_000);
  await send('PEXPIREAT', 'number 0', FAR);
}

async function collections(send: Send): Promise<void> {
  const many = Array.from({ length: 3000 }, (_, i) => i);
  await send('RPUSH', 'list small', 'a', '1', BINARY, '', -5);
  await send('RPUSH', 'list large', ...many.map((i) => `element ${i}`));
  await send(
    'RPUSH',
    'list of large',
    Buffer.alloc(100_000, 1),
    'small',
    Buffer.alloc(20_000, 'b'),
  );
  await send('SADD', 'set of integers', 1, -2, 300_000, '9007199254740993');
  await send('SADD', 'set small', 'a', 1, BINARY);
  await send('SADD', 'set large', ...many.map((i) => `member ${i}`));
  const scores = ['1.5', '-inf', '+inf', '0', '-0', '1e300', '-3.141592653589793', '5e-324', '0.1'];
  await send('ZADD', 'zset small', ...scores.flatMap((score, i) => [score, `m${i}`]), 2, BINARY);
  await send('ZADD', 'zset large', ...many.flatMap((i) => [i / 7, `member ${i}`]), 'inf', 'end');
  await send('HSET', 'hash small', 'field', 'value', BINARY, BINARY, '1', '2');
  await send('HSET', 'hash large', ...many.flatMap((i) => [`field ${i}`, `value ${i}`]));
  await send('PEXPIREAT', 'hash large', FAR + 1);
}

async function streams(send: Send, since62: boolean): Promise<void> {
  for (let i = 1; i <= 300; i++) await send('XADD', 'stream', `${i}-1`, 'field', i, 'other', 'x');
  await send('XADD', 'stream', '301-7', BINARY, BINARY);
  await send('XDEL', 'stream', '301-7', '5-1');
  await send('XGROUP', 'CREATE', 'stream', 'group', '0');
  await send('XGROUP', 'CREATE', 'stream', BINARY, '$');
  const read = (consumer: Word, count: number) =>
    send('XREADGROUP', 'GROUP', 'group', consumer, 'COUNT', count, 'STREAMS', 'stream', '>');
  await read('alice', 70);
  await read(BINARY, 3);
  await send('XACK', 'stream', 'group', '1-1', '2-1');
  await send('XCLAIM', 'stream', 'group', 'alice', 0, '73-1', 'RETRYCOUNT', 9);
  // Pending, and deleted since.
  await send('XDEL', 'stream', '3-1');
  if (since62) await send('XGROUP', 'CREATECONSUMER', 'stream', 'group', 'idle');
  await send('XGROUP', 'CREATE', 'stream of nothing', 'group', '$', 'MKSTREAM');
  await send('XADD', 'stream emptied', '5-5', 'a', 'b');
  await send('XDEL', 'stream emptied', '5-5');
}

async function fieldTimes(send: Send): Promise<void> {
  const many = Array.from({ length: 1000 }, (_, i) => i);
  await send('HSET', 'fields', 'a', 1, 'b', 2, BINARY, 3);
  await send('HPEXPIREAT', 'fields', FAR, 'FIELDS', 2, 'a', BINARY);
  await send('HSET', 'fields many', ...many.flatMap((i) => [`field ${i}`, i]));
  for (const i of [3, 500, 999]) {
    await send('HPEXPIREAT', 'fields many', FAR + i, 'FIELDS', 1, `field ${i}`);
  }
}

/** A path in a directory of its own, where nothing is yet. */
export async function freshFile(name: string): Promise<string> {
  const directory = await freshDirectory();
  await mkdir(directory);
  return join(directory, name);
}
