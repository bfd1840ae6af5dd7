import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { holdStill, loadOn, syncsOf, writeSome } from '../primary.ts';
import { chain, expectCaughtUp, expectEqual, fullResyncs, portOf, replicaOf } from './chain.ts';

const WITH_BACKLOG = { config: { 'repl-backlog-size': '64mb' } };

/** A primary and a replica of its own, either of which is followed, and a replica below us. */
async function between(installed: Parameters<typeof replicaOf>[0]) {
  const primary = await Server.start(installed, WITH_BACKLOG);
  onTestFinished(() => primary.stop());
  await seedDataSet(primary.client, { megabytes: 1 });
  const other = await Server.start(installed, {
    config: { ...WITH_BACKLOG.config, replicaof: `${primary.host} ${primary.port}` },
  });
  onTestFinished(() => other.stop());
  await expectCaughtUp(primary, other);
  const candidates = [primary, other].flatMap(({ host, port }) => ['--replicaof', host, `${port}`]);
  const directory = await freshDirectory();
  const daemon = Daemon.start(['replica', ...candidates, '--dir', directory, '--port', 'any']);
  await daemon.prints(/full copy done/);
  const below = await replicaOf(installed, portOf(daemon));
  await expectCaughtUp(primary, below);
  return { primary, other, daemon, below };
}

describe.each(installedServers())('$name above and below', (installed) => {
  it('the primary dies and its replica is promoted: nobody below it asks for a full copy', async () => {
    const { primary, other, daemon, below } = await between(installed);
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(200);
    await load.stop();
    // What came between the look and the kill could be in one of the two alone.
    await holdStill(primary);
    await expectCaughtUp(primary, below);
    await expectCaughtUp(primary, other);
    const { full } = await syncsOf(other);
    await primary.kill();
    await other.command('REPLICAOF', 'NO', 'ONE');
    await daemon.prints(/under a new id/);
    await writeSome(other);
    await expectEqual(other, below);
    expect((await syncsOf(other)).full).toBe(full);
    expect(fullResyncs(below)).toBe(1);
  });

  it('ahead of the promoted replica: a replica with bytes beyond gets a full copy, from us', async () => {
    const { primary, other, daemon, below } = await between(installed);
    const { full } = await syncsOf(other);
    other.freeze();
    // More than sockets hold, which outlive the primary.
    await seedDataSet(primary.client, { megabytes: 24, seed: 3 });
    await expectCaughtUp(primary, below);
    await primary.kill();
    other.thaw();
    await other.command('REPLICAOF', 'NO', 'ONE');
    await daemon.prints(/rewound from/);
    await daemon.prints(/under a new id/);
    await other.command('SET', 'after', '1');
    await expectEqual(other, below);
    expect((await syncsOf(other)).full).toBe(full);
    expect(fullResyncs(below)).toBe(2);
  });

  it.skipIf(!installed.since62)(
    'FAILOVER from the primary to its replica, with us attached',
    async () => {
      const { primary, other, daemon, below } = await between(installed);
      const load = loadOn(primary).start();
      await expect.poll(() => load.commands).toBeGreaterThan(100);
      await load.stop();
      await primary.command('FAILOVER', 'TO', other.host, other.port, 'TIMEOUT', 30_000);
      const role = async () => (await other.info('replication')).role;
      await expect.poll(role, { timeout: 30_000 }).toBe('master');
      await daemon.prints(/under a new id/);
      await other.command('SET', 'after', '1');
      await expectEqual(other, below);
      expect(fullResyncs(below)).toBe(1);
      expect(daemon.printed.match(/full copy,/g)).toHaveLength(1);
    },
  );

  it('SHUTDOWN of the primary waits for us no longer than it takes', async () => {
    const { primary, daemon, port } = await chain(installed);
    const below = await replicaOf(installed, port);
    await expectCaughtUp(primary, below);
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(100);
    await load.stop();
    const since = performance.now();
    await primary.command('SHUTDOWN', 'NOSAVE').catch(() => {});
    await expect.poll(() => primary.running).toBe(false);
    expect(performance.now() - since).toBeLessThan(9000);
    expect(primary.log()).not.toMatch(/lagging replica|Lagging replica|timeout reached/);
    // What is below us stays, for nothing was taken back.
    expect(await below.command('PING')).toBe('PONG');
    await daemon.prints(/trying again/);
  });

  it('a chain of two daemons, of which the upper one is killed', async () => {
    const { primary, directory, daemon, port } = await chain(installed);
    const second = Daemon.start([
      ...['replica', '--replicaof', '127.0.0.1', String(port)],
      ...['--dir', await freshDirectory(), '--port', 'any'],
    ]);
    await second.prints(/full copy done/);
    const below = await replicaOf(installed, portOf(second));
    await expectCaughtUp(primary, below);
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(100);
    await daemon.stop('SIGKILL');
    const again = Daemon.follow(primary, directory, '--port', String(port));
    await again.prints(/partial resync/);
    const { commands } = load;
    await expect.poll(() => load.commands).toBeGreaterThan(commands + 100);
    await load.stop();
    await expectEqual(primary, below);
    expect(fullResyncs(below)).toBe(1);
    expect(second.printed.match(/full copy,/g)).toHaveLength(1);
    expect((await syncsOf(primary)).full).toBe(1);
  });
});
