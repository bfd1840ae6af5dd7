import { installedServer, installedServers, type Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { ask, HTTP, urlOf } from '../http/http.ts';
import { chain, expectCaughtUp, expectEqual, fullResyncs, replicaOf } from './chain.ts';

const noServer = installedServers().length === 0;

/** Milliseconds that a replica needs, at the most, to fail a full resync for the fourth time. */
const PATIENCE = { timeout: 60_000 };

/** What a replica prints for each full resync that it was sent and cannot load. */
function refusals(replica: Server): number {
  return replica.log().match(/Can't handle RDB format version/g)?.length ?? 0;
}

describe.skipIf(noServer).each([
  [
    ...(['valkey-9.1', 'valkey-8.1'] as const),
    /the base is VALKEY RDB 80, loaded by Valkey 9\.0 and later; the replica announces version 8\.1\.\d+; with --announce-version 8\.1\.0 a primary of Valkey 9\.1 sends forebay an older RDB version$/m,
  ],
  [
    ...(['redis-8.0', 'redis-7.0'] as const),
    /the base is REDIS RDB 12, loaded by Redis 7\.4 and later; the replica announces no version; see the log of the replica$/m,
  ],
])('%s → forebay → %s', { timeout: 120_000 }, (above, below, reason) => {
  it('delays full resyncs that are not loaded more and more, and logs the reason', async () => {
    const { daemon, port } = await chain(installedServer(above), {}, 1, HTTP);
    const replica = await replicaOf(installedServer(below), port);
    const began = performance.now();
    await daemon.prints(/has not loaded 4 full resyncs in a row; the next starts in/);
    // After the first at once, then after 1, 2 and 4 seconds: that the fourth failed takes 3.
    expect(performance.now() - began).toBeGreaterThan(2500);
    expect(fullResyncs(replica)).toBeLessThanOrEqual(5);
    expect(refusals(replica)).toBeLessThanOrEqual(5);
    expect(daemon.printed).toMatch(reason);
    const { text } = await ask(await urlOf(daemon), '/metrics');
    expect(text).toMatch(/^forebay_replica_failed_resyncs_total [4-9]$/m);
  });
});

it.skipIf(noServer)(
  'valkey-9.1 → forebay --announce-version 8.1.0 → valkey-8.1 have equal data sets',
  async () => {
    const { primary, port } = await chain(installedServer('valkey-9.1'), {}, 1, [
      ...['--announce-version', '8.1.0'],
    ]);
    const replica = await replicaOf(installedServer('valkey-8.1'), port);
    await expect.poll(() => fullResyncs(replica), PATIENCE).toBe(1);
    await expectCaughtUp(primary, replica);
    await expectEqual(primary, replica);
  },
);
