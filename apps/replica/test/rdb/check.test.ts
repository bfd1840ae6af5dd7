import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { installedServer, installedServers, Server } from '@forebay/conformance';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { fillEveryType, freshFile, saved } from './data-set.ts';
import { forebay, printedInto, printedToFull } from './run.ts';

const noServer = installedServers().length === 0;

const check = (rdb: Uint8Array, ...flags: string[]) =>
  forebay(['rdb', 'check', '-', ...flags], rdb);

describe.each(installedServers())('a snapshot of $name', (installed) => {
  it('is right, and counted as the server counts; a flipped bit is found', async () => {
    await using server = await Server.start(installed);
    await fillEveryType(server);
    const rdb = await saved(server);
    const { code, stdout } = await check(rdb, '--json');
    expect(code).toBe(0);
    const counts = JSON.parse(stdout.toString());
    const keyspace = Object.entries(await server.info('keyspace')).map(([name, text]) => {
      const [, keys, expires] = /keys=(\d+),expires=(\d+)/.exec(text) ?? [];
      return [name, Number(keys), Number(expires)];
    });
    const counted = counts.databases.map((each: Record<string, unknown>) => [
      ...[`db${each.database}`, each.keys, each.expires],
    ]);
    expect(counted).toEqual(keyspace);
    expect(counts).toMatchObject({ checksum: 'right', bytes: rdb.length });
    const random = randomFrom(runSeed());
    for (let i = 0; i < 4; i++) {
      const damaged = Buffer.from(rdb);
      const place = random.integer(0, rdb.length - 1);
      damaged[place]! ^= 1 << random.integer(0, 7);
      const found = await check(damaged);
      expect([place, found.code]).toEqual([place, 1]);
      expect(found.stderr).toMatch(/^\S+ standard input: [^\n]+\n$/);
    }
  });
});

describe('a fault is one line', () => {
  it('that names the key and the byte, where it is in a value', async () => {
    const text = 'REDIS0003\xfe\x02\x0d\x01h\x0c\x0c\0\0\0\x0a\0\0\0\x01\0\0\xff\xff';
    const damaged = await check(Buffer.from(text, 'latin1'));
    expect(damaged.code).toBe(1);
    expect(damaged.stdout.toString()).toMatch(/database 2: 1 keys \(1 hash\), 0 expire\n/);
    expect(damaged.stderr).toMatch(/key "h" of database 2: the ziplist at byte 14 .*\n$/);
    const short = await check(Buffer.from(text.slice(0, 20), 'latin1'));
    expect(short.stderr).toMatch(
      /ends at byte 20, before its end, in the value of key "h" of database 2\n$/,
    );
  });

  it('that names an unknown type', async () => {
    const { code, stderr } = await check(Buffer.from('REDIS0009\x7f\x01k\x00\xff', 'latin1'));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /key "k" has a value of type 127, which is unknown, at byte 9( \(and 1 more\))?\n$/,
    );
  });

  it('where the file is none, or cannot be read', async () => {
    const file = await freshFile('image.gif');
    await writeFile(file, 'GIF89a and so on');
    const commands = ['json', 'resp', 'keys', 'memory', 'filter'].map((name) => ['rdb', name]);
    for (const command of [...commands, ['rdb', 'diff', file]]) {
      const none = await forebay([...command, file]);
      expect([command, none.code]).toEqual([command, 74]);
      expect(none.stderr).toMatch(/^\S+ \/.*image\.gif: "GIF89a an" is not how an RDB begins\n$/);
      const missing = await forebay([...command, `${file}.not`]);
      expect([command, missing.code]).toEqual([command, 74]);
      expect(missing.stderr).toMatch(
        /image\.gif.* cannot be read: ENOENT\n$|not how an RDB begins\n$/,
      );
    }
    expect((await forebay(['rdb', 'check', file])).code).toBe(1);
    const directory = await forebay(['rdb', 'check', dirname(file)]);
    expect(directory.code).toBe(74);
    expect(directory.stderr).toMatch(/cannot be read: EISDIR\n$/);
  });

  it.each([
    [['rdb', 'json'], /missing required argument 'file'/],
    [['rdb', 'json', ''], /FILE names no file/],
    [['rdb', 'json', '-', '--type', 'table'], /There are string, list/],
    [['rdb', 'keys', '-', '--db', 'first'], /Databases are numbers/],
    [['rdb', 'filter', '-', '--size', '1mb'], /1mb is no range/],
    [['rdb', 'filter', '-', '--ttl', '..soon'], /soon is no time/],
    [['rdb', 'filter', '-', '--size', '5..1'], /ends before it begins/],
    [['rdb', 'filter', '-', '-o', ''], /-o names no file/],
    [['rdb', 'memory', '-', '--top', '-1'], /whole number/],
    [['rdb', 'diff', '-', '-'], /one of the two has to be a file/],
    [['rdb', 'nothing'], /unknown command/],
  ])('usage, 64: %j', async (args, says) => {
    const { code, stderr } = await forebay(args);
    expect(stderr).toMatch(says);
    expect(code).toBe(64);
  });
});

describe('what is told of a snapshot', () => {
  it('and nobody reads, or cannot be written, ends without a fault of the program', async () => {
    const [right, wrong] = [await freshFile('right.rdb'), await freshFile('wrong.rdb')];
    await writeFile(right, 'REDIS0003\xff', 'latin1');
    await writeFile(wrong, 'REDIS0003');
    for (const name of ['check', 'memory']) {
      const unread = await printedInto(['rdb', name, right], 'true');
      expect([name, unread.code, unread.stderr]).toEqual([name, 0, '']);
      const full = await printedToFull(['rdb', name, right]);
      expect([name, full.code]).toEqual([name, 74]);
      expect(full.stderr).toMatch(/^\S+ standard output cannot be written to: ENOSPC\n$/);
    }
    const damaged = await printedInto(['rdb', 'check', wrong], 'true');
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(/^\S+ \S+wrong\.rdb: the RDB ends at byte 9, before its end\n$/);
  });
});

describe('what is in a file beside what is right', () => {
  const RDB = Buffer.from('REDIS0003\xff', 'latin1');

  it('behind its end: it is counted, and is no fault', async () => {
    for (const length of [1, 300_000]) {
      const followed = Buffer.concat([RDB, Buffer.alloc(length)]);
      const { code, stdout } = await check(followed, '--json');
      expect([code, JSON.parse(stdout.toString())]).toMatchObject([
        0,
        { bytes: 10, after: length },
      ]);
    }
    expect((await check(Buffer.concat([RDB, RDB]))).stdout.toString()).toMatch(
      /\nafter the end of the RDB: 10 B, not part of it\n$/,
    );
    expect((await check(RDB)).stdout.toString()).not.toMatch(/after/);
  });

  it('control characters: a terminal is not told what to do', async () => {
    const aux = Buffer.from('REDIS0003\xfa\x09redis-ver\x07\x1b[2J7.0\xff', 'latin1');
    expect((await check(aux)).stdout.toString()).toMatch(/ of \\u001b\[2J7\.0, /);
    const name = await freshFile('\x1b[2J.rdb');
    const { stderr } = await forebay(['rdb', 'check', name]);
    expect(stderr).toMatch(/\\u001b\[2J\.rdb cannot be read: ENOENT\n$/);
  });
});

describe('a file without a checksum', () => {
  it.skipIf(noServer)('is said to have none; what is wrong in a value is found', async () => {
    await using server = await Server.start(installedServer('redis-7.0'), {
      config: { rdbchecksum: 'no', rdbcompression: 'no' },
    });
    await server.command('RPUSH', 'list', 'first', 'second');
    const rdb = await saved(server);
    expect((await check(rdb)).stdout.toString()).toMatch(/checksum: none/);
    rdb[rdb.indexOf('first') - 1]! ^= 0x40;
    const damaged = await check(rdb);
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(/key "list" of database 0: the listpack at byte \d+ .*\n$/);
    // Earlier releases had a flag for what is always done now.
    expect((await check(rdb, '--deep')).code).toBe(1);
  });
});
