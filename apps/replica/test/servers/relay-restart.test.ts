import type { InstalledServer } from '@forebay/conformance';
import { freePort, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, loadOn, syncsOf } from '../primary.ts';
import {
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  portOf,
  replicaOf,
  serversNamed,
  threeServers,
} from './chain.ts';
import { DaemonNode } from './nodes.ts';

/** Keys that are past their time when the primary is started again. */
const EXPIRING = 500;

/** A server that can be started again from what it has saved, at the same address. */
class Restartable {
  readonly #installed: InstalledServer;
  readonly #directory: string;
  readonly #config: Record<string, string | number>;
  server!: Server;

  constructor(
    installed: InstalledServer,
    directory: string,
    config: Record<string, string | number>,
  ) {
    this.#installed = installed;
    this.#directory = directory;
    this.#config = config;
    onTestFinished(() => this.server.stop());
  }

  async start(): Promise<Server> {
    this.server = await Server.start(this.#installed, {
      directory: this.#directory,
      config: this.#config,
    });
    return this.server;
  }

  /** Ends it as an operator does, with everything saved. */
  async shutDown(): Promise<void> {
    await this.server.command('SHUTDOWN', 'SAVE').catch(() => {});
    await expect.poll(() => this.server.running).toBe(false);
  }
}

async function restartable(installed: InstalledServer, config: Record<string, string> = {}) {
  const directory = await freshDirectory();
  const port = await freePort();
  // The load has values of a megabyte, and a link may be away for a while.
  const still = { 'repl-ping-replica-period': 3600, 'repl-backlog-size': '64mb' };
  const options = { port, ...still, ...config };
  const own = new Restartable(installed, directory, options);
  await own.start();
  return own;
}

/** A primary that can be started again, a daemon, and a replica below it. */
async function chainOf(installed: InstalledServer, config: Record<string, string> = {}) {
  const upper = await restartable(installed, config);
  await seedDataSet(upper.server.client, { megabytes: 1 });
  const daemon = Daemon.follow(upper.server, await freshDirectory(), '--port', 'any');
  await daemon.prints(/full copy done/);
  const below = await replicaOf(installed, portOf(daemon));
  const load = loadOn(upper.server).start();
  await expect.poll(() => load.commands).toBeGreaterThan(200);
  await load.stop();
  await expectCaughtUp(upper.server, below);
  return { upper, daemon, below };
}

/** Keys that nobody deletes before they are past their time. */
async function leaveExpiring(primary: Server, count: number): Promise<void> {
  await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
  const at = Date.now() + 1000;
  for (let n = 0; n < count; n++) {
    await primary.command('SET', `expiring:${n}`, 'value', 'PX', Math.max(1, at - Date.now()));
  }
  await expect.poll(() => Date.now()).toBeGreaterThan(at);
}

const keepsItsId = threeServers().filter(({ absoluteTimes }) => absoluteTimes);

describe.each(keepsItsId)(
  'a primary of $name that was shut down and started again',
  (installed) => {
    it('has its id of before as second one: we and the replica below go on partially', async () => {
      const { upper, daemon, below } = await chainOf(installed);
      await leaveExpiring(upper.server, EXPIRING);
      await caughtUp(upper.server);
      const { master_replid } = await upper.server.info('replication');
      await upper.shutDown();
      const again = await upper.start();
      expect((await again.info('replication')).master_replid2).toBe(master_replid);
      await daemon.prints(/under a new id/);
      await again.command('SET', 'after', '1');
      // What expired while nobody was there comes as DELs, before anything that is new.
      await expectEqual(again, below);
      expect(await again.command('DBSIZE')).toBe(await below.command('DBSIZE'));
      expect(await syncsOf(again)).toEqual({ full: 0, partial: 1 });
      expect(fullResyncs(below)).toBe(1);
    });
  },
);

describe.each(keepsItsId.slice(-1))('a primary of $name with a small backlog', (installed) => {
  it('in which more expired than that holds costs one full copy, and the replica below one of ours', async () => {
    const { upper, daemon, below } = await chainOf(installed, { 'repl-backlog-size': '16kb' });
    await leaveExpiring(upper.server, 4 * EXPIRING);
    await caughtUp(upper.server);
    await upper.shutDown();
    const again = await upper.start();
    await daemon.prints(/full copy done/, 2);
    await expectEqual(again, below);
    expect(await syncsOf(again)).toMatchObject({ full: 1 });
    expect(fullResyncs(below)).toBe(2);
  });
});

describe.each(threeServers().slice(0, 1))(
  'a primary of $name that was started again',
  (installed) => {
    // Before 7.0 a primary does not take its id from its RDB.
    it('has another id: one full copy for us, and one from us for the replica below', async () => {
      const { upper, daemon, below } = await chainOf(installed);
      await caughtUp(upper.server);
      await upper.shutDown();
      const again = await upper.start();
      await daemon.prints(/full copy done/, 2);
      await again.command('SET', 'after', '1');
      await expectEqual(again, below);
      expect((await syncsOf(again)).full).toBeLessThanOrEqual(2);
      expect(fullResyncs(below)).toBe(2);
    });
  },
);

describe.each(serversNamed('redis-6.0', 'valkey-9.1'))(
  'a replica of $name below us',
  (installed) => {
    it('that was shut down and started again goes on partially by what is in its RDB', async () => {
      const { upper, daemon } = await chainOf(installed);
      const lower = await restartable(installed, { replicaof: `127.0.0.1 ${portOf(daemon)}` });
      await expectCaughtUp(upper.server, lower.server);
      await lower.shutDown();
      await seedDataSet(upper.server.client, { megabytes: 2, seed: 2 });
      const again = await lower.start();
      await expectEqual(upper.server, again);
      expect(fullResyncs(again)).toBe(0);
      expect(again.log()).toMatch(/Successful partial resynchronization/);
    });

    it('stays connected while our link above is cut and goes on under the same id', async () => {
      const { upper, daemon, below } = await chainOf(installed, {
        'repl-ping-replica-period': '1',
      });
      const load = loadOn(upper.server).start();
      for (let cuts = 1; cuts <= 3; cuts++) {
        const cut = () => upper.server.command('CLIENT', 'KILL', 'TYPE', 'replica');
        await expect.poll(cut).toBe(1);
        await daemon.prints(/partial resync/, cuts);
      }
      await load.stop();
      await expectEqual(upper.server, below);
      expect(below.log()).not.toMatch(
        /[Cc]onnection (with|to) (master|primary|MASTER|PRIMARY).*lost/,
      );
      expect(daemon.printed).not.toMatch(/replica .* (goes on at|is gone)/);
    });

    it('promoted without the PINGs that we have already: we step back, and go on at it', async () => {
      const upper = await restartable(installed, { 'repl-ping-replica-period': '1' });
      const daemon = await DaemonNode.start(upper.server.port);
      const below = await replicaOf(installed, daemon.port);
      const other = await replicaOf(installed, daemon.port);
      await expectCaughtUp(upper.server, below);
      await expectCaughtUp(upper.server, other);
      // Nothing of what comes meanwhile is read before the promotion.
      await below.client.multi().call('DEBUG', 'SLEEP', '5').call('REPLICAOF', 'NO', 'ONE').exec();
      await daemon.follow(below.port);
      await daemon.daemon.prints(/rewound from/);
      await daemon.daemon.prints(/under a new id/);
      await below.command('SET', 'after', '1');
      await upper.server.command('REPLICAOF', '127.0.0.1', daemon.port);
      // Who cannot step back gets a copy from us: the primary of before too, as below a server.
      for (const server of [other, upper.server]) {
        await expectEqual(below, server);
        expect(server.log()).toMatch(/Full resync from/);
      }
      expect(await syncsOf(below)).toMatchObject({ full: 0 });
    });
  },
);
