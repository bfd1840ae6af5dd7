import { freePort, installedServers, Server, Wire } from '@forebay/conformance';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';
import { holdStill, loadOn, syncsOf, writeSome } from '../primary.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  serversNamed,
  threeServers,
} from './chain.ts';
import { Sentinel } from './sentinel.ts';
import { SettingsFile } from './settings-file.ts';

const noServer = installedServers().length === 0;

/**
 * Milliseconds that a Sentinel needs, at the most, for what it does in seconds: after a stall of two it
 * decides nothing for thirty.
 */
const PATIENCE = { timeout: 90_000, interval: 100 };
const BOUND = { timeout: 240_000 };

describe.each(threeServers())('a Sentinel of $name', BOUND, (installed) => {
  it('promotes the real replica and retargets us, who go on without a full copy', async () => {
    const { primary, daemon, port } = await chain(installed, {}, 1);
    const other = await replicaOf(installed, primary.port, { 'repl-backlog-size': '64mb' });
    const below = await replicaOf(installed, port);
    await expectCaughtUp(primary, other);
    await expectCaughtUp(primary, below);
    const sentinel = await Sentinel.start(installed, primary);
    await expect.poll(() => sentinel.found, PATIENCE).toEqual([port, other.port].sort());
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(200);
    await load.stop();
    await holdStill(primary);
    await expectCaughtUp(primary, below);
    await expectCaughtUp(primary, other);
    const { full } = await syncsOf(other);
    await primary.kill();
    await expect.poll(() => sentinel.primary(), PATIENCE).toBe(other.port);
    await daemon.prints(new RegExp(`following 127\\.0\\.0\\.1:${other.port} from now on`));
    await daemon.prints(/under a new id/);
    await writeSome(other);
    await expectEqual(other, below);
    expect((await syncsOf(other)).full).toBe(full);
    expect(fullResyncs(below)).toBe(1);
    await setAnnounced(port);
    const listed = async () => (await sentinel.replicas()).get(port);
    await expect.poll(listed, PATIENCE).toMatchObject({
      'master-link-status': 'ok',
      'slave-priority': '0',
    });
    expect(sentinel.printed).not.toMatch(/-failover-abort/);
  });
});

// Before 6.2 a Sentinel lists every replica.
describe.each(serversNamed('redis-8.0', 'valkey-9.1'))(
  'a Sentinel of $name',
  BOUND,
  (installed) => {
    it('sends no client that reads from replicas to forebay', async () => {
      const { primary, port } = await chain(installed, {}, 1);
      const other = await replicaOf(installed, primary.port);
      await expectCaughtUp(primary, other);
      const sentinel = await Sentinel.start(installed, primary);
      await expect.poll(() => sentinel.found, PATIENCE).toEqual([port, other.port].sort());
      const listed = async () => [...(await sentinel.replicas()).keys()].sort();
      // A replica is listed until its INFO was read for the first time.
      await expect.poll(listed, PATIENCE).toEqual([other.port]);
      await primary.command('SET', 'key', 'value');
      await expectCaughtUp(primary, other);
      const reads = Array.from({ length: 20 }, () => readFromReplica(sentinel, 'key'));
      expect(await Promise.all(reads)).toEqual(Array.from({ length: 20 }, () => 'value'));
    });
  },
);

/** What a client reads that takes any replica that the Sentinel lists. */
async function readFromReplica({ port }: Sentinel, key: string): Promise<string | null> {
  const client = new Redis({
    sentinels: [{ host: '127.0.0.1', port }],
    ...{ name: 'watched', role: 'slave', protocol: 2 },
  });
  try {
    return await client.get(key);
  } finally {
    client.disconnect();
  }
}

async function setAnnounced(port: number): Promise<void> {
  const wire = await Wire.connect(port);
  expect(await wire.ask('CONFIG', 'SET', 'replica-announced', 'yes')).toBe('+OK');
  wire.close();
}

it.skipIf(noServer)(
  'whom a Sentinel names is in the file, and followed after a restart',
  BOUND,
  async () => {
    const [installed] = threeServers().slice(-1);
    const primary = await Server.start(installed!);
    onTestFinished(() => primary.stop());
    const other = await replicaOf(installed!, primary.port);
    const file = await SettingsFile.create();
    const [dir, port] = [await freshDirectory(), await freePort()];
    await file.write({ replicaof: `127.0.0.1 ${primary.port}`, dir, port });
    const start = () => Daemon.start(['replica', '--config', file.path], { env: PORT_OF_FILE });
    const first = start();
    await first.prints(/full copy done/);
    const sentinel = await Sentinel.start(installed!, primary);
    await expect.poll(() => sentinel.found, PATIENCE).toEqual([port, other.port].sort());
    await primary.kill();
    await expect.poll(() => sentinel.primary(), PATIENCE).toBe(other.port);
    await first.prints(new RegExp(`following 127\\.0\\.0\\.1:${other.port} from now on`));
    await expect.poll(() => file.read(), PATIENCE).toContain(`"127.0.0.1 ${other.port}"`);
    expect(await first.stop()).toBe(0);
    const second = start();
    await second.prints(new RegExp(`following 127\\.0\\.0\\.1:${other.port} into`));
    await second.prints(/partial resync/);
  },
);
