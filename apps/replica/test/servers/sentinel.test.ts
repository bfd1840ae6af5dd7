import { freePort, Server } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';
import { holdStill, loadOn, syncsOf, writeSome } from '../primary.ts';
import {
  chain,
  expectCaughtUp,
  expectEqual,
  fullResyncs,
  replicaOf,
  threeServers,
} from './chain.ts';
import { Sentinel } from './sentinel.ts';
import { SettingsFile } from './settings-file.ts';

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
    const seen = async () => {
      const replicas = await sentinel.replicas();
      return [replicas.get(port)?.['slave-priority'], replicas.get(other.port)?.['slave-priority']];
    };
    await expect.poll(seen, PATIENCE).toEqual(['0', '100']);
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
    const believed = async () => (await sentinel.replicas()).get(port)?.['master-link-status'];
    await expect.poll(believed, PATIENCE).toBe('ok');
    expect(sentinel.printed).not.toMatch(/-failover-abort/);
  });
});

it('whom a Sentinel names is in the file, and followed after a restart', BOUND, async () => {
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
  const known = async () => [...(await sentinel.replicas()).keys()].sort();
  await expect.poll(known, PATIENCE).toEqual([port, other.port].sort());
  await primary.kill();
  await expect.poll(() => sentinel.primary(), PATIENCE).toBe(other.port);
  await first.prints(new RegExp(`following 127\\.0\\.0\\.1:${other.port} from now on`));
  await expect.poll(() => file.read(), PATIENCE).toContain(`"127.0.0.1 ${other.port}"`);
  expect(await first.stop()).toBe(0);
  const second = start();
  await second.prints(new RegExp(`following 127\\.0\\.0\\.1:${other.port} into`));
  await second.prints(/partial resync/);
});
