import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { shiftHistory, startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { bytesOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { LogProgress } from '../src/index.ts';
import { Log } from '../src/index.ts';
import { A, append, B, collect, EMPTY_RDB, freshDirectory, giveBase } from './directories.ts';

const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'value']);

const at = (offset: number) => ({ id: A, offset });
const STREAM = 'appendonly.aof.2.incr.aof';
const inner = (directory: string, name: string) => join(directory, 'appendonlydir', name);

describe('a new log', () => {
  it('makes its directory, for its owner only', async () => {
    const directory = join(await freshDirectory(), 'deep', 'data');
    await using log = await Log.open(directory);
    expect(log.found).toBeUndefined();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('takes no stream before it has a base', async () => {
    await using log = await Log.open(await freshDirectory());
    await expect(append(log, PING)).rejects.toThrow(expect.objectContaining({ code: 'MISUSE' }));
    await expect(log.setHistory(startHistory(A))).rejects.toThrow(/no base yet/);
  });

  it('leaves nothing that binds when it was opened and no base came', async () => {
    const directory = await freshDirectory();
    await (await Log.open(directory)).close();
    await using log = await Log.open(directory);
    expect(log.found).toBeUndefined();
  });
});

describe('the files', () => {
  it('are a base, and the stream verbatim after a SELECT of ours', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 1000, 7);
    await append(log, PING);
    await append(log, SET);
    await log.close();
    expect((await readdir(join(directory, 'appendonlydir'))).sort()).toEqual([
      'appendonly.aof.1.base.rdb',
      'appendonly.aof.2.incr.aof',
      'appendonly.aof.2.index',
      'appendonly.aof.manifest',
    ]);
    const stream = Buffer.concat([encodeCommand(['SELECT', '7']), PING, SET]);
    expect(await readFile(inner(directory, STREAM))).toEqual(stream);
  });

  it('of an earlier history stay when a new one begins', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 10);
    await append(log, SET);
    await giveBase(log, 500, 3, B);
    expect(log.written).toBe(500);
    await append(log, PING);
    expect(await collect(log.read(at(10), { follow: false }))).toBe(
      Buffer.concat([SET, PING]).toString('latin1'),
    );
    await log.close();
    await using again = await Log.open(directory);
    expect(again.found?.history).toEqual(startHistory(B));
    expect(again.found?.offset).toBe(500 + PING.length);
    expect(again.found?.stream.boundary.database).toBe(3);
  });

  it('that a commit cut short has left are no history, and no hindrance', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'appendonlydir'));
    await writeFile(inner(directory, 'appendonly.aof.1.base.rdb'), 'half');
    await writeFile(inner(directory, STREAM), 'half of a SELECT');
    await writeFile(inner(directory, 'temp-1.2.rdb'), 'half');
    const log = await Log.open(directory);
    expect(log.found).toBeUndefined();
    await giveBase(log, 0);
    await log.close();
    await using again = await Log.open(directory);
    expect(again.found?.offset).toBe(0);
  });
});

describe('opened again', () => {
  it('knows its history, its last byte, and the command it lies in', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 100, 2);
    await append(log, SET);
    await append(log, SET.subarray(0, 9));
    await log.close();

    await using again = await Log.open(directory);
    const found = again.found!;
    expect(found.history).toEqual(startHistory(A));
    expect(found.offset).toBe(100 + SET.length + 9);
    expect(found.stream.boundary).toEqual({ offset: 100 + SET.length, database: 2 });
    expect([again.written, again.synced]).toEqual([found.offset, found.offset]);

    await append(again, SET.subarray(9));
    expect(found.stream.boundary.offset).toBe(again.written);
    expect(await collect(again.read(at(100), { follow: false }))).toBe(
      Buffer.concat([SET, SET]).toString('latin1'),
    );
  });

  it('knows the ids of a shift', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 0);
    await append(log, PING);
    const shifted = shiftHistory(startHistory(A), B, log.written);
    await log.setHistory(shifted);
    await append(log, PING);
    await log.close();
    await using again = await Log.open(directory);
    expect(again.found?.history).toEqual(shifted);
    expect(again.found?.offset).toBe(2 * PING.length);
  });
});

describe('reading', () => {
  it('gives each byte from any offset, with its place', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 1000);
    const stream = Buffer.concat([SET, PING]).toString('latin1');
    await append(log, bytesOf(stream));
    for (let skipped = 0; skipped <= stream.length; skipped++) {
      const held = await collect(log.read(at(1000 + skipped), { follow: false }));
      expect(held).toBe(stream.slice(skipped));
    }
  });

  it('goes on while the log grows, and ends when it is closed', async () => {
    const log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    await append(log, SET);
    const read = collect(log.read(at(0)));
    for (let i = 0; i < 20; i++) await append(log, PING);
    const expected = Buffer.concat([SET, ...Array.from({ length: 20 }, () => PING)]);
    const chunks = log.read(at(0));
    let seen = 0;
    while (seen < expected.length) {
      const { value } = await chunks.next();
      if (value?.type === 'stream') seen += value.bytes.length;
    }
    const waiting = chunks.next();
    await log.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(expected.toString('latin1').startsWith(await read)).toBe(true);
  });

  it('ends by a signal, while it waits', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    const stop = new AbortController();
    const waiting = log.read(at(0), { signal: stop.signal }).next();
    stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('says so where the file has been cut behind its back', async () => {
    const directory = await freshDirectory();
    await using log = await Log.open(directory);
    await giveBase(log, 0);
    await append(log, SET);
    await truncate(inner(directory, STREAM), 30);
    await expect(collect(log.read(at(0), { follow: false }))).rejects.toThrow(/is cut|was cut/);
  });

  it('tells of a full resync, and goes on with the stream after it', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    await append(log, PING);
    const items = log.read(at(0));
    expect(await items.next()).toMatchObject({ value: { type: 'stream', offset: PING.length } });
    const next = items.next();
    await giveBase(log, 500, 0, B);
    expect((await next).value).toMatchObject({
      type: 'reset',
      from: { id: A, offset: PING.length },
      to: { id: B, offset: 500 },
      reason: 'a test',
    });
    await append(log, SET);
    expect(await items.next()).toMatchObject({ value: { offset: 500 + SET.length, id: B } });
  });

  it.each([0, 100, 100 + PING.length + 2])('refuses offset %d, which it has not', async (from) => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 100);
    await append(log, PING);
    await expect(log.read(at(from - 1)).next()).rejects.toThrow(
      expect.objectContaining({ code: 'NOT_COVERED' }),
    );
  });
});

describe('progress', () => {
  async function followed(fsync: 'always' | 'everysec' | 'no') {
    const told: LogProgress[] = [];
    const directory = await freshDirectory();
    const log = await Log.open(directory, { fsync, onProgress: (each) => told.push(each) });
    await giveBase(log, 100);
    return { log, told, end: 100 + PING.length };
  }

  it('begins at the base, which is synced', async () => {
    const { log, told } = await followed('no');
    expect(told).toEqual([{ written: 100, synced: 100 }]);
    await log.close();
  });

  it('is reported to each subscriber until it unsubscribes', async () => {
    const { log, told, end } = await followed('always');
    const subscribed: LogProgress[] = [];
    const unsubscribe = log.subscribe({ onProgress: (each) => subscribed.push(each) });
    await append(log, PING);
    expect(subscribed.at(-1)).toEqual({ written: end, synced: end });
    unsubscribe();
    await append(log, PING);
    expect(subscribed.at(-1)).toEqual({ written: end, synced: end });
    expect(told.at(-1)).toMatchObject({ written: end + PING.length });
    await log.close();
  });

  it('with `always` is synced when an append returns', async () => {
    const { log, told, end } = await followed('always');
    await append(log, PING);
    expect(told.at(-1)).toEqual({ written: end, synced: end });
    await log.close();
  });

  it('with `everysec` is synced by itself, later', async () => {
    const { log, told, end } = await followed('everysec');
    await append(log, PING);
    expect(told.at(-1)).toEqual({ written: end, synced: 100 });
    await expect.poll(() => told.at(-1)).toEqual({ written: end, synced: end });
    await log.close();
  });

  it('with `no` is synced when asked, and at the end', async () => {
    const { log, told, end } = await followed('no');
    await append(log, PING);
    expect(log.synced).toBe(100);
    await log.sync();
    expect(told.at(-1)).toEqual({ written: end, synced: end });
    await append(log, PING);
    await log.close();
    expect(log.synced).toBe(end + PING.length);
  });
});

describe('closing', () => {
  it('waits for the append in progress, and syncs it', async () => {
    const log = await Log.open(await freshDirectory(), { fsync: 'no' });
    await giveBase(log, 0);
    const appended = append(log, new Uint8Array(20_000_000).fill(10));
    await log.close();
    await appended;
    expect([log.written, log.synced]).toEqual([20_000_000, 20_000_000]);
  });

  it('twice is once: the second ends with the first', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory, { fsync: 'no' });
    await giveBase(log, 0);
    await append(log, PING);
    void log.close();
    await log.close();
    expect(log.synced).toBe(PING.length);
    const manifest = await readFile(inner(directory, 'appendonly.aof.manifest'), 'utf8');
    expect(manifest).toMatch(/^# closed \d+$/m);
  });

  it('ends a reader that holds a chunk meanwhile', async () => {
    const log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    await append(log, PING);
    await log.sync();
    const chunks = log.read(at(0));
    expect((await chunks.next()).value).toMatchObject({ offset: PING.length });
    await log.close();
    expect(await chunks.next()).toEqual({ done: true, value: undefined });
  });
});

describe('several calls at once', () => {
  it('are done in turn', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    const parts = [SET, PING, SET].map((part) => append(log, part));
    await Promise.all([...parts, log.rotate(), append(log, PING)]);
    const expected = Buffer.concat([SET, PING, SET, PING]).toString('latin1');
    expect(await collect(log.read(at(0), { follow: false }))).toBe(expected);
  });

  it('are refused after the end', async () => {
    const log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    await log.close();
    await expect(append(log, PING)).rejects.toThrow(expect.objectContaining({ code: 'MISUSE' }));
  });
});

describe('a directory', () => {
  async function prepared(): Promise<string> {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 0);
    await append(log, SET);
    await log.close();
    return directory;
  }

  const refused: [
    what: string,
    spoil: (directory: string) => Promise<unknown>,
    expected: object,
  ][] = [
    [
      'with the files of someone else',
      async (directory) => {
        await rm(join(directory, 'appendonlydir'), { recursive: true });
        await writeFile(join(directory, 'dump.rdb'), 'x');
      },
      { code: 'FOREIGN', message: expect.stringContaining('dump.rdb') },
    ],
    [
      'in which a server was started',
      (directory) =>
        writeFile(
          inner(directory, 'appendonly.aof.manifest'),
          'file appendonly.aof.2.base.rdb seq 2 type b\n',
        ),
      { code: 'FOREIGN', message: expect.stringContaining('a server has been started') },
    ],
    [
      'whose base is gone',
      (directory) => rm(inner(directory, 'appendonly.aof.1.base.rdb')),
      { code: 'CORRUPT', message: expect.stringContaining('is not there') },
    ],
    [
      'whose base is something else',
      (directory) => writeFile(inner(directory, 'appendonly.aof.1.base.rdb'), 'GIF89a'.padEnd(18)),
      { code: 'CORRUPT', message: expect.stringContaining('is not an RDB file') },
    ],
    [
      'whose base is shorter than it was',
      (directory) => truncate(inner(directory, 'appendonly.aof.1.base.rdb'), 17),
      { code: 'CORRUPT', message: expect.stringContaining('has 17 bytes, it had 18') },
    ],
    [
      'whose stream is gone',
      (directory) => rm(inner(directory, STREAM)),
      { code: 'CORRUPT', message: expect.stringContaining('is not there') },
    ],
    [
      'whose stream has lost its SELECT',
      async (directory) => {
        const bytes = await readFile(inner(directory, STREAM));
        await writeFile(inner(directory, STREAM), bytes.fill(32, 0, 5));
      },
      { code: 'CORRUPT', message: expect.stringContaining('SELECT') },
    ],
    [
      'to which something was appended after it was closed',
      async (directory) => appendFile(inner(directory, STREAM), PING),
      { code: 'FOREIGN', message: expect.stringContaining('had 56 bytes when it was closed') },
    ],
    [
      'that has lost its manifest',
      (directory) => rm(inner(directory, 'appendonly.aof.manifest')),
      { code: 'CORRUPT', message: expect.stringContaining('holds a stream') },
    ],
    [
      "with someone else's file among ours, and no manifest",
      async (directory) => {
        await rm(join(directory, 'appendonlydir'), { recursive: true });
        await mkdir(join(directory, 'appendonlydir'));
        await writeFile(inner(directory, 'notes.txt'), 'x');
      },
      { code: 'FOREIGN', message: expect.stringContaining('notes.txt') },
    ],
  ];

  it.each(refused)('%s is refused by name, and left as it is', async (_, spoil, expected) => {
    const directory = await prepared();
    await spoil(directory);
    const before = await readdir(directory, { recursive: true });
    await expect(Log.open(directory)).rejects.toThrow(expect.objectContaining(expected));
    expect(await readdir(directory, { recursive: true })).toEqual(before);
  });

  it('that is a file is refused', async () => {
    const path = join(await freshDirectory(), 'file');
    await writeFile(path, '');
    await expect(Log.open(path)).rejects.toThrow(
      expect.objectContaining({ code: 'IO', errno: 'ENOTDIR' }),
    );
  });
});

describe('a full disk', () => {
  it('under a new base leaves what was held', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 0);
    await append(log, SET);
    await symlink('/dev/full', inner(directory, 'appendonly.aof.4.incr.aof'));
    const adopted = giveBase(log, 900, 0, B);
    await expect(adopted).rejects.toThrow(expect.objectContaining({ code: 'IO', errno: 'ENOSPC' }));
    expect([log.history, log.written]).toEqual([startHistory(A), SET.length]);
    await log.close();
    await rm(inner(directory, 'appendonly.aof.4.incr.aof'));
    await using again = await Log.open(directory);
    expect(again.found?.history).toEqual(startHistory(A));
    expect(again.found?.offset).toBe(SET.length);
  });
});

describe('a base', () => {
  it('that ends early is not adopted, and what was held stays', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 7);
    const target = log.awaitBase();
    await writeFile(target.path, EMPTY_RDB.subarray(0, 14));
    const half = { target, size: 14, crc: 0, history: startHistory(B) };
    const adopted = log.beginHistory({ ...half, offset: 9, database: 0, reason: 'a test' });
    await expect(adopted).rejects.toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect([log.history, log.written]).toEqual([startHistory(A), 7]);
  });
});
