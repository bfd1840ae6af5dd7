import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compareDataSets,
  everyType,
  type InstalledServer,
  installedServers,
  Server,
} from '@forebay/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RdbKey, RdbLoss, RdbTarget, WritableEvent } from '../src/index.ts';
import { payloadElements, RdbVerifier, rdbTargetOf } from '../src/index.ts';
import { asTold, collect, elementsOfKeys } from './collect.ts';
import { payloads } from './payloads.ts';
import { contentsOf, rewritten, written } from './write.ts';

const servers = installedServers();

const targetOf = ({ flavour, version }: InstalledServer) => rdbTargetOf(flavour, version);

/** What is in a server, as it saves it. */
async function saved(server: Server): Promise<Buffer> {
  await server.command('SAVE');
  return readFile(join(server.directory, 'dump.rdb'));
}

/** A server that has loaded an RDB. */
async function loaded(
  installed: InstalledServer,
  rdb: Uint8Array,
  config: Record<string, string> = {},
): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-written-'));
  await writeFile(join(directory, 'dump.rdb'), rdb);
  // It is looked at more closely than by default: every container whole, every stream with its groups.
  const closely = installed.since62 ? { 'sanitize-dump-payload': 'yes' } : {};
  const options = { directory, removeDirectory: true, config: { ...closely, ...config } };
  return Server.start(installed, options);
}

describe.each(servers)('an RDB of $name, with every type in it', (source) => {
  let server: Server;
  let rdb: Buffer;

  beforeAll(async () => {
    server = await Server.start(source);
    await everyType(server.client);
    rdb = await saved(server);
  });
  afterAll(() => server.stop());

  it('is sound to a verifier, which counts as many keys as the server has', async () => {
    const verifier = new RdbVerifier();
    for (let at = 0; at < rdb.length; at += 65_536) verifier.push(rdb.subarray(at, at + 65_536));
    const { keys, ...verdict } = verifier.finish();
    expect(verdict).toMatchObject({ outcome: 'sound', checksum: 'right', findings: [] });
    const keyspace = String(await server.command('INFO', 'keyspace'));
    const counts = [...keyspace.matchAll(/keys=(\d+)/g)].map(([, count]) => Number(count));
    expect(keys).toBe(counts.reduce((sum, count) => sum + count, 0));
  });

  it.each(servers)(
    'is written by its elements for $name, which has the same then',
    async (target) => {
      const losses: RdbLoss[] = [];
      const again = rewritten(rdb, targetOf(target), { onLoss: (loss) => losses.push(loss) });
      await using copy = await loaded(target, again);
      expect(await compareDataSets(server.client, copy.client)).toEqual([]);
      const due = [
        ...(source.fieldTtl && !target.fieldTtl ? ['field-times', 'field-times'] : []),
        ...(source.functions && !target.functions ? ['function', 'function'] : []),
      ];
      expect(losses.map(({ what }) => what).sort()).toEqual(due);
    },
  );

  it.each(servers.filter(({ name }) => isTakenRaw(source.name, name)))(
    'is written raw as far as $name reads it, which has the same then',
    async (target) => {
      const again = rewritten(rdb, targetOf(target), { raw: true, onLoss: () => {} });
      await using copy = await loaded(target, again);
      expect(await compareDataSets(server.client, copy.client)).toEqual([]);
    },
  );

  it('says the same as before where it is written for the version it is of', () => {
    const before = collect([rdb]);
    const { magic, version } = before[0] as unknown as RdbTarget;
    // Redict's 12 is not Redis' 12, so what is written for it is 11.
    const { flavour } = source;
    expect({ magic, version: flavour === 'redict' ? 11 : version }).toEqual(targetOf(source));
    for (const counts of [true, false]) {
      const again = rewritten(rdb, { magic, version }, { counts });
      expect(contentsOf(collect([again]))).toEqual(contentsOf(before));
    }
    const raw = rewritten(rdb, { magic, version }, { raw: true });
    expect(Buffer.compare(raw, rdb)).toBe(0);
  });

  it('has raw values that are what DUMP gives, and what RESTORE takes', async () => {
    await using copy = await Server.start(source);
    const elements = elementsOfKeys(rdb);
    for (const [i, { key, payload }] of payloads(rdb).entries()) {
      await server.client.select(key.database);
      await copy.client.select(key.database);
      const name = Buffer.from(key.key);
      const dumped = (await server.commandBuffer('DUMP', name)) as Buffer;
      // A table that is being made larger between the two gives its elements in another order.
      const differs = dumped.length !== payload.length || Buffer.compare(dumped, payload) !== 0;
      if (key.encoding !== 'hashtable') {
        expect(differs, name.toString('latin1', 0, 100)).toBe(false);
        expect([...payloadElements(dumped)].map(asTold)).toEqual(elements[i]);
      }
      await copy.command('RESTORE', name, key.expiresAt ?? 0, payload, 'ABSTTL');
    }
    for (const { code } of functions(rdb)) await copy.command('FUNCTION', 'LOAD', code);
    expect(await compareDataSets(server.client, copy.client)).toEqual([]);
  });
});

/** The server itself, and those that read the least and the most. */
function isTakenRaw(source: string, target: string): boolean {
  return [source, 'redis-6.0', 'redis-8.0', 'valkey-9.1'].includes(target);
}

function functions(rdb: Uint8Array): { code: Buffer }[] {
  return collect([rdb])
    .filter(({ type }) => type === 'function')
    .map(({ code }) => ({ code: Buffer.from(String(code), 'latin1') }));
}

describe.each(servers)('a snapshot made from nothing for $name', (installed) => {
  it('is loaded, and has what was written', async () => {
    const bytes = (text: string): Uint8Array => Buffer.from(text);
    const key = (name: string, dataType: RdbKey['dataType'], ...rest: WritableEvent[]) =>
      [
        { type: 'key', key: bytes(name), dataType },
        ...rest,
        { type: 'key-end' },
      ] as WritableEvent[];
    const many = Array.from({ length: 3000 }, (_, i) => `${i}`);
    const rdb = written(targetOf(installed), [
      { type: 'aux', key: 'made-by', value: 'a program' },
      ...key('string', 'string', { type: 'value', value: bytes('value') }),
      ...key('list', 'list', ...many.map((one) => ({ type: 'item', value: bytes(one) }) as const)),
      ...key('set', 'set', { type: 'member', member: bytes('member') }),
      ...key('zset', 'zset', { type: 'scored', member: bytes('member'), score: 1.5 }),
      ...key('hash', 'hash', {
        type: 'field',
        field: bytes('f'),
        value: bytes('v'),
        expiresAt: undefined,
      }),
      ...key(
        'stream',
        'stream',
        ...many.map((one) => {
          return {
            type: 'entry',
            id: `${1 + Number(one)}-1`,
            fields: [bytes('n'), bytes(one)],
          } as const;
        }),
        {
          type: 'stream',
          length: 3000,
          lastId: '3000-1',
          firstId: undefined,
          maxDeletedId: undefined,
          entriesAdded: undefined,
        },
        { type: 'group', name: bytes('group'), lastId: '2-1', entriesRead: undefined },
        { type: 'pending', id: '2-1', deliveredAt: 1000, deliveries: 3 },
        { type: 'consumer', name: bytes('consumer'), seenAt: 1000, activeAt: undefined },
        { type: 'consumer-pending', id: '2-1' },
      ),
      { type: 'database', database: 3 },
      { ...key('other', 'string')[0]!, expiresAt: 4_000_000_000_000 } as WritableEvent,
      { type: 'value', value: bytes('12') },
      { type: 'key-end' },
    ]);
    await using server = await loaded(installed, rdb);
    const answers = async (...words: string[]) => server.command(words[0]!, ...words.slice(1));
    expect(await answers('GET', 'string')).toBe('value');
    expect(await answers('LRANGE', 'list', '0', '-1')).toEqual(many);
    expect(await answers('SMEMBERS', 'set')).toEqual(['member']);
    expect(await answers('ZSCORE', 'zset', 'member')).toBe('1.5');
    expect(await answers('HGETALL', 'hash')).toEqual(['f', 'v']);
    const entries = many.map((one) => [`${1 + Number(one)}-1`, ['n', one]]);
    expect(await answers('XRANGE', 'stream', '-', '+')).toEqual(entries);
    expect(await answers('XPENDING', 'stream', 'group')).toEqual([
      1,
      '2-1',
      '2-1',
      [['consumer', '1']],
    ]);
    await server.client.select(3);
    expect(await answers('GET', 'other')).toBe('12');
    expect(Number(await answers('PTTL', 'other'))).toBeGreaterThan(10 ** 12);
    expect(await server.info('keyspace')).toMatchObject({ db0: /keys=6/, db3: /keys=1/ });
  });

  it('tells how long, or how often, a key was used', async () => {
    const used = (rest: object): WritableEvent[] => [
      { type: 'key', key: Buffer.from('key'), dataType: 'string', ...rest },
      { type: 'value', value: Buffer.from('value') },
      { type: 'key-end' },
    ];
    const target = targetOf(installed);
    await using lru = await loaded(installed, written(target, used({ idle: 5000 })), {
      'maxmemory-policy': 'allkeys-lru',
    });
    expect(Number(await lru.command('OBJECT', 'IDLETIME', 'key'))).toBeGreaterThanOrEqual(5000);
    const rdb = written(target, used({ frequency: 77 }));
    const config = { 'maxmemory-policy': 'allkeys-lfu' };
    await using lfu = await loaded(installed, rdb, config);
    expect(await lfu.command('OBJECT', 'FREQ', 'key')).toBe(77);
    // And so it is when the server has saved it, and that is written anew.
    await using again = await loaded(installed, rewritten(await saved(lfu), target), config);
    expect(await again.command('OBJECT', 'FREQ', 'key')).toBe(77);
  });
});
