import { describe, expect, it } from 'vitest';
import { loadOn, syncsOf } from '../primary.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  threeServers,
} from './chain.ts';
import { Sentinel } from './sentinel.ts';

/** Milliseconds that a Sentinel needs, at the most, for what it does in seconds. */
const PATIENCE = { timeout: 50_000, interval: 100 };

describe.each(threeServers())('a Sentinel of $name', (installed) => {
  it('promotes the real replica and retargets us, who go on without a full copy', async () => {
    const { primary, daemon, port } = await chain(installed, {}, 1);
    const other = await replicaOf(installed, primary.port, { 'repl-backlog-size': '64mb' });
    const below = await replicaOf(installed, port);
    await expectCaughtUp(primary, other);
    await expectCaughtUp(primary, below);
    const sentinel = await Sentinel.start(installed, primary);
    const seen = async () => {
      const replicas = await sentinel.replicas();
      return [replicas.get(port)?.['slave-priority'], replicas.get(other.port)?.['slave-priority']];
    };
    await expect.poll(seen, PATIENCE).toEqual(['0', '100']);
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(200);
    await load.stop();
    await expectCaughtUp(primary, below);
    await expectCaughtUp(primary, other);
    const { full } = await syncsOf(other);
    await primary.kill();
    await expect.poll(() => sentinel.primary(), PATIENCE).toBe(other.port);
    await daemon.prints(new RegExp(`following 127\\.0\\.0\\.1:${other.port} from now on`));
    await daemon.prints(/under a new id/);
    const after = loadOn(other).start();
    await expect.poll(() => after.commands).toBeGreaterThan(200);
    await after.stop();
    await expectEqual(other, below);
    expect((await syncsOf(other)).full).toBe(full);
    expect(fullResyncs(below)).toBe(1);
    const believed = async () => (await sentinel.replicas()).get(port)?.['master-link-status'];
    await expect.poll(believed, PATIENCE).toBe('ok');
    expect(sentinel.printed).not.toMatch(/-failover-abort/);
  });
});
