import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, cutReplicas, expectBootsEqual, holdStill, loadOn, syncsOf } from '../primary.ts';

const SNAPSHOTS = { 'from disk': 'no', diskless: 'yes' };

describe.each(installedServers())('$name', (installed) => {
  describe.each(Object.entries(SNAPSHOTS))('a full copy %s', (_, diskless) => {
    it('under a mixed load, then the stream: a copy boots to the same data set', async () => {
      const config = { 'repl-diskless-sync': diskless, 'repl-diskless-sync-delay': 0 };
      await using primary = await Server.start(installed, { config });
      await seedDataSet(primary.client, { megabytes: 4 });
      const directory = await freshDirectory();
      const load = loadOn(primary);
      load.start();
      await using daemon = Daemon.follow(primary, directory);
      await daemon.prints(/full copy done/);
      const atLeast = load.commands + 600;
      await expect.poll(() => load.commands).toBeGreaterThan(atLeast);
      expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
      await holdStill(primary);

      const offset = await caughtUp(primary);
      expect(await primary.command('SET', 'counted', 'by WAIT')).toBe('OK');
      expect(await primary.command('WAIT', 1, 20_000)).toBe(1);
      if (installed.waitaof) {
        expect(await primary.command('WAITAOF', 0, 1, 20_000)).toEqual([0, 1]);
      }
      expect(await caughtUp(primary)).toBeGreaterThan(offset);
      expect(await syncsOf(primary)).toMatchObject({ full: 1 });

      expect(await daemon.stop()).toBe(0);
      const { master_replid, master_repl_offset } = await primary.info('replication');
      expect(daemon.printed).toContain(`stopped at ${master_replid}:${master_repl_offset}`);
      await expectBootsEqual(primary, directory);
    });
  });

  it('cut in the middle of writes goes on by partial resyncs, and after a restart too', async () => {
    await using primary = await Server.start(installed, {
      // The load has values of a megabyte, and a link that flaps is not tried again at once.
      config: { 'repl-backlog-size': '64mb' },
    });
    const directory = await freshDirectory();
    const load = loadOn(primary);
    load.start();
    const daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    for (let cuts = 1; cuts <= 3; cuts++) {
      const before = load.commands;
      await expect.poll(() => load.commands).toBeGreaterThan(before + 50);
      await cutReplicas(primary);
      await daemon.prints(/partial resync/, cuts);
    }
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).toMatch(/all data synced to disk/);

    const again = Daemon.follow(primary, directory);
    await again.prints(/partial resync/);
    if (installed.waitaof) {
      expect(await primary.command('WAITAOF', 0, 1, 20_000)).toEqual([0, 1]);
    }
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await holdStill(primary);
    await caughtUp(primary);
    expect(await syncsOf(primary)).toEqual({ full: 1, partial: 4 });
    expect(await again.stop('SIGINT')).toBe(0);
    await expectBootsEqual(primary, directory);
  });

  it('away for longer than the backlog reaches takes one clean full copy', async () => {
    await using primary = await Server.start(installed, { config: { 'repl-backlog-size': 16384 } });
    const directory = await freshDirectory();
    const first = Daemon.follow(primary, directory);
    await first.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    await caughtUp(primary);
    expect(await first.stop()).toBe(0);

    for (let i = 0; i < 40; i++) await primary.command('SET', `b${i}`, 'x'.repeat(10_000));
    const second = Daemon.follow(primary, directory);
    await second.prints(/full copy done/);
    expect(second.printed).toMatch(/its backlog does not reach back to/);
    await primary.command('SELECT', 3);
    await primary.command('SET', 'c', '1');
    await caughtUp(primary);
    expect((await syncsOf(primary)).full).toBe(2);
    expect(await second.stop()).toBe(0);
    await expectBootsEqual(primary, directory);
  });

  it.runIf(installed.multipart)('is not gone on from where a server was booted in it', async () => {
    await using primary = await Server.start(installed);
    const directory = await freshDirectory();
    const first = Daemon.follow(primary, directory);
    await first.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    await caughtUp(primary);
    expect(await first.stop()).toBe(0);

    const booted = await Server.start(installed, { directory, config: { appendonly: 'yes' } });
    await booted.command('SET', 'foreign', 'bytes');
    await booted.stop();
    const again = Daemon.follow(primary, directory);
    expect(await again.exited).toBe(78);
    expect(again.printed).toMatch(/a server has been started in this directory/);
  });

  it('of a primary that is itself a replica starts in the right database', async () => {
    await using top = await Server.start(installed);
    await using middle = await Server.start(installed);
    await middle.command('REPLICAOF', top.host, top.port);
    await expect.poll(async () => (await middle.info()).master_link_status).toBe('up');
    await top.command('SELECT', 5);
    await top.command('SET', 'before', 'the copy');
    await caughtUp(top);

    const directory = await freshDirectory();
    await using daemon = Daemon.follow(middle, directory);
    await daemon.prints(/full copy done/);
    // The stream of a replica repeats no SELECT: these go to database 5 by what the snapshot says.
    await top.command('SET', 'after', 'the copy');
    await caughtUp(top);
    await caughtUp(middle);
    expect(await daemon.stop()).toBe(0);
    const manifest = join(directory, 'appendonlydir', 'appendonly.aof.manifest');
    expect(await readFile(manifest, 'utf8')).toMatch(/^# increment .* database 5$/m);
    await expectBootsEqual(middle, directory);
  });
});
