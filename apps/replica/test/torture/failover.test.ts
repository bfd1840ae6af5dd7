import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { InstalledServer, Load } from '@forebay/conformance';
import { mixedLoad, Server, seedDataSet } from '@forebay/conformance';
import { runSeed } from '@forebay/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { holdStill, syncsOf } from '../primary.ts';
import { expectCopyEqual } from './equal.ts';
import { acknowledged, followed, followedUpToNow, reportOf } from './followed.ts';
import { BOUND, scaled, servers, tally } from './scale.ts';
import { signalDaemon } from './signals.ts';

/** Failovers a server, ahead of the promoted replica and behind it in turn; full: 20. */
const FAILOVERS = scaled(4, 20);
/** MiB that come while one of the two is frozen: more than sockets hold, which outlive the primary. */
const BURST = 24;

describe.each(servers)('$name', (installed) => {
  it(
    'a primary that dies is followed by its replica, whether that is behind us or ahead',
    async () => {
      let primary = await candidate(installed);
      let replica = await candidate(installed, { replicaof: primary });
      const directory = await freshDirectory();
      const both = [primary, replica].flatMap(({ host, port }) => addressOf(host, port));
      const daemon = Daemon.start(['replica', ...both, '--dir', directory]);
      await daemon.prints(/full copy done/);
      for (let failovers = 1; failovers <= FAILOVERS; failovers++) {
        const ahead = failovers % 2 === 1;
        const load = unflushedLoad(primary).start();
        await expect.poll(() => load.commands).toBeGreaterThan(200);
        const [rewound, resumed] = [count(daemon, /rewound/g), count(daemon, /partial resync/g)];
        const { full } = await syncsOf(replica);

        if (ahead) replica.freeze();
        else await signalDaemon(directory, 'SIGSTOP');
        await seedDataSet(primary.client, { megabytes: BURST, seed: failovers });
        if (ahead) await followedUpToNow(primary);
        else await caughtUpReplica(replica, primary);
        const stopped = load.stop();
        await primary.kill();
        tally('failover');
        await stopped;
        if (ahead) replica.thaw();
        await replica.command('REPLICAOF', 'NO', 'ONE');
        const after = unflushedLoad(replica).start();
        await expect.poll(() => after.commands).toBeGreaterThan(100);
        if (!ahead) await signalDaemon(directory, 'SIGCONT');

        await daemon.prints(/partial resync/, resumed + 1);
        // It meets what an earlier one has left: some of what it sends is refused.
        expect(await after.stop()).toMatchObject({ interrupted: 0 });
        await holdStill(replica);
        await followed(replica);
        expect(count(daemon, /rewound from/g), daemon.printed).toBe(rewound + (ahead ? 1 : 0));
        expect((await syncsOf(replica)).full, daemon.printed).toBe(full);
        await expectCopyEqual(replica, directory);

        const { port } = primary;
        [primary, replica] = [replica, await candidate(installed, { port, replicaof: replica })];
      }
      expect(count(daemon, /full copy,/g), daemon.printed).toBe(1);
      expect(await daemon.stop()).toBe(0);
    },
    BOUND,
  );

  it('given replicas alone, the primary that they name is followed', async () => {
    const primary = await candidate(installed);
    const replica = await candidate(installed, { replicaof: primary });
    const directory = await freshDirectory();
    const twice = [replica, replica].flatMap(({ host, port }) => addressOf(host, port));
    const daemon = Daemon.start(['replica', ...twice, '--dir', directory]);
    await daemon.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    await followed(primary);
    expect(await acknowledged(replica)).toBe(-1);
    expect((await syncsOf(replica)).full).toBe(0);
    expect(await daemon.stop()).toBe(0);
    await expectCopyEqual(primary, directory);
  });

  it('another address in --replicaof-file is moved to at SIGHUP, by a partial resync', async () => {
    const primary = await candidate(installed);
    const replica = await candidate(installed, { replicaof: primary });
    const directory = await freshDirectory();
    const file = join(dirname(directory), 'candidates');
    await writeFile(file, `${primary.host} ${primary.port}\n`);
    const daemon = Daemon.start(['replica', '--replicaof-file', file, '--dir', directory]);
    await daemon.prints(/full copy done/);
    const load = unflushedLoad(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(200);
    const before = await syncsOf(primary);

    for (const [moves, to] of [replica, primary, replica].entries()) {
      await writeFile(file, `# was moved\n${to.host} ${to.port}\n`);
      await signalDaemon(directory, 'SIGHUP');
      await daemon.prints(/partial resync/, moves + 1);
      await followedUpToNow(to);
    }
    await writeFile(file, 'nowhere\n');
    await signalDaemon(directory, 'SIGHUP');
    await daemon.prints(/the candidates stay as they are: /);

    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await holdStill(primary);
    await caughtUpReplica(replica, primary);
    await followed(replica);
    expect((await syncsOf(primary)).full).toBe(before.full);
    expect((await syncsOf(replica)).full).toBe(0);
    expect(await daemon.stop()).toBe(0);
    await expectCopyEqual(primary, directory);
  });
});

/** A server that may come to be the primary; with `replicaof` it is a replica, and up to date. */
async function candidate(
  installed: InstalledServer,
  { port, replicaof }: { port?: number; replicaof?: Server } = {},
): Promise<Server> {
  const server = await Server.start(installed, {
    config: {
      'repl-backlog-size': '64mb',
      ...(port === undefined ? {} : { port }),
      ...(replicaof === undefined ? {} : { replicaof: `${replicaof.host} ${replicaof.port}` }),
    },
  });
  onTestFinished(() => server.stop());
  if (replicaof !== undefined) {
    await expect.poll(async () => (await reportOf(server)).upstream?.up).toBe(true);
  }
  return server;
}

/**
 * A load without FLUSHDB: a Redis 8.0 that is promoted while it empties a database has emptied it and
 * does not count the command, so that nobody who follows it can know.
 */
function unflushedLoad(primary: Server): Load {
  const options = { seed: runSeed(), rate: 400, absoluteTimes: true, flushes: false };
  return mixedLoad(primary.client, options);
}

/** Waits until a replica, a real one, has all that its primary has now. */
async function caughtUpReplica(replica: Server, primary: Server): Promise<void> {
  const { offset = 0 } = await reportOf(primary);
  await expect.poll(async () => (await reportOf(replica)).offset).toBeGreaterThanOrEqual(offset);
}

function addressOf(host: string, port: number): string[] {
  return ['--replicaof', host, String(port)];
}

function count(daemon: Daemon, pattern: RegExp): number {
  return daemon.printed.match(pattern)?.length ?? 0;
}
