import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootCopy,
  compareDataSets,
  type InstalledServer,
  installedServers,
  mixedLoad,
  parseManifest,
  Server,
  seedDataSet,
  type Word,
} from '../src/index.ts';

describe.each(installedServers())('$name', (installed) => {
  let primary: Server;
  let replica: Server;

  beforeAll(async () => {
    primary = await Server.start(installed, { config: { appendonly: 'yes' } });
    replica = await Server.start(installed, {
      config: { replicaof: `127.0.0.1 ${primary.port}`, 'replica-read-only': 'no' },
    });
    await linked(replica);
  });
  afterAll(async () => {
    await replica?.stop();
    await primary?.stop();
  });

  it('replicates a mixed load without an error to an equal replica', async () => {
    const load = mixedLoad(primary.client, { rate: 2000 }).start();
    await expect.poll(() => load.commands).toBeGreaterThan(2000);
    const result = await load.stop();
    const told = { seed: load.seed, ...result };
    expect(told).toMatchObject({ errors: 0, interrupted: 0, failures: [] });
    await caughtUp(primary, replica);
    expect(await compareDataSets(primary.client, replica.client), `seed ${load.seed}`).toEqual([]);
  });

  it('finds each class of difference, and names the key', async () => {
    // What expires meanwhile would be a difference too.
    await primary.command('FLUSHALL');
    const differences = changes(installed);
    for (const { before, after } of differences) {
      for (const [name, ...words] of before) await primary.command(String(name), ...words);
      await caughtUp(primary, replica);
      // Made on the replica only, which takes writes of its own.
      for (const [name, ...words] of after) await replica.command(String(name), ...words);
    }
    const lines = await compareDataSets(primary.client, replica.client, {
      names: ['primary', 'replica'],
      withinMs: 0,
    });
    for (const { found } of differences) {
      expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(found)]));
    }
    expect(lines).toHaveLength(differences.length);
  });

  it.runIf(installed.multipart)('boots an equal data set from what a server wrote', async () => {
    // The write that follows is in the file when it is answered, and all before it too.
    await primary.command('CONFIG', 'SET', 'appendfsync', 'always');
    await primary.command('SET', 'last', 'write');
    await using copy = await bootCopy(installed, primary.directory);
    expect(await compareDataSets(primary.client, copy.client)).toEqual([]);
  });

  it('boots from a directory written by hand, and the directory stays as it was', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'forebay-by-hand-'));
    try {
      const files = await writeByHand(directory, installed);
      await using copy = await bootCopy(installed, directory);
      expect(await copy.command('MGET', 'in the base', 'first', 'second')).toEqual(['1', '2', '3']);
      await copy.command('SET', 'written', 'to the copy');
      await copy.stop();
      for (const [name, bytes] of files) {
        expect(await readFile(join(directory, 'appendonlydir', name))).toEqual(bytes);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('boots from a torn copy, or refuses to when told so', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'forebay-torn-'));
    try {
      await writeByHand(directory, installed, '*3\r\n$3\r\nSET\r\n$4\r\nto');
      await using copy = await bootCopy(installed, directory);
      expect(await copy.command('DBSIZE')).toBe(3);
      const refused = bootCopy(installed, directory, { loadTruncated: 'no' });
      await expect(refused).rejects.toMatchObject({ code: 'SERVER_EXITED' });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('a load', () => {
  it.skipIf(installedServers().length === 0)('draws the same keys for the same seed', async () => {
    const [installed] = installedServers().slice(-1);
    const firstKeys = await Promise.all(
      [1, 1, 2].map(async (seed) => {
        await using server = await Server.start(installed!);
        const watching = await server.newClient().monitor();
        const seen: string[] = [];
        watching.on('monitor', (_, words: string[]) => seen.push(words.slice(0, 2).join(' ')));
        const load = mixedLoad(server.client, { seed, rate: 2000 }).start();
        while (seen.length < 150) await new Promise((resolve) => setTimeout(resolve, 10));
        await load.stop();
        watching.disconnect();
        // Whether a RESTORE follows a DUMP depends on what has expired by then.
        return seen.filter((words) => !/^(INFO|RESTORE)/.test(words)).slice(0, 120);
      }),
    );
    expect(firstKeys[1]).toEqual(firstKeys[0]);
    expect(firstKeys[2]).not.toEqual(firstKeys[0]);
  });

  it.skipIf(installedServers().length === 0)('survives its server', async () => {
    const [installed] = installedServers().slice(-1);
    const server = await Server.start(installed!);
    const load = mixedLoad(server.client, { rate: 2000 }).start();
    while (load.commands < 100) await new Promise((resolve) => setTimeout(resolve, 10));
    await server.kill();
    const result = await load.stop();
    expect(result.errors).toBe(0);
    expect(load.running).toBe(false);
  });
});

describe('a seeded data set', () => {
  it.skipIf(installedServers().length === 0)('has the size asked for', async () => {
    const [installed] = installedServers().slice(-1);
    await using server = await Server.start(installed!);
    const keys = await seedDataSet(server.client, { megabytes: 8 });
    expect(await server.command('DBSIZE')).toBe(keys);
    await server.command('SAVE');
    const { size } = await stat(join(server.directory, 'dump.rdb'));
    expect(size).toBeGreaterThan(8 * 1024 * 1024);
  });
});

describe('parseManifest', () => {
  it('lists the base, then increments by sequence, without history and comments', () => {
    const text = [
      '# made by hand',
      'file appendonly.aof.2.incr.aof seq 2 type i startoffset 900',
      'file "with space.aof" seq 1 type i',
      'file appendonly.aof.1.base.rdb seq 1 type b',
      'file old.aof seq 0 type h',
      '',
    ].join('\n');
    expect(parseManifest(text).map(({ name }) => name)).toEqual([
      'appendonly.aof.1.base.rdb',
      'with space.aof',
      'appendonly.aof.2.incr.aof',
    ]);
  });

  it.each([
    ['no name', 'file seq 1 type b'],
    ['an unknown type', 'file a seq 1 type x'],
    ['a path', 'file ../a seq 1 type i'],
    ['no sequence', 'file a type i'],
  ])('refuses %s', (_, line) => {
    expect(() => parseManifest(line)).toThrow(expect.objectContaining({ code: 'BAD_DIRECTORY' }));
  });
});

interface Change {
  readonly before: Word[][];
  readonly after: Word[][];
  readonly found: RegExp;
}

/** One difference each: made on both, then changed on the replica alone. */
function changes(installed: InstalledServer): Change[] {
  const group: Word[][] = [
    ['XADD', 'c:stream', '1-1', 'field', 'value'],
    ['XGROUP', 'CREATE', 'c:stream', 'group', '0'],
  ];
  const code = (text: string): string =>
    `#!lua name=differs\nredis.register_function('differing', function() return '${text}' end)`;
  return [
    {
      before: [['SET', 'c:value', 'a']],
      after: [['SET', 'c:value', 'b']],
      found: /^db 0 key "c:value": value differs \(string\)$/,
    },
    {
      before: [
        ['SET', 'c:ttl', 'a'],
        ['PEXPIREAT', 'c:ttl', 4_000_000_000_000],
      ],
      after: [['PEXPIREAT', 'c:ttl', 4_000_000_005_000]],
      found: /^db 0 key "c:ttl": (PEXPIRETIME|PTTL) differs: primary \d+, replica \d+$/,
    },
    {
      before: [['SET', 'c:only', 'a']],
      after: [['DEL', 'c:only']],
      found: /^db 0 key "c:only": only in primary$/,
    },
    {
      before: [['RPUSH', 'c:type', 'a']],
      after: [
        ['DEL', 'c:type'],
        ['SADD', 'c:type', 'a'],
      ],
      found: /^db 0 key "c:type": type differs: primary list, replica set$/,
    },
    {
      before: group,
      after: [['XREADGROUP', 'GROUP', 'group', 'consumer', 'STREAMS', 'c:stream', '>']],
      found: /^db 0 key "c:stream": stream's groups differs: /,
    },
    {
      before: [
        ['XADD', 'c:last', '1-1', 'f', 'v'],
        ['XADD', 'c:last', '2-1', 'f', 'v'],
      ],
      after: [['XSETID', 'c:last', '9-9']],
      found: /^db 0 key "c:last": stream's last-generated-id differs: /,
    },
    ...(installed.functions
      ? [
          {
            before: [['FUNCTION', 'LOAD', code('one')]],
            after: [['FUNCTION', 'LOAD', 'REPLACE', code('two')]],
            found: /^function library differs: differs$/,
          },
        ]
      : []),
    ...(installed.fieldTtl
      ? [
          {
            before: [
              ['HSET', 'c:hash', 'field', 'v'],
              ['HPEXPIREAT', 'c:hash', 4_000_000_000_000, 'FIELDS', 1, 'field'],
            ],
            after: [['HPEXPIREAT', 'c:hash', 4_000_000_005_000, 'FIELDS', 1, 'field']],
            found: /^db 0 key "c:hash": HPEXPIRETIME of field "field" differs: /,
          },
        ]
      : []),
  ];
}

/** A directory as a replica of ours writes it: a base, two increments, a manifest with a comment. */
async function writeByHand(
  directory: string,
  installed: InstalledServer,
  tail = '',
): Promise<Map<string, Buffer>> {
  await using server = await Server.start(installed);
  await server.command('SET', 'in the base', 1);
  await server.command('SAVE');
  const set = (key: string, value: string): string =>
    `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;
  const select = '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n';
  const ping = '*1\r\n$4\r\nPING\r\n';
  const manifest = [
    '# forebay',
    'file appendonly.aof.1.base.rdb seq 1 type b',
    'file appendonly.aof.1.incr.aof seq 1 type i',
    'file appendonly.aof.2.incr.aof seq 2 type i',
    '',
  ].join('\n');
  const files = new Map<string, Buffer>([
    ['appendonly.aof.1.base.rdb', await readFile(join(server.directory, 'dump.rdb'))],
    ['appendonly.aof.1.incr.aof', Buffer.from(`${select}${set('first', '2')}${ping}`)],
    ['appendonly.aof.2.incr.aof', Buffer.from(`${select}${set('second', '3')}${tail}`)],
    ['appendonly.aof.manifest', Buffer.from(manifest)],
  ]);
  await mkdir(join(directory, 'appendonlydir'), { recursive: true });
  for (const [name, bytes] of files) {
    await writeFile(join(directory, 'appendonlydir', name), bytes);
  }
  return files;
}

async function linked(replica: Server): Promise<void> {
  while ((await replica.info('replication')).master_link_status !== 'up') {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function caughtUp(primary: Server, replica: Server): Promise<void> {
  for (;;) {
    const wanted = (await primary.info('replication')).master_repl_offset;
    if ((await replica.info('replication')).slave_repl_offset === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
