import { Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { loadOn, syncsOf } from '../primary.ts';
import { expectEqual, fullResyncs, portOf, replicaOf, serversNamed } from './chain.ts';

const THREADS = { 'io-threads': '4' };
/** A full copy over a second connection, each flavour in its own way; both have to want it. */
const RDB_CHANNEL = { ...THREADS, 'repl-rdb-channel': 'yes', 'repl-diskless-sync': 'yes' };
const DUAL_CHANNEL = {
  ...THREADS,
  'dual-channel-replication-enabled': 'yes',
  'repl-diskless-sync': 'yes',
};

type Config = Record<string, string>;

const CASES: [name: string, config: Config][] = [
  ['redis-6.0', { ...THREADS, 'io-threads-do-reads': 'yes' }],
  ['redis-8.0', RDB_CHANNEL],
  ['valkey-8.0', DUAL_CHANNEL],
  ['valkey-9.1', DUAL_CHANNEL],
];

const cases = CASES.flatMap(([name, config]) =>
  serversNamed(name).map((installed) => ({
    name,
    config,
    installed,
    of: Object.keys(config).join(', '),
  })),
);

describe.each(cases)('$name with $of, above and below', ({ installed, config }) => {
  it('has one of its own beside us, and goes the ordinary way with us', async () => {
    const primary = await Server.start(installed, {
      // What a busy machine writes while a server waits to connect again is more than 1 MiB.
      config: { ...config, 'repl-diskless-sync-delay': 1, 'repl-backlog-size': '16mb' },
    });
    onTestFinished(() => primary.stop());
    await seedDataSet(primary.client, { megabytes: 2 });
    const load = loadOn(primary).start();
    // Both come in the time of one delay: who can do more gets it, and we what we can.
    const daemon = Daemon.follow(primary, await freshDirectory(), '--port', 'any');
    const own = await replicaOf(installed, primary.port, config);
    await daemon.prints(/full copy done/);
    const below = await replicaOf(installed, portOf(daemon), config);
    const { commands } = load;
    await expect.poll(() => load.commands).toBeGreaterThan(commands + 200);
    await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
    await below.command('CLIENT', 'KILL', 'TYPE', 'master');
    await daemon.prints(/partial resync/);
    await daemon.prints(/goes on at/);
    await load.stop();
    for (const replica of [own, below]) await expectEqual(primary, replica);
    expect(fullResyncs(below)).toBe(1);
    expect(below.log()).not.toMatch(/RDB channel|rdb-channel|[Dd]ual.channel/);
    if (installed.rdbChannel || installed.dualChannel) {
      expect(own.log()).toMatch(/RDB channel|rdb-channel|[Dd]ual.channel/);
    }
    expect((await syncsOf(primary)).full).toBeLessThanOrEqual(2);
    await primary.command('SET', 'waited for', '1');
    expect(await primary.command('WAIT', 2, 20_000)).toBe(2);
  });
});
