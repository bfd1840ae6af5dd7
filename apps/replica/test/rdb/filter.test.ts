import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { compareDataSets, installedServer, installedServers, Server } from '@forebay/conformance';
import { RdbWriter, type WritableEvent } from '@forebay/rdb';
import { describe, expect, it } from 'vitest';
import { fillEveryType, freshFile, saved } from './data-set.ts';
import { forebay, linesOf } from './run.ts';

const noServer = installedServers().length === 0;

interface Line {
  readonly db: number;
  readonly key: string | { readonly base64: string };
  readonly type: string;
  readonly bytes: number;
}

const keysOf = async (rdb: Uint8Array, ...flags: string[]) =>
  (await linesOf(['rdb', 'keys', '-', '--json', ...flags], rdb)) as Line[];

const fieldsOf = async (rdb: Uint8Array): Promise<Record<string, string>> => {
  const { stdout } = await forebay(['rdb', 'check', '-', '--json'], rdb);
  return JSON.parse(stdout.toString()).fields;
};

describe.each(installedServers())('a snapshot of $name cut down', (installed) => {
  it('to everything boots a server with an equal data set', async () => {
    await using source = await Server.start(installed);
    await fillEveryType(source);
    const file = await freshFile('dump.rdb');
    const rdb = await saved(source);
    const filtered = await forebay(['rdb', 'filter', '-', '-o', file], rdb);
    expect(filtered.code, filtered.stderr).toBe(0);
    await using booted = await Server.start(installed, { directory: dirname(file) });
    expect(await compareDataSets(source.client, booted.client)).toEqual([]);
  });

  it('to some keys boots a server that has these alone', async () => {
    await using source = await Server.start(installed);
    await fillEveryType(source);
    const file = await freshFile('dump.rdb');
    const rdb = await saved(source);
    const chosen = ['--db', '0,9', '--type', 'list,hash', '--match', '*l*e*', '--no-functions'];
    const filtered = await forebay(['rdb', 'filter', '-', '-o', file, ...chosen], rdb);
    expect(filtered.code, filtered.stderr).toBe(0);
    await using booted = await Server.start(installed, { directory: dirname(file) });
    const all = await keysOf(rdb);
    for (const database of [0, 1, 9]) {
      const wanted = all
        .filter(({ db, type }) => db === database && db !== 1 && /^(list|hash)$/.test(type))
        .map(({ key }) => String(key))
        .filter((key) => /l.*e/.test(key));
      await booted.command('SELECT', database);
      const there = (await booted.command('KEYS', '*')) as string[];
      expect(there.sort()).toEqual(wanted.sort());
    }
    if (installed.functions) expect(await booted.command('FUNCTION', 'LIST')).toEqual([]);
  });

  it('is nothing to go on from: a replica booted with it gets a full copy', async () => {
    await using source = await Server.start(installed);
    for (const key of ['kept', 'left out']) await source.command('SET', key, 'value');
    const file = await freshFile('dump.rdb');
    const dump = await forebay(['dump', source.url]);
    const filtered = await forebay(
      ['rdb', 'filter', '-', '-o', file, '--match', 'k*'],
      dump.stdout,
    );
    expect(filtered.code, filtered.stderr).toBe(0);
    const before = await fieldsOf(dump.stdout);
    expect(before).toHaveProperty('repl-id');
    const dropped = ['repl-id', 'repl-offset', 'repl-stream-db'];
    const others = Object.entries(before).filter(([name]) => !dropped.includes(name));
    expect(Object.entries(await fieldsOf(await readFile(file)))).toEqual(others);
    await using replica = await Server.start(installed, {
      directory: dirname(file),
      config: { replicaof: `${source.host} ${source.port}` },
    });
    await expect
      .poll(async () => (await replica.info('replication')).master_link_status, { timeout: 10_000 })
      .toBe('up');
    expect((await source.info('stats')).sync_partial_ok).toBe('0');
    expect(await replica.command('GET', 'left out')).toBe('value');
  });
});

/** A snapshot as a server writes it that has loaded a module with a type of its own. */
function withModuleData(): Uint8Array {
  const module = { name: 'forebaymt', version: 1 };
  const bytes = (text: string) => Buffer.from(text, 'latin1');
  const key = (name: string) => ({ type: 'key', key: bytes(name), database: 0 }) as const;
  const events: WritableEvent[] = [
    { type: 'module-aux', module, bytes: bytes('\x02\x01\x05\x02ab\x00') },
    { ...key('text'), dataType: 'string' },
    { type: 'value', value: bytes('value') },
    { type: 'key-end' },
    { ...key('of a module'), dataType: 'module' },
    { type: 'module-id', module },
    { type: 'module-value', kind: 'string', value: bytes('value') },
    { type: 'key-end' },
    { type: 'end' },
  ];
  const writer = new RdbWriter({ magic: 'REDIS', version: 9 });
  for (const event of events) writer.write(event);
  return writer.take();
}

describe('a snapshot with data of a module', () => {
  it.skipIf(noServer).each(['redis-6.0', 'redis-8.0', 'valkey-9.1'])(
    'is refused by %s without the module, and loaded after rdb filter --no-module-aux --type',
    async (name) => {
      const installed = installedServer(name);
      const file = await freshFile('dump.rdb');
      const directory = dirname(file);
      const rdb = withModuleData();
      const types = ['--type', 'string,list,set,zset,hash,stream'];
      for (const flags of [[], ['--no-module-aux'], types]) {
        const kept = await forebay(['rdb', 'filter', '-', '-o', file, ...flags], rdb);
        expect(kept.code, kept.stderr).toBe(0);
        const start = Server.start(installed, { directory });
        await expect(start, flags.join(' ')).rejects.toMatchObject({ code: 'SERVER_EXITED' });
      }
      const flags = ['--no-module-aux', ...types];
      const kept = await forebay(['rdb', 'filter', '-', '-o', file, ...flags], rdb);
      expect(kept.stderr).toMatch(/kept 1 of 2 keys/);
      await using booted = await Server.start(installed, { directory });
      expect(await booted.command('KEYS', '*')).toEqual(['text']);
    },
  );
});

describe('a snapshot cut down', () => {
  it.skipIf(noServer)('by size and by time to live has what is in the range', async () => {
    await using source = await Server.start(installedServer('valkey-8.0'));
    await fillEveryType(source);
    const rdb = await saved(source);
    const all = await keysOf(rdb);
    const filter = async (...flags: string[]) => {
      const { code, stdout, stderr } = await forebay(['rdb', 'filter', '-', ...flags], rdb);
      expect(code, stderr).toBe(0);
      const checked = await forebay(['rdb', 'check', '-', '--deep'], stdout);
      expect(checked.stdout.toString()).toMatch(/checksum: right/);
      return (await keysOf(stdout)).map(({ db, key }) => [db, key]);
    };
    const wanted = (is: (line: Line) => boolean) => all.filter(is).map(({ db, key }) => [db, key]);
    for (const [from, to] of [
      [0, 30],
      [1000, 400_000],
      [20_000, Number.POSITIVE_INFINITY],
    ] as const) {
      const range = `${from}..${to === Number.POSITIVE_INFINITY ? '' : to}`;
      const expected = wanted(({ bytes }) => bytes >= from && bytes <= to);
      expect(expected.length).toBeGreaterThan(0);
      expect(await filter('--size', range)).toEqual(expected);
    }
    const expiring = ['expires', 'number 0', 'hash large'];
    expect(await filter('--ttl', 'none')).toEqual(
      wanted(({ key }) => !expiring.includes(`${key}`)),
    );
    expect(await filter('--ttl', '..2d')).toEqual([[0, 'expires']]);
    expect(await filter('--ttl', '2d..')).toHaveLength(2);
  });

  it('is there when it is whole, or not at all', async () => {
    const file = await freshFile('out.rdb');
    const source = join(dirname(file), 'in.rdb');
    await writeFile(source, Buffer.concat([Buffer.from('REDIS0009'), Buffer.alloc(100)]));
    await writeFile(file, 'what was there');
    const { code, stderr } = await forebay(['rdb', 'filter', source, '-o', file]);
    expect(code).toBe(74);
    expect(stderr).toMatch(/in\.rdb: the RDB ends at byte 109, before its end.*\n$/);
    expect(await readFile(file, 'utf8')).toBe('what was there');
    expect((await readdir(dirname(file))).sort()).toEqual(['in.rdb', 'out.rdb']);
  });
});
