import { describe, expect, it } from 'vitest';
import { syncsOf } from '../primary.ts';
import { signalDaemon } from '../torture/signals.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  serversNamed,
} from './chain.ts';

/** What became of the last FAILOVER that a primary was told. */
const NO_FAILOVER = { role: 'master', master_failover_state: 'no-failover' };

/** FAILOVER is of 6.2. */
describe.each(serversNamed('redis-7.0', 'redis-8.0', 'valkey-9.1'))(
  'FAILOVER of $name',
  (installed) => {
    it('to us is refused: the primary stays one, under another id, and nobody needs a copy', async () => {
      const { primary, daemon, port } = await chain(installed);
      const below = await replicaOf(installed, port);
      await expectCaughtUp(primary, below);
      const { master_replid } = await primary.info('replication');
      await primary.command('FAILOVER', 'TO', '127.0.0.1', port);
      await primary.waitForLog(/Failover target rejected psync request/);
      // It was our replica for a moment, and is promoted: that is how servers abort one that late.
      await daemon.prints(/under a new id/);
      expect(await primary.info('replication')).toMatchObject({
        ...NO_FAILOVER,
        master_replid2: master_replid,
      });
      await primary.command('SET', 'after', '1');
      await expectEqual(primary, below);
      expect(fullResyncs(below)).toBe(1);
      expect((await syncsOf(primary)).full).toBe(1);
    });

    it('that waits for us, called off or too late: nothing changes for anybody', async () => {
      const { primary, directory, daemon, port } = await chain(installed);
      const below = await replicaOf(installed, port);
      await expectCaughtUp(primary, below);
      const { master_replid } = await primary.info('replication');
      const state = async () => (await primary.info('replication')).master_failover_state;
      const to = ['TO', '127.0.0.1', port] as const;

      await signalDaemon(directory, 'SIGSTOP');
      await primary.command('SET', 'not acknowledged', '1');
      await primary.command('FAILOVER', ...to, 'TIMEOUT', 60_000);
      expect(await state()).toBe('waiting-for-sync');
      await primary.command('FAILOVER', 'ABORT');
      expect(await state()).toBe('no-failover');
      await primary.command('FAILOVER', ...to, 'TIMEOUT', 100);
      await expect.poll(state).toBe('no-failover');
      await primary.waitForLog(/Replica never caught up before timeout/);
      await signalDaemon(directory, 'SIGCONT');

      await primary.command('SET', 'after', '1');
      await expectEqual(primary, below);
      expect(await primary.info('replication')).toMatchObject({ ...NO_FAILOVER, master_replid });
      expect(await syncsOf(primary)).toEqual({ full: 1, partial: 0 });
      expect(fullResyncs(below)).toBe(1);
      expect(daemon.printed).not.toMatch(/trying again|is gone/);
    });

    it('to a replica that stands still, by time and by force: we go on at whoever is the primary', async () => {
      const { primary, daemon, port } = await chain(installed);
      const below = await replicaOf(installed, port);
      const other = await replicaOf(installed, primary.port);
      await expectCaughtUp(primary, below);
      await expectCaughtUp(primary, other);
      const to = ['TO', other.host, other.port] as const;
      other.freeze();
      await primary.command('SET', 'not acknowledged', '1');
      await primary.command('FAILOVER', ...to, 'TIMEOUT', 100);
      await primary.waitForLog(/Replica never caught up before timeout/);
      await primary.command('SET', 'after the first', '1');
      await expectCaughtUp(primary, below);
      // By force it goes through all the same, when the other can answer.
      await primary.command('SET', 'not acknowledged', '2');
      await primary.command('FAILOVER', ...to, 'TIMEOUT', 100, 'FORCE');
      await primary.waitForLog(/time out exceeded, failing over/);
      other.thaw();
      await expect.poll(async () => (await other.info('replication')).role).toBe('master');
      // The old primary is a replica of the new one by now, and we stay below it.
      await daemon.prints(/under a new id/);
      await other.command('SET', 'after', '1');
      await expectEqual(other, below);
    });
  },
);
