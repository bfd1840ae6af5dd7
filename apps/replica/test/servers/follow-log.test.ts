import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { Log } from '@forebay/log';
import { Replica } from '@forebay/replica';
import { describe, expect, it } from 'vitest';
import { decideResume } from '../../src/follow-log/decide-resume.ts';
import type { Resynced } from '../../src/follow-log/follow.ts';
import { follow } from '../../src/follow-log/follow.ts';
import { freshDirectory } from '../daemon.ts';
import { caughtUp, cutReplicas, expectBootsEqual, holdStill, loadOn } from '../primary.ts';

describe.each(installedServers())('$name', (installed) => {
  it('a server that boots from a log written under load and link cuts has the same data set as the primary', async () => {
    await using primary = await Server.start(installed, {
      config: { 'repl-backlog-size': '64mb', 'repl-diskless-sync-delay': 0 },
    });
    await seedDataSet(primary.client, { megabytes: 1 });
    const load = loadOn(primary).start();
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    const replica = new Replica({
      url: { kind: 'tcp', host: primary.host, port: primary.port },
      onUpstream: (report) => decideResume(log, report),
    });
    const resyncs: Resynced['type'][] = [];
    const following = follow(replica, log, { onResynced: ({ type }) => resyncs.push(type) });
    await expect.poll(() => resyncs, { timeout: 20_000 }).toEqual(['full']);
    for (let cuts = 1; cuts <= 2; cuts++) {
      const before = load.commands;
      await expect.poll(() => load.commands).toBeGreaterThan(before + 50);
      await cutReplicas(primary);
      await expect.poll(() => resyncs.length, { timeout: 20_000 }).toBe(1 + cuts);
    }
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await holdStill(primary);
    const offset = await caughtUp(primary);
    await replica.detach();
    await following;
    expect(resyncs).toEqual(['full', 'partial', 'partial']);
    expect(log.written).toBe(offset);
    await log.close();
    await expectBootsEqual(primary, directory);
  });
});
