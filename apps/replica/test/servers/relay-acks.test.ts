import { describe, expect, it } from 'vitest';
import { caughtUp, loadOn, syncsOf } from '../primary.ts';
import { signalDaemon } from '../torture/signals.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  serversNamed,
} from './chain.ts';

/** Seconds that a replica may be silent where writes need one: longer than a machine stalls. */
const MAX_LAG = 8;

describe.each(serversNamed('redis-6.0', 'valkey-9.1'))('a primary of $name', (installed) => {
  it('that needs a replica to write has one in us, unless we stand still', async () => {
    const { primary, directory, port } = await chain(installed);
    const below = await replicaOf(installed, port);
    await expectCaughtUp(primary, below);
    await primary.command('CONFIG', 'SET', 'min-replicas-max-lag', MAX_LAG);
    await primary.command('CONFIG', 'SET', 'min-replicas-to-write', 1);
    const write = () => primary.command('SET', 'written', '1').catch(String);
    const { min_slaves_good_slaves } = await primary.info('replication');
    expect(min_slaves_good_slaves).toBe('1');
    const until = Date.now() + (MAX_LAG + 1) * 1000;
    const writtenAllTheTime = async () => {
      expect(await write()).toBe('OK');
      const { slave0 = '' } = await primary.info('replication');
      expect(Number(/lag=(\d+)/.exec(slave0)?.[1])).toBeLessThanOrEqual(MAX_LAG);
      return Date.now() > until;
    };
    await expect.poll(writtenAllTheTime).toBe(true);
    // A primary counts who is attached to it, and nobody below.
    await primary.command('CONFIG', 'SET', 'min-replicas-max-lag', 1);
    await signalDaemon(directory, 'SIGSTOP');
    await expect.poll(write).toMatch(/NOREPLICAS/);
    await signalDaemon(directory, 'SIGCONT');
    await expect.poll(write).toBe('OK');
    await primary.command('CONFIG', 'SET', 'min-replicas-to-write', 0);
    await expectEqual(primary, below);
    expect(fullResyncs(below)).toBe(1);
  });

  it('that waits for replicas counts us, at once, and nobody below us', async () => {
    const { primary, port } = await chain(installed);
    const below = await Promise.all([1, 2].map(() => replicaOf(installed, port)));
    for (const replica of below) await expectCaughtUp(primary, replica);
    const since = performance.now();
    for (let n = 0; n < 20; n++) {
      await primary.command('SET', 'awaited', n);
      expect(await primary.command('WAIT', 1, 10_000)).toBe(1);
    }
    // What is acknowledged once a second would take a second each.
    expect(performance.now() - since).toBeLessThan(10_000);
    await primary.command('SET', 'awaited', 'more');
    expect(await primary.command('WAIT', 1, 10_000)).toBe(1);
    expect(await primary.command('WAIT', 2, 300)).toBe(1);
    if (!installed.waitaof) return;
    await primary.command('SET', 'awaited', 'on a disk');
    expect(await primary.command('WAITAOF', 0, 1, 10_000)).toEqual([0, 1]);
  });
});

describe.each(serversNamed('redis-6.0', 'valkey-9.1'))(
  'a replica of $name below us',
  (installed) => {
    it('that runs a script without end, and one that sleeps, hold up nobody, and catch up', async () => {
      const { primary, port } = await chain(installed);
      const one = () => replicaOf(installed, port);
      const [busy, asleep, awake] = await Promise.all([one(), one(), one()]);
      const replicas = [busy, asleep, awake];
      for (const replica of replicas) await expectCaughtUp(primary, replica);
      await busy.command('CONFIG', 'SET', 'lua-time-limit', 50);
      const script = busy.newClient().call('EVAL', ['while true do end', '0']).catch(String);
      await expect.poll(() => busy.command('PING').catch(String)).toMatch(/BUSY/);
      const slept = asleep.command('DEBUG', 'SLEEP', 2);
      const load = loadOn(primary).start();
      await expect.poll(() => load.commands).toBeGreaterThan(300);
      await load.stop();
      // What is acknowledged is what is written here, whoever below has it.
      await caughtUp(primary);
      await expectEqual(primary, awake);
      expect(await busy.command('PING').catch(String)).toMatch(/BUSY/);
      await busy.command('SCRIPT', 'KILL');
      expect(await script).toMatch(/[Ss]cript killed/);
      await slept;
      for (const replica of replicas) {
        await expectEqual(primary, replica);
        expect(fullResyncs(replica)).toBe(1);
      }
    });
  },
);

/** Since 7.0 a primary that is to end waits until its replicas have all that it has. */
describe.each(serversNamed('redis-7.0', 'valkey-9.1'))(
  'SHUTDOWN of $name while we stand still',
  (installed) => {
    it('waits for us as long as it may, and is called off', async () => {
      const { primary, directory, daemon, port } = await chain(installed, {
        'shutdown-timeout': '60',
      });
      const below = await replicaOf(installed, port);
      await expectCaughtUp(primary, below);
      await signalDaemon(directory, 'SIGSTOP');
      await primary.command('SET', 'not acknowledged', '1');
      const refused = primary.newClient().call('SHUTDOWN', ['NOSAVE']).catch(String);
      await primary.waitForLog(/[Ww]aiting for replicas before shutting down/);
      await primary.newClient().call('SHUTDOWN', ['ABORT']);
      expect(await refused).toMatch(/Errors trying to SHUTDOWN/);
      await signalDaemon(directory, 'SIGCONT');
      await primary.command('SET', 'after', '1');
      await expectEqual(primary, below);
      expect(await syncsOf(primary)).toEqual({ full: 1, partial: 0 });
      expect(daemon.printed).not.toMatch(/trying again/);

      await signalDaemon(directory, 'SIGSTOP');
      await primary.command('CONFIG', 'SET', 'shutdown-timeout', 1);
      await primary.command('SET', 'not acknowledged', '2');
      await primary.command('SHUTDOWN', 'NOSAVE').catch(() => {});
      await expect.poll(() => primary.running).toBe(false);
      await primary.waitForLog(/[Ll]agging replica/);
      await signalDaemon(directory, 'SIGCONT');
      await daemon.prints(/trying again/);
      expect(await below.command('GET', 'after')).toBe('1');
    });
  },
);
