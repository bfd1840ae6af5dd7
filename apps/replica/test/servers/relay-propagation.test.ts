import { installedServers, mixedLoad } from '@forebay/conformance';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { syncsOf } from '../primary.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  threeServers,
} from './chain.ts';
import { allEffectsOn, blockedClientsOn } from './effects.ts';
import { expectSameStream, RawReplica } from './raw-replica.ts';

/** Bytes that `allEffectsOn` is more than. */
const MUCH = 8 * 1024 * 1024;

describe.each(installedServers())('$name above and below', (installed) => {
  it('each kind of effect arrives as the primary sends it, byte for byte, and has the same effect', async () => {
    const { primary, port } = await chain(installed);
    const replica = await replicaOf(installed, port);
    const below = await RawReplica.attach(port);
    const above = await RawReplica.attach(primary.port);
    await allEffectsOn(primary);
    const stream = await expectSameStream(primary, above, below);
    expect(stream.length).toBeGreaterThan(MUCH);
    // By which of the two a key goes is a matter of configuration, and of its default.
    for (const key of ['lazy', 'active']) {
      expect(stream).toMatch(new RegExp(`\r\n(DEL|UNLINK)\r\n\\$\\d+\r\n${key}\r\n`, 'i'));
    }
    await expectEqual(primary, replica);
    expect(fullResyncs(replica)).toBe(1);
  });
});

describe.each(threeServers())('$name above and below', (installed) => {
  it('several writers in several databases, blocked clients among them, and all flushed once: equal', async () => {
    const { primary, port } = await chain(installed);
    const replica = await replicaOf(installed, port);
    await expectCaughtUp(primary, replica);
    const below = await RawReplica.attach(port);
    const above = await RawReplica.attach(primary.port);
    const { full } = await syncsOf(primary);
    const seed = runSeed();
    const options = { rate: 300, absoluteTimes: true, largeBytes: 100_000 };
    const loads = [0, 1, 2].map((n) =>
      mixedLoad(primary.client, { ...options, seed: seed + n }).start(),
    );
    await blockedClientsOn(primary, randomFrom(seed));
    await primary.command('FLUSHALL', 'ASYNC');
    await blockedClientsOn(primary, randomFrom(seed + 1));
    for (const load of loads) await expect.poll(() => load.commands).toBeGreaterThan(100);
    for (const load of loads) await load.stop();
    await expectSameStream(primary, above, below);
    await expectEqual(primary, replica);
    expect(fullResyncs(replica), `FOREBAY_SEED=${seed}`).toBe(1);
    expect((await syncsOf(primary)).full).toBe(full);
  });
});
