import { installedServers } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { loadOn, syncsOf } from '../primary.ts';
import { chain, expectCaughtUp, expectEqual, fullResyncs, replicaOf } from './chain.ts';

/** Who can load whose snapshots, and apply whose stream, though they are not of one version. */
const PAIRS = [
  ['redis-6.0', 'redis-7.0'],
  ['redis-6.0', 'valkey-8.1'],
  ['redis-7.0', 'redis-8.0'],
  ['redis-7.0', 'valkey-9.1'],
  ['valkey-8.0', 'redis-8.0'],
  ['valkey-8.1', 'valkey-9.1'],
] as const;

const installed = installedServers();
const pairs = PAIRS.flatMap(([above, below]) => {
  const [primary, replica] = [above, below].map((name) =>
    installed.find((each) => each.name === name),
  );
  return primary === undefined || replica === undefined ? [] : [{ above, below, primary, replica }];
});

describe.each(pairs)('$above above, $below below', ({ primary: upper, replica: lower }) => {
  it('a mixed load: equal at the same offset', async () => {
    const { primary, port } = await chain(upper);
    const replica = await replicaOf(lower, port);
    await expectCaughtUp(primary, replica);
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(600);
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await expectEqual(primary, replica);
    expect(fullResyncs(replica)).toBe(1);
    expect((await syncsOf(primary)).full).toBe(1);
  });
});
