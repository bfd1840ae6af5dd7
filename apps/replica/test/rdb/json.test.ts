import { writeFile } from 'node:fs/promises';
import { installedServer, installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { fillEveryType, freshFile, saved } from './data-set.ts';
import { forebay, linesOf, printedInto } from './run.ts';

const noServer = installedServers().length === 0;

type Text = string | { readonly base64: string };
type Named = Readonly<Record<string, unknown>>;

interface Line {
  readonly db: number;
  readonly key: Text;
  readonly type: string;
  readonly encoding: string;
  readonly expiresAt?: number;
  readonly value: unknown;
}

/** One character a byte. */
const bytesOf = (text: unknown): string => {
  if (typeof text === 'string') return Buffer.from(text).toString('latin1');
  return Buffer.from((text as { base64: string }).base64, 'base64').toString('latin1');
};
const each = (value: unknown, ...names: string[]): string[] =>
  (value as Named[]).flatMap((one) => names.map((name) => bytesOf(one[name])));
const sortedPairs = (flat: readonly string[]) =>
  flat.flatMap((name, i) => (i % 2 === 0 ? [`${name}=${flat[i + 1]}`] : [])).sort();
const latin1 = (reply: unknown): unknown =>
  Buffer.isBuffer(reply)
    ? reply.toString('latin1')
    : Array.isArray(reply)
      ? reply.map(latin1)
      : reply;
const inf = (score: unknown) => Number(String(score).replace('inf', 'Infinity'));

describe.each(installedServers())('a snapshot of $name as JSON', (installed) => {
  it('is what a client reads', async () => {
    await using server = await Server.start(installed);
    await fillEveryType(server);
    const rdb = await saved(server);
    const lines = (await linesOf(['rdb', 'json', '-', '--meta'], rdb)) as (Line & Named)[];
    const functions = lines.filter((line) => 'function' in line);
    expect(functions).toHaveLength(installed.functions ? 1 : 0);
    const keys = lines.filter((line) => 'key' in line);
    const counts: Record<string, number> = {};
    for (const line of keys) {
      counts[`db${line.db}`] = (counts[`db${line.db}`] ?? 0) + 1;
      await server.command('SELECT', line.db);
      await expectRead(server, line);
    }
    const keyspace = Object.entries(await server.info('keyspace'));
    const sizes = keyspace.map(([name, text]) => [name, Number(/keys=(\d+)/.exec(text)?.[1])]);
    expect(counts).toEqual(Object.fromEntries(sizes));
  });
});

async function expectRead(server: Server, line: Line): Promise<void> {
  const key = Buffer.from(bytesOf(line.key), 'latin1');
  const ask = async (name: string, ...words: (string | number | Buffer)[]) =>
    latin1(await server.commandBuffer(name, key, ...words));
  expect(line.type).toBe(String(await server.command('TYPE', key)));
  const left = Number(await ask('PTTL'));
  if (line.expiresAt === undefined) expect(left).toBe(-1);
  else if (server.installed.absoluteTimes) expect(await ask('PEXPIRETIME')).toBe(line.expiresAt);
  else expect(Math.abs(Date.now() + left - line.expiresAt)).toBeLessThan(5000);
  switch (line.type) {
    case 'string':
      expect(bytesOf(line.value)).toBe(await ask('GET'));
      break;
    case 'list':
      expect((line.value as Text[]).map(bytesOf)).toEqual(await ask('LRANGE', 0, -1));
      break;
    case 'set': {
      const members = (await ask('SMEMBERS')) as string[];
      expect((line.value as Text[]).map(bytesOf).sort()).toEqual(members.sort());
      break;
    }
    case 'zset': {
      const flat = (await ask('ZRANGE', 0, -1, 'WITHSCORES')) as string[];
      const due = sortedPairs(flat.map((text, i) => (i % 2 === 0 ? text : `${inf(text)}`)));
      const told = (line.value as Named[]).flatMap((one) => [
        bytesOf(one.member),
        `${inf(one.score)}`,
      ]);
      expect(sortedPairs(told)).toEqual(due);
      break;
    }
    case 'hash': {
      expect(sortedPairs(each(line.value, 'field', 'value'))).toEqual(
        sortedPairs((await ask('HGETALL')) as string[]),
      );
      if (server.installed.fieldTtl) await expectFieldTimes(line, ask);
      break;
    }
    case 'stream':
      await expectStream(line.value as Named, ask);
  }
}

type Ask = (name: string, ...words: (string | number | Buffer)[]) => Promise<unknown>;

async function expectFieldTimes({ value }: Line, ask: Ask): Promise<void> {
  const fields = value as Named[];
  const names = fields.map(({ field }) => Buffer.from(bytesOf(field), 'latin1'));
  const times = await ask('HPEXPIRETIME', 'FIELDS', names.length, ...names);
  expect(fields.map(({ expiresAt = -1 }) => expiresAt)).toEqual(times);
}

async function expectStream(value: Named, ask: Ask): Promise<void> {
  const entries = (value.entries as Named[]).map(({ id, fields }) => [
    id,
    (fields as Text[]).map(bytesOf),
  ]);
  expect(entries).toEqual(await ask('XRANGE', '-', '+'));
  const key = [] as unknown[];
  for (const group of value.groups as Named[]) {
    const name = Buffer.from(bytesOf(group.name), 'latin1');
    const pending = (await ask('XPENDING', name, '-', '+', 10_000)) as [string, string][];
    const ids = (group.pending as Named[]).map(({ id, deliveries }) => [id, deliveries]);
    expect(ids).toEqual(
      pending.map(([id, , , count]: unknown[] & [string, ...unknown[]]) => [id, count]),
    );
    const owners = (group.consumers as Named[]).flatMap((consumer) =>
      (consumer.pending as string[]).map((id) => `${id} ${bytesOf(consumer.name)}`),
    );
    expect(owners.sort()).toEqual(pending.map(([id, owner]) => `${id} ${owner}`).sort());
    key.push(name.toString('latin1'));
  }
  expect(value).toMatchObject({ length: await ask('XLEN') });
}

describe('lines of JSON', () => {
  it.skipIf(noServer)('are of the keys that are asked for', async () => {
    await using server = await Server.start(installedServer('valkey-8.0'));
    await fillEveryType(server);
    const rdb = await saved(server);
    const args = ['rdb', 'json', '-', '--db', '0', '--db', '1,2', '--type', 'list'];
    const lines = (await linesOf(
      [...args, '--match', 'the *', '--match', '*sm?ll'],
      rdb,
    )) as Line[];
    expect(lines.map(({ db, key }) => `${db} ${key}`)).toEqual([
      '0 list small',
      '1 the same key',
      '2 the same key',
    ]);
  });

  it.skipIf(noServer)('end quietly where nobody reads on', async () => {
    await using server = await Server.start(installedServer('valkey-8.0'));
    await server.command('DEBUG', 'POPULATE', 100_000, 'key', 100);
    const file = await freshFile('dump.rdb');
    await writeFile(file, await saved(server));
    for (const command of ['json', 'keys', 'resp']) {
      const { code, stdout, stderr } = await printedInto(['rdb', command, file], 'head -c 10');
      expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/^.{10}$/s), '']);
    }
  });

  it('stop before a value that is damaged', async () => {
    const text = 'REDIS0009\xfe\0\0\x01a\x01b\0\x01c\xc7';
    const { code, stdout, stderr } = await forebay(
      ['rdb', 'json', '-'],
      Buffer.from(text, 'latin1'),
    );
    expect(code).toBe(74);
    expect(stdout.toString()).toBe(
      '{"db":0,"key":"a","type":"string","encoding":"raw","value":"b"}\n',
    );
    expect(stderr).toMatch(
      /standard input: an unknown string encoding 7, at byte 19, in key "c" of database 0\n$/,
    );
  });
});
