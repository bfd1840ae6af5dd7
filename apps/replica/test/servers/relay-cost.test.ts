import { describe, expect, it } from 'vitest';
import { loadOn } from '../primary.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  serversNamed,
} from './chain.ts';

const REPLICAS = 10;

/** `total_net_repl_output_bytes` is of 7.0. */
describe.each(serversNamed('redis-7.0', 'valkey-9.1'))('a primary of $name', (installed) => {
  it('sends each byte of its stream once, and nothing else, with ten replicas below us', async () => {
    const { primary, daemon, port } = await chain(installed);
    const first = await replicaOf(installed, port);
    await expectCaughtUp(primary, first);
    const costs = async () => {
      const info = await primary.info();
      const { sync_full, sync_partial_ok, connected_slaves } = info;
      const beyond = Number(info.total_net_repl_output_bytes) - Number(info.master_repl_offset);
      return { sync_full, sync_partial_ok, connected_slaves, beyond };
    };
    // What was sent beside the stream is one full copy, whoever comes later.
    const before = await costs();
    expect(before).toMatchObject({ sync_full: '1', sync_partial_ok: '0', connected_slaves: '1' });
    const load = loadOn(primary).start();
    const more = () =>
      Promise.all(Array.from({ length: REPLICAS - 1 }, () => replicaOf(installed, port)));
    const replicas = [first, ...(await more())];
    for (const replica of replicas) {
      const link = async () => (await replica.info('replication')).master_link_status;
      await expect.poll(link).toBe('up');
      await replica.command('CLIENT', 'KILL', 'TYPE', 'master');
    }
    await daemon.prints(/goes on at/, REPLICAS);
    const { commands } = load;
    await expect.poll(() => load.commands).toBeGreaterThan(commands + 100);
    await load.stop();
    for (const replica of replicas) await expectEqual(primary, replica);
    await expect.poll(costs).toEqual(before);
    for (const replica of replicas) expect(fullResyncs(replica)).toBe(1);
  });
});
