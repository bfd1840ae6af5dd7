import type { Script } from '@forebay/conformance';
import { freePort, installedServers, ScriptedPrimary, Server } from '@forebay/conformance';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { holdStill, loadOn } from '../primary.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  portOf,
  replicaOf,
  serversNamed,
  threeServers,
} from './chain.ts';

const noServer = installedServers().length === 0;

/** Milliseconds that a link needs, at the most, to be where it is awaited. */
const PATIENCE = { timeout: 30_000, interval: 50 };

/** A client that asks and is answered, and makes nothing of it. */
function clientOf(port: number, options: { readonly protocol?: 2 | 3 } = {}): Redis {
  const client = new Redis({ port, host: '127.0.0.1', protocol: 2, ...options });
  onTestFinished(() => client.disconnect());
  return client;
}

function fieldsOf(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => line.split(/:(.*)/, 2)));
}

function numbersOf(text: string): Record<string, number> {
  const fields = Object.entries(fieldsOf(text));
  return Object.fromEntries(fields.map(([name, value]) => [name, Number(value)]));
}

/** Any number above 0. */
const POSITIVE = expect.toSatisfy((value: number) => value > 0);

function namesOf(text: string, known: ReadonlySet<string>): string[] {
  const names = text.split('\r\n').map((line) => line.split(':', 1)[0]!);
  return names.filter((name) => known.has(name));
}

describe.each(threeServers())('the port under $name', (installed) => {
  it('counts what comes and goes, and how fast, until CONFIG RESETSTAT', async () => {
    const { primary, port } = await chain(installed, {}, 1);
    await expectCaughtUp(primary, await replicaOf(installed, port));
    const client = clientOf(port);
    const stats = async () => numbersOf(await client.info('stats'));
    const load = loadOn(primary, 1000).start();
    await expect.poll(stats, PATIENCE).toMatchObject({
      instantaneous_ops_per_sec: POSITIVE,
      instantaneous_input_kbps: POSITIVE,
      instantaneous_output_kbps: POSITIVE,
      instantaneous_input_repl_kbps: POSITIVE,
      instantaneous_output_repl_kbps: POSITIVE,
    });
    await load.stop();
    await holdStill(primary);
    const { master_repl_offset } = await primary.info('replication');
    const ended = { instantaneous_input_repl_kbps: 0, instantaneous_output_repl_kbps: 0 };
    await expect.poll(stats, PATIENCE).toMatchObject(ended);
    const counted = await stats();
    // A replica carries out what its primary does, and gets its data set besides the stream.
    expect(counted.total_commands_processed).toBeGreaterThan(load.commands);
    expect(counted.total_net_repl_input_bytes).toBeGreaterThan(Number(master_repl_offset));
    expect(counted.total_net_repl_output_bytes).toBeGreaterThan(Number(master_repl_offset));
    expect(counted.total_net_output_bytes).toBeGreaterThan(counted.total_net_input_bytes!);

    expect(await client.config('RESETSTAT')).toBe('OK');
    expect(await stats()).toMatchObject({
      total_connections_received: 0,
      total_net_repl_input_bytes: 0,
      sync_full: 0,
    });
    // An acknowledgement a second, and what was asked here.
    expect((await stats()).total_commands_processed).toBeLessThan(100);
  });

  it('tells what a replica of the same primary tells, in the same order', async () => {
    const { primary, port } = await chain(installed, {}, 1);
    const replica = await replicaOf(installed, primary.port);
    const below = await replicaOf(installed, port);
    await expectCaughtUp(primary, replica);
    await expectCaughtUp(primary, below);
    const client = clientOf(port);
    const ours = await client.info('replication');
    const theirs = String(await replica.client.info('replication'));
    const named = new Set(Object.keys(fieldsOf(ours)));
    const inOrder = namesOf(theirs, named);
    expect(namesOf(ours, new Set(inOrder))).toEqual(inOrder);
    const place = ({
      role,
      master_host,
      master_port,
      master_link_status,
      master_replid,
    }: Record<string, string>) => ({
      role,
      master_host,
      master_port,
      master_link_status,
      master_replid,
    });
    expect(place(fieldsOf(ours))).toEqual(place(fieldsOf(theirs)));
    expect(fieldsOf(ours)).toMatchObject({
      slave_priority: '0',
      connected_slaves: '1',
      slave0: expect.stringMatching(
        /^ip=127\.0\.0\.1,port=\d+,state=(?:online|send_bulk),offset=\d+,lag=\d+$/,
      ),
    });
    const all = await client.info();
    expect(all.match(/^# .*/gm)).toEqual(
      [
        ...['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU'],
        ...['Errorstats', 'Cluster', 'Keyspace'],
      ].map((name) => `# ${name}`),
    );
    expect(fieldsOf(all)).toMatchObject({
      ...{ run_id: expect.stringMatching(/^[\da-f]{40}$/), loading: '0', sync_full: '1' },
    });
    expect(await client.call('ROLE')).toEqual([
      ...['slave', '127.0.0.1', primary.port, 'connected', expect.any(Number)],
    ]);
  });

  it('REPLICAOF NO ONE lets go, what is held is served, and another is followed without a copy', async () => {
    const { primary, port } = await chain(installed, {}, 1);
    const other = await replicaOf(installed, primary.port);
    await expectCaughtUp(primary, other);
    const client = clientOf(port);
    expect(await client.call('REPLICAOF', 'NO', 'ONE')).toBe('OK');
    await expect
      .poll(async () => (await client.call('ROLE')) as unknown[], PATIENCE)
      .toMatchObject({ 3: 'none' });
    const below = await replicaOf(installed, port);
    await expect.poll(() => fullResyncs(below), PATIENCE).toBe(1);
    await primary.command('SET', 'after', '1');
    await expectCaughtUp(primary, other);
    expect(await client.call('SLAVEOF', '127.0.0.1', other.port)).toBe('OK');
    await expectEqual(primary, below);
    expect(fullResyncs(below)).toBe(1);
    expect(fieldsOf(String(await other.client.info('stats'))).sync_full).toBe('0');
    const again = await client.call('REPLICAOF', '127.0.0.1', other.port);
    expect(again).toBe('OK Already connected to specified master');
  });
});

describe.each(installedServers())('CLIENT under $name', (installed) => {
  it('LIST has the fields of that server in its order, and KILL TYPE master makes forebay reconnect', async () => {
    const { primary, daemon, port } = await chain(installed, {}, 1);
    const client = clientOf(port);
    const ours = fieldNames(String(await client.call('CLIENT', 'LIST')));
    const theirs = fieldNames(String(await primary.client.call('CLIENT', 'LIST')));
    // Only Valkey from 8.1 on, and only Redis from 8.0 on have these.
    const common = theirs.filter((name) => name !== 'capa' && name !== 'io-thread');
    expect(ours.filter((name) => common.includes(name))).toEqual(common);
    expect(await client.call('CLIENT', 'KILL', 'TYPE', 'master')).toBe(1);
    await daemon.prints(/link to .* closed by CLIENT KILL, reconnecting/);
    await daemon.prints(/partial resync, the stream goes on/);
    await expect.poll(() => client.call('CLIENT', 'KILL', 'TYPE', 'master'), PATIENCE).toBe(1);
    await daemon.prints(/partial resync, the stream goes on/, 2);
  });
});

function fieldNames(list: string): string[] {
  return list
    .split('\n')[0]!
    .split(' ')
    .map((field) => field.split('=', 1)[0]!);
}

it.skipIf(noServer)(
  'INFO counts errors by their code until CONFIG RESETSTAT, and has the peak of memory',
  async () => {
    const [installed] = threeServers();
    const { port } = await chain(installed!, {}, 1);
    const client = clientOf(port);
    await expect(client.get('k')).rejects.toThrow();
    await expect(client.call('HELLO', '4')).rejects.toThrow();
    await expect(client.multi().get('k').exec()).rejects.toThrow(/EXECABORT/);
    const errors = async () => fieldsOf(await client.info('errorstats'));
    expect(await errors()).toEqual({
      ...{ errorstat_ERR: 'count=2', errorstat_NOPROTO: 'count=1', errorstat_EXECABORT: 'count=1' },
    });
    expect(fieldsOf(await client.info('stats')).total_error_replies).toBe('4');
    await client.config('RESETSTAT');
    expect(await errors()).toEqual({});
    const { used_memory_peak = 0, used_memory = 0 } = numbersOf(await client.info('memory'));
    expect(used_memory_peak).toBeGreaterThanOrEqual(used_memory);
  },
);

/** What INFO and HELLO of a port say about which server it is. */
async function identityOf(client: Redis): Promise<unknown> {
  const info = fieldsOf(String(await client.info('server')));
  const { redis_version, redict_version, server_name, valkey_version } = info;
  const [, server, , version] = (await client.call('HELLO', '2')) as string[];
  return { redis_version, redict_version, server_name, valkey_version, server, version };
}

describe.each(serversNamed('redis-6.0', 'redict-7.3', 'valkey-9.1'))('under $name', (installed) => {
  it('INFO and HELLO report the version of the primary, also after a restart', async () => {
    const { primary, directory, daemon, port } = await chain(installed, {}, 1);
    const theirs = await identityOf(primary.client);
    const client = clientOf(port);
    await expect.poll(() => identityOf(client), PATIENCE).toEqual(theirs);
    client.disconnect();
    expect(await daemon.stop()).toBe(0);
    const again = Daemon.follow(primary, directory, '--port', 'any');
    await again.prints(/partial resync/);
    expect(await identityOf(clientOf(portOf(again)))).toEqual(theirs);
  });
});

it('INFO and HELLO report Redis 7.4.0 while the primary is not known', async () => {
  const daemon = Daemon.start([
    ...['replica', '--replicaof', '127.0.0.1', String(await freePort())],
    ...['--dir', await freshDirectory(), '--port', 'any'],
  ]);
  await daemon.prints(/trying again in/);
  const expected = { redis_version: '7.4.0', server: 'redis', version: '7.4.0' };
  expect(await identityOf(clientOf(portOf(daemon)))).toEqual(expected);
});

/** Who is followed, up to where that does not go on. */
const STUCK: [when: string, state: string, script: Script | undefined][] = [
  ['before anybody was', 'connect', undefined],
  ['while nobody is there', 'connect', undefined],
  ['in a handshake', 'handshake', (peer) => peer.closed],
  [
    'in a full copy',
    'sync',
    async (peer) => {
      await peer.handshake();
      await peer.send(`+FULLRESYNC ${'f'.repeat(40)} 100\r\n$1000\r\nREDIS0009`);
      await peer.closed;
    },
  ],
];

it.skipIf(noServer).each(STUCK)(
  'REPLICAOF NO ONE lets go %s, and another is followed',
  async (when, due, script) => {
    await using stuck = await ScriptedPrimary.listen(script ?? (() => Promise.resolve()));
    const target = script === undefined ? await freePort() : stuck.port;
    const [installed] = threeServers();
    await using primary = await Server.start(installed!);
    const daemon = Daemon.start([
      ...['replica', '--replicaof', '127.0.0.1', String(target)],
      ...['--dir', await freshDirectory(), '--port', 'any'],
    ]);
    await daemon.prints(/replicas are served at/);
    const client = clientOf(portOf(daemon));
    const state = async () => ((await client.call('ROLE')) as unknown[])[3];
    if (when === 'while nobody is there') await daemon.prints(/trying again in/);
    await expect.poll(state, PATIENCE).toBe(due);
    expect(await client.call('REPLICAOF', 'NO', 'ONE')).toBe('OK');
    await expect.poll(state, PATIENCE).toBe('none');
    expect(fieldsOf(await client.info('replication')).role).toBe('slave');
    expect(await client.call('REPLICAOF', '127.0.0.1', primary.port)).toBe('OK');
    await expect.poll(state, PATIENCE).toBe('connected');
    expect(await daemon.stop()).toBe(0);
  },
);

it.skipIf(noServer)(
  'is answered as a replica answers, and refuses data by saying what it is',
  async () => {
    const [installed] = threeServers();
    const { port, daemon } = await chain(installed!, {}, 1);
    const client = clientOf(port);
    expect(await client.ping()).toBe('PONG');
    await expect(client.get('k')).rejects.toThrow(
      /'get' is not served: forebay keeps the replication/,
    );
    await expect(client.dbsize()).rejects.toThrow(/does not count/);
    expect(await client.call('CONFIG', 'GET', 'repl*-timeout', 'slave-p*')).toEqual([
      ...['repl-timeout', '60', 'slave-priority', '0'],
    ]);
    expect(await client.call('CONFIG', 'SET', 'replica-priority', '10')).toBe('OK');
    expect(fieldsOf(await client.info('replication')).slave_priority).toBe('10');
    await expect(client.call('CONFIG', 'SET', 'dir', '/')).rejects.toThrow(/immutable/);
    await expect(client.call('CONFIG', 'SET', 'constructor', '/')).rejects.toThrow(
      /Unknown option/,
    );
    await expect(client.call('CONFIG', 'REWRITE')).rejects.toThrow(/without a config file/);
    expect(JSON.stringify(await client.call('CONFIG', 'GET', '*'))).not.toContain('requirepass');
    await client.call('CLIENT', 'SETNAME', 'sentinel-1-cmd');
    await expect(client.call('REPLICAOF', 'NO', 'ONE')).rejects.toThrow(/cannot be promoted/);
    const before = Number(await client.call('LASTSAVE'));
    expect(await client.call('BGSAVE')).toBe('Background saving started');
    await daemon.prints(/fresh base, at/);
    await expect.poll(() => client.call('LASTSAVE'), PATIENCE).toBeGreaterThanOrEqual(before);
    for (const [words, reply] of [
      [['SLOWLOG', 'LEN'], 0],
      [['SLOWLOG', 'GET', '1'], []],
      [['COMMANDLOG', 'GET', '1', 'slow'], []],
      [['LATENCY', 'LATEST'], []],
      [['LATENCY', 'HISTOGRAM'], []],
      [['ACL', 'WHOAMI'], 'default'],
      [['MODULE', 'LIST'], []],
      [
        ['MODULE', 'HELP'],
        [expect.stringMatching(/^MODULE <subcommand>/), 'LIST', 'HELP'],
      ],
    ] as const) {
      const [name, ...rest] = words;
      expect(await client.call(name, ...rest)).toEqual(reply);
    }
    // It is told nothing, and would ask again.
    client.call('SHUTDOWN').catch(() => {});
    expect(await daemon.exited).toBe(0);
    client.disconnect();
  },
);
