import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { fillEveryType, saved } from './data-set.ts';
import { forebay, linesOf } from './run.ts';

interface Line {
  readonly db: number;
  readonly key: string | { readonly base64: string };
  readonly type: string;
  readonly bytes: number;
  readonly elements: number;
}

const LENGTHS: Readonly<Record<string, string>> = {
  ...{ list: 'LLEN', set: 'SCARD', zset: 'ZCARD', hash: 'HLEN', stream: 'XLEN' },
};

describe.each(installedServers())('the keys of $name', (installed) => {
  it('have the elements that the server counts; what takes room is ordered by it', async () => {
    await using server = await Server.start(installed);
    await fillEveryType(server);
    await server.command('HSET', 'user:1', 'a', 1);
    await server.command('RPUSH', 'user:2', Buffer.alloc(50_000, 'x'));
    const rdb = await saved(server);
    const lines = (await linesOf(['rdb', 'keys', '-', '--json'], rdb)) as Line[];
    expect(lines.length).toBeGreaterThan(30);
    for (const { db, key, type, elements } of lines) {
      const name = typeof key === 'string' ? Buffer.from(key) : Buffer.from(key.base64, 'base64');
      await server.command('SELECT', db);
      const due = type === 'string' ? 1 : await server.command(LENGTHS[type]!, name);
      expect([key, elements]).toEqual([key, due]);
    }
    const printed = await forebay(['rdb', 'keys', '-', '--match', 'user:*'], rdb);
    expect(printed.stdout.toString()).toMatch(/^0\thash\t\w+\t\d+\t1\t-\t"user:1"$/m);
    const { stdout } = await forebay(['rdb', 'memory', '-', '--json', '--top', '3'], rdb);
    const memory = JSON.parse(stdout.toString());
    expect(memory.keys).toBe(lines.length);
    expect(memory.largest).toHaveLength(3);
    const sizes = memory.largest.map((each: { memory: number }) => each.memory);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    const prefix = memory.prefixes.find((each: { prefix: string }) => each.prefix === 'user:');
    expect(prefix?.keys).toBe(2);
    const sum = memory.types.reduce((all: number, each: { file: number }) => all + each.file, 0);
    expect(sum).toBe(memory.file);
    expect(memory.file).toBeLessThan(rdb.length);
    const table = await forebay(['rdb', 'memory', '-'], rdb);
    expect(table.stdout.toString()).toMatch(
      / \d+ +[\d.]+ [KM]?i?B +[\d.]+ [KM]iB +[\d.]+ % +[█·]{20} {2}string\n/,
    );
  });
});
