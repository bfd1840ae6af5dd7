import type { InstalledServer } from '@forebay/conformance';
import { compareDataSets, installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { holdStill, loadOn, syncsOf } from '../primary.ts';

/** Milliseconds that a replica needs, at the most, to be where it is awaited. */
const PATIENCE = 30_000;

interface Chain {
  readonly primary: Server;
  readonly directory: string;
  readonly daemon: Daemon;
  readonly port: number;
}

/** A primary, and a daemon that follows it and serves. */
async function chain(
  installed: InstalledServer,
  config: Record<string, string> = {},
): Promise<Chain> {
  const primary = await Server.start(installed, {
    config: { 'repl-backlog-size': '64mb', ...config },
  });
  onTestFinished(() => primary.stop());
  await seedDataSet(primary.client, { megabytes: 2 });
  const directory = await freshDirectory();
  const daemon = Daemon.follow(primary, directory, '--port', '0');
  await daemon.prints(/full copy done/);
  return { primary, directory, daemon, port: portOf(daemon) };
}

function portOf(daemon: Daemon): number {
  return Number(/replicas are served at 127\.0\.0\.1:(\d+)/.exec(daemon.printed)?.[1]);
}

async function replicaOf(installed: InstalledServer, port: number): Promise<Server> {
  const server = await Server.start(installed, { config: { replicaof: `127.0.0.1 ${port}` } });
  onTestFinished(() => server.stop());
  return server;
}

/** Waits until a replica is where the primary is, by what both say. */
async function expectCaughtUp(primary: Server, replica: Server): Promise<void> {
  const place = async (server: Server) => {
    const { master_replid, master_repl_offset } = await server.info('replication');
    return `${master_replid}:${master_repl_offset}`;
  };
  const same = async () => (await place(primary)) === (await place(replica));
  await expect.poll(same, { timeout: PATIENCE, interval: 50 }).toBe(true);
}

async function expectEqual(primary: Server, replica: Server): Promise<void> {
  await holdStill(primary);
  await expectCaughtUp(primary, replica);
  const names = ['primary', 'replica'] as const;
  const options = { names, withinMs: PATIENCE };
  expect(await compareDataSets(primary.client, replica.client, options)).toEqual([]);
}

function fullResyncs(replica: Server): number {
  return replica.log().match(/Full resync from/g)?.length ?? 0;
}

describe.each(installedServers())('$name above and below', (installed) => {
  it('a mixed load: equal, and one full copy asked of the primary for all replicas', async () => {
    const { primary, port } = await chain(installed);
    const load = loadOn(primary).start();
    const replicas = await Promise.all([1, 2, 3].map(() => replicaOf(installed, port)));
    await expect.poll(() => load.commands).toBeGreaterThan(600);
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    for (const replica of replicas) await expectEqual(primary, replica);
    expect(await syncsOf(primary)).toMatchObject({ full: 1 });
    for (const replica of replicas) expect(fullResyncs(replica)).toBe(1);
  });

  it('a replica stopped for longer than a backlog goes on by a partial resync from the disk', async () => {
    const { primary, port } = await chain(installed);
    const replica = await replicaOf(installed, port);
    await expectCaughtUp(primary, replica);
    await replica.command('REPLICAOF', '127.0.0.1', '1');
    await seedDataSet(primary.client, { megabytes: 8, seed: 2 });
    await replica.command('REPLICAOF', '127.0.0.1', String(port));
    await expectEqual(primary, replica);
    expect(fullResyncs(replica)).toBe(1);
    expect(await syncsOf(primary)).toMatchObject({ full: 1 });
  });

  it('cut off by itself, by us and from above: partial resyncs alone', async () => {
    const { primary, port } = await chain(installed);
    const replica = await replicaOf(installed, port);
    await expectCaughtUp(primary, replica);
    const load = loadOn(primary).start();
    const more = async () => {
      const { commands } = load;
      await expect.poll(() => load.commands).toBeGreaterThan(commands + 100);
    };
    await more();
    await replica.command('CLIENT', 'KILL', 'TYPE', 'master');
    await more();
    await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
    await more();
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await expectEqual(primary, replica);
    expect(fullResyncs(replica)).toBe(1);
    expect(await syncsOf(primary)).toMatchObject({ full: 1 });
  });

  it('the daemon killed and started again: its replicas go on by partial resyncs', async () => {
    const { primary, directory, daemon, port } = await chain(installed);
    const replica = await replicaOf(installed, port);
    await expectCaughtUp(primary, replica);
    const load = loadOn(primary).start();
    let life = daemon;
    for (let kills = 0; kills < 3; kills++) {
      const { commands } = load;
      await expect.poll(() => load.commands).toBeGreaterThan(commands + 100);
      await life.stop('SIGKILL');
      life = Daemon.follow(primary, directory, '--port', String(port));
      await life.prints(/partial resync/);
    }
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await expectEqual(primary, replica);
    expect(fullResyncs(replica)).toBe(1);
  });

  it('a primary that is itself a replica: the replica below is in the right database', async () => {
    const top = await Server.start(installed);
    onTestFinished(() => top.stop());
    await top.client.select(5);
    await top.command('SET', 'before', '1');
    await using middle = await Server.start(installed, {
      config: { replicaof: `${top.host} ${top.port}` },
    });
    await expectCaughtUp(top, middle);
    const directory = await freshDirectory();
    const daemon = Daemon.follow(middle, directory, '--port', '0');
    await daemon.prints(/full copy done/);
    const replica = await replicaOf(installed, portOf(daemon));
    await top.command('SET', 'after', '1');
    await expectCaughtUp(top, replica);
    expect((await replica.info('keyspace')).db5).toMatch(/^keys=2,/);
  });
});
