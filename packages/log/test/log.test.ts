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
import { A, B, collect, EMPTY_RDB, freshDirectory, giveBase } from './directories.ts';

const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'value']);

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
    await expect(log.append(PING)).rejects.toThrow(expect.objectContaining({ code: 'MISUSE' }));
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
    await log.append(PING);
    await log.append(SET);
    await log.close();
    expect((await readdir(join(directory, 'appendonlydir'))).sort()).toEqual([
      'appendonly.aof.1.base.rdb',
      'appendonly.aof.1.incr.aof',
      'appendonly.aof.manifest',
    ]);
    const stream = Buffer.concat([encodeCommand(['SELECT', '7']), PING, SET]);
    expect(await readFile(inner(directory, 'appendonly.aof.1.incr.aof'))).toEqual(stream);
  });

  it('of an earlier history stay until the new base is committed, and go then', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 10);
    await log.append(SET);
    await writeFile(log.baseTarget.path, EMPTY_RDB);
    expect(await readdir(join(directory, 'appendonlydir'))).toContain('appendonly.aof.1.base.rdb');
    await log.adoptBase({ history: startHistory(B), offset: 500, database: 3 });
    expect(log.written).toBe(500);
    await log.append(PING);
    await log.close();
    expect((await readdir(join(directory, 'appendonlydir'))).sort()).toEqual([
      'appendonly.aof.2.base.rdb',
      'appendonly.aof.2.incr.aof',
      'appendonly.aof.manifest',
    ]);
    await using again = await Log.open(directory);
    expect(again.found?.history).toEqual(startHistory(B));
    expect(again.found?.offset).toBe(500 + PING.length);
    expect(again.found?.stream.boundary.database).toBe(3);
  });

  it('that a commit cut short has left are no history, and are written over', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'appendonlydir'));
    await writeFile(inner(directory, 'appendonly.aof.1.base.rdb'), 'half');
    await writeFile(inner(directory, 'appendonly.aof.1.incr.aof'), 'half of a SELECT');
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
    await log.append(SET);
    await log.append(SET.subarray(0, 9));
    await log.close();

    await using again = await Log.open(directory);
    const found = again.found!;
    expect(found.history).toEqual(startHistory(A));
    expect(found.offset).toBe(100 + SET.length + 9);
    expect(found.stream.boundary).toEqual({ offset: 100 + SET.length, database: 2 });
    expect([again.written, again.synced]).toEqual([found.offset, found.offset]);

    await again.append(SET.subarray(9));
    found.stream.push(SET.subarray(9));
    expect(found.stream.boundary.offset).toBe(again.written);
    expect(await collect(again.read(101, { follow: false }))).toBe(
      Buffer.concat([SET, SET]).toString('latin1'),
    );
  });

  it('knows the ids of a shift', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 0);
    await log.append(PING);
    const shifted = shiftHistory(startHistory(A), B, log.written);
    await log.setHistory(shifted);
    await log.append(PING);
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
    await log.append(bytesOf(stream));
    for (let at = 0; at <= stream.length; at++) {
      expect(await collect(log.read(1001 + at, { follow: false }))).toBe(stream.slice(at));
    }
  });

  it('goes on while the log grows, and ends when it is closed', async () => {
    const log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    await log.append(SET);
    const read = collect(log.read(1));
    for (let i = 0; i < 20; i++) await log.append(PING);
    const expected = Buffer.concat([SET, ...Array.from({ length: 20 }, () => PING)]);
    const chunks = log.read(1);
    let seen = 0;
    while (seen < expected.length) seen += (await chunks.next()).value!.bytes.length;
    const waiting = chunks.next();
    await log.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(expected.toString('latin1').startsWith(await read)).toBe(true);
  });

  it('ends by a signal, while it waits', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    const stop = new AbortController();
    const waiting = log.read(1, { signal: stop.signal }).next();
    stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('says so where the file has been cut behind its back', async () => {
    const directory = await freshDirectory();
    await using log = await Log.open(directory);
    await giveBase(log, 0);
    await log.append(SET);
    await truncate(inner(directory, 'appendonly.aof.1.incr.aof'), 30);
    await expect(collect(log.read(1, { follow: false }))).rejects.toThrow(/it was cut/);
  });

  it('tells of a history that was replaced', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    const chunks = log.read(1);
    const told = expect(chunks.next()).rejects.toThrow(
      expect.objectContaining({ code: 'REPLACED' }),
    );
    await giveBase(log, 500, 0, B);
    await told;
  });

  it.each([0, 100, 100 + PING.length + 2, 100.5])(
    'refuses offset %d, which it has not',
    async (from) => {
      await using log = await Log.open(await freshDirectory());
      await giveBase(log, 100);
      await log.append(PING);
      await expect(log.read(from).next()).rejects.toThrow(
        expect.objectContaining({ code: 'NOT_COVERED' }),
      );
    },
  );
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

  it('with `always` is synced when an append returns', async () => {
    const { log, told, end } = await followed('always');
    await log.append(PING);
    expect(told.at(-1)).toEqual({ written: end, synced: end });
    await log.close();
  });

  it('with `everysec` is synced by itself, later', async () => {
    const { log, told, end } = await followed('everysec');
    await log.append(PING);
    expect(told.at(-1)).toEqual({ written: end, synced: 100 });
    await expect.poll(() => told.at(-1), { timeout: 5000 }).toEqual({ written: end, synced: end });
    await log.close();
  });

  it('with `no` is synced when asked, and at the end', async () => {
    const { log, told, end } = await followed('no');
    await log.append(PING);
    expect(log.synced).toBe(100);
    await log.sync();
    expect(told.at(-1)).toEqual({ written: end, synced: end });
    await log.append(PING);
    await log.close();
    expect(log.synced).toBe(end + PING.length);
  });
});

describe('closing', () => {
  it('waits for the append in progress, and syncs it', async () => {
    const log = await Log.open(await freshDirectory(), { fsync: 'no' });
    await giveBase(log, 0);
    const appended = log.append(new Uint8Array(20_000_000).fill(10));
    await log.close();
    await appended;
    expect([log.written, log.synced]).toEqual([20_000_000, 20_000_000]);
  });

  it('twice is once: the second ends with the first', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory, { fsync: 'no' });
    await giveBase(log, 0);
    await log.append(PING);
    void log.close();
    await log.close();
    expect(log.synced).toBe(PING.length);
    const manifest = await readFile(inner(directory, 'appendonly.aof.manifest'), 'utf8');
    expect(manifest).toMatch(/^# closed \d+$/m);
  });

  it('ends a reader that holds a chunk meanwhile', async () => {
    const log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    await log.append(PING);
    await log.sync();
    const chunks = log.read(1);
    expect((await chunks.next()).value?.offset).toBe(PING.length);
    await log.close();
    expect(await chunks.next()).toEqual({ done: true, value: undefined });
  });
});

describe('misuse', () => {
  it('is to append twice at once, or after the end', async () => {
    const log = await Log.open(await freshDirectory());
    await giveBase(log, 0);
    const first = log.append(PING);
    await expect(log.append(PING)).rejects.toThrow(expect.objectContaining({ code: 'MISUSE' }));
    await first;
    expect(log.written).toBe(PING.length);
    await log.close();
    await expect(log.append(PING)).rejects.toThrow(expect.objectContaining({ code: 'MISUSE' }));
  });
});

describe('a directory', () => {
  async function prepared(): Promise<string> {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 0);
    await log.append(SET);
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
      { code: 'IO', errno: 'ENOENT' },
    ],
    [
      'whose base is something else',
      (directory) => writeFile(inner(directory, 'appendonly.aof.1.base.rdb'), 'GIF89a'),
      { code: 'CORRUPT', message: expect.stringContaining('is not an RDB file') },
    ],
    [
      'whose stream is gone',
      (directory) => rm(inner(directory, 'appendonly.aof.1.incr.aof')),
      { code: 'IO', errno: 'ENOENT' },
    ],
    [
      'whose stream has lost its SELECT',
      (directory) => truncate(inner(directory, 'appendonly.aof.1.incr.aof'), 5),
      { code: 'CORRUPT', message: expect.stringContaining('SELECT') },
    ],
    [
      'whose stream is no stream',
      async (directory) => {
        const path = inner(directory, 'appendonly.aof.1.incr.aof');
        await writeFile(path, (await readFile(path, 'latin1')).replace('*3', '-3'), 'latin1');
      },
      { code: 'CORRUPT', message: expect.stringContaining('is damaged') },
    ],
    [
      'to which something was appended after it was closed',
      async (directory) => appendFile(inner(directory, 'appendonly.aof.1.incr.aof'), PING),
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
  it('under a new base leaves the log as it was', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 0);
    await log.append(SET);
    await writeFile(log.baseTarget.path, EMPTY_RDB);
    await symlink('/dev/full', inner(directory, 'appendonly.aof.2.incr.aof'));
    const adopted = log.adoptBase({ history: startHistory(B), offset: 900, database: 0 });
    await expect(adopted).rejects.toThrow(expect.objectContaining({ code: 'IO', errno: 'ENOSPC' }));
    expect([log.history, log.written]).toEqual([startHistory(A), SET.length]);
    await log.close();
    await using again = await Log.open(directory);
    expect(again.found?.history).toEqual(startHistory(A));
    expect(again.found?.offset).toBe(SET.length);
  });
});
