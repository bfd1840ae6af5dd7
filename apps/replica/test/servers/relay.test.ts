import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { loadOn, syncsOf } from '../primary.ts';
import { expectRestoresEqual } from '../torture/equal.ts';
import { chain, expectCaughtUp, expectEqual, fullResyncs, portOf, replicaOf } from './chain.ts';

describe.each(installedServers())('$name above and below', (installed) => {
  it('a mixed load: all three levels equal, and one full copy asked of the primary', async () => {
    const { primary, directory, port } = await chain(installed);
    const load = loadOn(primary).start();
    const replicas = await Promise.all([1, 2, 3].map(() => replicaOf(installed, port)));
    await expect.poll(() => load.commands).toBeGreaterThan(600);
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    for (const replica of replicas) await expectEqual(primary, replica);
    expect(await syncsOf(primary)).toMatchObject({ full: 1 });
    for (const replica of replicas) expect(fullResyncs(replica)).toBe(1);
    const { master_repl_offset } = await primary.info('replication');
    await expectRestoresEqual(primary, directory, Number(master_repl_offset));
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
    const daemon = Daemon.follow(middle, directory, '--port', 'any');
    await daemon.prints(/full copy done/);
    const replica = await replicaOf(installed, portOf(daemon));
    await top.command('SET', 'after', '1');
    await expectCaughtUp(top, replica);
    expect((await replica.info('keyspace')).db5).toMatch(/^keys=2,/);
  });
});
