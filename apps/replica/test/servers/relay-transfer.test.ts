import { Server, seedDataSet, Wire } from '@forebay/conformance';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { loadOn, syncsOf } from '../primary.ts';
import { CutPlan, CuttingProxy } from '../torture/cutting-proxy.ts';
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

const MEGABYTES = 2;
const CUTS = 5;
/** Keys that a replica has of its own before it is one. */
const OLD = 10;
/** More than sockets hold. */
const LARGE = 16;

/** Loads straight from the socket, and so slowly that it is seen. */
const SLOW = { 'repl-diskless-load': 'swapdb', 'key-load-delay': '2000' };

/** A server with data of its own, that it is to lose only for all of another data set. */
async function strangerOf(
  installed: Parameters<typeof replicaOf>[0],
  config: Record<string, string>,
): Promise<Server> {
  const server = await Server.start(installed, { config });
  onTestFinished(() => server.stop());
  await seedDataSet(server.client, { megabytes: OLD / 64, prefix: 'old' });
  return server;
}

/** Looks at how many keys are served, time and again, until `ended`; returns all that was seen. */
async function sizesServed(server: Server, ended: () => boolean): Promise<Set<unknown>> {
  const seen = new Set<unknown>();
  const client = server.newClient();
  while (!ended()) {
    const size = await client.call('DBSIZE').catch((error: Error) => {
      // Who loads serves nothing at all.
      if (!error.message.startsWith('LOADING')) throw error;
    });
    if (size !== undefined) seen.add(size);
  }
  return seen;
}

/** Waits until who serves at `port` is sending a copy to a replica. */
async function expectInTransfer(port: number, replica: Server): Promise<void> {
  const wire = await Wire.connect(port);
  const line = `port=${replica.port},state=send_bulk`;
  await expect.poll(() => wire.askBulk('INFO', 'replication')).toContain(line);
  wire.close();
}

const LOADING = {
  'loads from its disk': { 'repl-diskless-load': 'disabled', 'key-load-delay': '300' },
  'loads from the socket': { 'repl-diskless-load': 'swapdb', 'key-load-delay': '300' },
};

describe.each(threeServers())('a replica of $name below us', (installed) => {
  it.each(Object.entries(LOADING))(
    'that %s and is cut off in the copy: serves its old data until it has all of the new',
    async (_, config) => {
      const { primary, port } = await chain(installed, {}, MEGABYTES);
      const random = randomFrom(runSeed());
      const plan = new CutPlan();
      plan.add(Array.from({ length: CUTS }, () => random.integer(0, MEGABYTES * 1024 ** 2)));
      await using proxy = await CuttingProxy.listen({ host: '127.0.0.1', port }, plan);
      const replica = await strangerOf(installed, config);
      let ended = false;
      const served = sizesServed(replica, () => ended);
      await replica.command('REPLICAOF', proxy.host, proxy.port);
      await plan.cut(CUTS);
      await expectEqual(primary, replica);
      ended = true;
      const whole = await primary.command('DBSIZE');
      expect([...(await served)], `FOREBAY_SEED=${random.seed}`).toEqual([OLD, whole]);
      // A primary before 7.0 is asked for a fresh base when the last one is some seconds old.
      if (installed.absoluteTimes) expect(await syncsOf(primary)).toMatchObject({ full: 1 });
    },
  );
});

describe.each(serversNamed('redis-6.0', 'valkey-9.1'))(
  'a replica of $name below us',
  (installed) => {
    it('that is killed in the copy is gone, and the others do not notice', async () => {
      const { primary, daemon, port } = await chain(installed, {}, LARGE);
      const other = await replicaOf(installed, port);
      await expectCaughtUp(primary, other);
      const slow = await strangerOf(installed, SLOW);
      await slow.command('REPLICAOF', '127.0.0.1', port);
      const load = loadOn(primary).start();
      await expectInTransfer(port, slow);
      await slow.kill();
      await daemon.prints(/replica .* is gone/);
      const after = await replicaOf(installed, port);
      const { commands } = load;
      await expect.poll(() => load.commands).toBeGreaterThan(commands + 100);
      await load.stop();
      for (const replica of [other, after]) await expectEqual(primary, replica);
      expect(fullResyncs(other)).toBe(1);
    });

    it('that we die under in the copy keeps its old data, and gets another copy', async () => {
      const { primary, directory, daemon, port } = await chain(installed, {}, LARGE);
      const replica = await strangerOf(installed, SLOW);
      let ended = false;
      const served = sizesServed(replica, () => ended);
      await replica.command('REPLICAOF', '127.0.0.1', port);
      await expectInTransfer(port, replica);
      await daemon.stop('SIGKILL');
      // Told while it loads, it would hear of it some seconds later.
      await expect.poll(async () => (await replica.info('persistence')).loading).toBe('0');
      expect(await replica.command('DBSIZE')).toBe(OLD);
      await replica.command('CONFIG', 'SET', 'key-load-delay', 0);
      Daemon.follow(primary, directory, '--port', String(port));
      await expectEqual(primary, replica);
      ended = true;
      expect([...(await served)]).toEqual([OLD, await primary.command('DBSIZE')]);
    });

    it('has the data of before while we get a copy of another primary, and die in it', async () => {
      const { primary, directory, daemon, port } = await chain(installed);
      const below = await replicaOf(installed, port);
      await expectCaughtUp(primary, below);
      const before = await primary.command('DBSIZE');
      await daemon.stop();
      const other = await Server.start(installed, {
        // It takes longer than a machine stalls: the first of the two is to be killed in it.
        config: { 'repl-diskless-sync': 'yes', 'rdb-key-save-delay': 200_000 },
      });
      onTestFinished(() => other.stop());
      await seedDataSet(other.client, { megabytes: 1, prefix: 'other' });
      let ended = false;
      const served = sizesServed(below, () => ended);
      const life = Daemon.follow(other, directory, '--port', String(port));
      await life.prints(/full copy,/);
      await life.stop('SIGKILL');
      await other.command('CONFIG', 'SET', 'rdb-key-save-delay', 0);
      const next = Daemon.follow(other, directory, '--port', String(port));
      await next.prints(/goes on at/);
      await next.prints(/full copy done/);
      await expectEqual(other, below);
      ended = true;
      expect([...(await served)]).toEqual([before, await other.command('DBSIZE')]);
      expect(fullResyncs(below)).toBe(2);
    });
  },
);

/** Answers time and again while it loads. */
const ATTENTIVE = { 'loading-process-events-interval-bytes': '16384' };

/** Since 7.0 a data set of the same history is loaded beside the old one, which is served meanwhile. */
describe.each(serversNamed('redis-7.0', 'valkey-9.1'))(
  'a replica of $name with repl-diskless-load swapdb',
  (installed) => {
    it('that is too far behind serves what it had while it loads our copy', async () => {
      const { primary, daemon, port } = await chain(installed);
      const below = await replicaOf(installed, port, { ...SLOW, ...ATTENTIVE });
      await expectCaughtUp(primary, below);
      const before = await primary.command('DBSIZE');
      await daemon.stop();
      await seedDataSet(primary.client, { megabytes: 1, prefix: 'more' });
      // It loads until it was seen to.
      await below.command('CONFIG', 'SET', 'key-load-delay', 50_000);
      // From an empty directory what it lacks is not to be had.
      const next = Daemon.follow(primary, await freshDirectory(), '--port', String(port));
      await next.prints(/gets a full copy: it asks for \d+, and what is held begins at/);
      expect(portOf(next)).toBe(port);
      const whileLoading = async () => {
        const look = below.client.multi().call('INFO', 'persistence').call('DBSIZE');
        const [info, size] = (await look.exec())!.map(([, reply]) => String(reply));
        return info?.includes('async_loading:1') ? size : 'not loading';
      };
      await expect.poll(whileLoading, { interval: 1 }).toBe(String(before));
      await below.command('CONFIG', 'SET', 'key-load-delay', 0);
      await expectEqual(primary, below);
    });
  },
);
