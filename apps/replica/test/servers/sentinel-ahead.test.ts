import type { Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { holdStill, loadOn, syncsOf, writeSome } from '../primary.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  serversNamed,
} from './chain.ts';
import { Sentinel } from './sentinel.ts';

/**
 * Milliseconds that a Sentinel needs, at the most, for what it does in seconds: after a stall of two it
 * decides nothing for thirty.
 */
const PATIENCE = { timeout: 90_000, interval: 100 };
const BOUND = { timeout: 240_000 };

describe.each(serversNamed('redis-7.0', 'redis-8.0', 'valkey-9.1'))(
  'a Sentinel of $name',
  BOUND,
  (installed) => {
    it('promotes a replica that is behind us: we step back to it, and take no full copy', async () => {
      const { primary, daemon, port } = await chain(installed, {}, 1);
      const other = await replicaOf(installed, primary.port, { 'repl-backlog-size': '64mb' });
      const below = await replicaOf(installed, port);
      const sentinel = await Sentinel.start(installed, primary);
      await expect.poll(() => sentinel.found, PATIENCE).toEqual([port, other.port].sort());
      const before = loadOn(primary).start();
      await expect.poll(() => before.commands).toBeGreaterThan(200);
      await before.stop();
      await expectCaughtUp(primary, other);
      // What the primary says from here on its replica does not hear, and we do.
      await cutOff(primary, other);
      const ahead = loadOn(primary).start();
      await expect.poll(() => ahead.commands).toBeGreaterThan(200);
      await ahead.stop();
      await holdStill(primary);
      await expectCaughtUp(primary, below);
      const offsetOf = async (server: Server) =>
        Number((await server.info('replication')).master_repl_offset);
      const lacking = (await offsetOf(primary)) - (await offsetOf(other));
      expect(lacking).toBeGreaterThan(1000);
      const { full } = await syncsOf(other);

      await primary.kill();
      await expect.poll(() => sentinel.primary(), PATIENCE).toBe(other.port);
      await daemon.prints(/rewound from \w+:\d+ to \w+:\d+: .* that the new primary never had/);
      await daemon.prints(/under a new id/);
      await writeSome(other);
      // Who replicates from us held what is no more, and gets what is from our disk; the primary is asked for nothing.
      await expectEqual(other, below);
      expect((await syncsOf(other)).full).toBe(full);
      expect(daemon.printed.match(/full copy done/g)).toHaveLength(1);
      expect(fullResyncs(below)).toBe(2);
    });
  },
);

/** Has a replica lose its link, and find nobody there when it asks again. */
async function cutOff(primary: Server, replica: Server): Promise<void> {
  await replica.command('CONFIG', 'SET', 'masterauth', 'no-password-of-its');
  const { master_link_status } = await replica.info('replication');
  expect(master_link_status).toBe('up');
  await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
}
