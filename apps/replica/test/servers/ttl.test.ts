import type { InstalledServer } from '@forebay/conformance';
import { installedServers, Server } from '@forebay/conformance';
import { expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp } from '../primary.ts';
import { bootRestored } from './restored.ts';

/** Milliseconds that keys and fields live: what is restored has to be booted and asked in less. */
const LIFE = 15_000;
/** Those whose hashes have fields that expire. */
const WITH_FIELDS = ['redis-8.0', 'valkey-9.1'];
const NAMES = ['redis-6.0', 'redis-7.0', ...WITH_FIELDS];

/** What is written in the base and in the stream: keys, and hashes of one field, which end in LIFE. */
async function write(primary: Server, prefix: string): Promise<void> {
  await primary.command('SET', `${prefix}:set`, 'v', 'PX', LIFE);
  await primary.command('SET', `${prefix}:long`, 'x'.repeat(100_000), 'EX', LIFE / 1000);
  await primary.command('RPUSH', `${prefix}:list`, 'v');
  await primary.command('PEXPIREAT', `${prefix}:list`, Date.now() + LIFE);
  await primary.command('SET', `${prefix}:ever`, 'v');
  const payload = (await primary.commandBuffer('DUMP', `${prefix}:list`)) as Buffer;
  await primary.command('RESTORE', `${prefix}:restored`, LIFE, payload);
  await primary.command('SET', `${prefix}:gone`, 'v', 'PX', 1);
  if (!WITH_FIELDS.includes(primary.installed.name)) return;
  await primary.command('HSETEX', `${prefix}:hsetex`, 'PX', LIFE, 'FIELDS', 1, 'f', 'v');
  for (const field of ['f', ...(prefix === 'base' ? ['x'.repeat(100)] : [])]) {
    await primary.command('HSET', `${prefix}:hash`, field, 'v');
    await primary.command('HPEXPIRE', `${prefix}:hash`, LIFE, 'FIELDS', 1, field);
  }
  const hash = (await primary.commandBuffer('DUMP', `${prefix}:hash`)) as Buffer;
  await primary.command('RESTORE', `${prefix}:rehashed`, 0, hash);
}

/** Milliseconds to live of each key, and of the field `f` of each hash. */
async function livesOf(server: Server): Promise<Record<string, number>> {
  const lives: Record<string, number> = {};
  for (const key of ((await server.command('KEYS', '*')) as string[]).sort()) {
    const isHash = (await server.command('TYPE', key)) === 'hash';
    const life = isHash
      ? ((await server.command('HPTTL', key, 'FIELDS', 1, 'f')) as number[])[0]
      : await server.command('PTTL', key);
    // What has expired is listed until it is asked for.
    if (Number(life) !== -2) lives[key] = Number(life);
  }
  return lives;
}

async function check(installed: InstalledServer): Promise<void> {
  await using primary = await Server.start(installed);
  await write(primary, 'base');
  const directory = await freshDirectory();
  await using daemon = Daemon.follow(primary, directory);
  await daemon.prints(/full copy done/);
  await write(primary, 'stream');
  const end = Date.now() + LIFE;
  await expect.poll(() => primary.command('EXISTS', 'base:gone', 'stream:gone')).toBe(0);
  const { master_replid } = await primary.info('replication');
  const at = `${master_replid}:${await caughtUp(primary)}`;
  const all = Object.keys(await livesOf(primary));
  expect(all.length, installed.name).toBe(WITH_FIELDS.includes(installed.name) ? 16 : 10);

  await expect.poll(() => Date.now(), { timeout: 2 * LIFE }).toBeGreaterThan(end + 100);
  const ever = { 'base:ever': -1, 'stream:ever': -1 };
  const restored = async (...flags: string[]) => {
    await using server = await bootRestored(installed, directory, '--at', at, ...flags);
    return await livesOf(server);
  };
  expect(await restored(), installed.name).toEqual(ever);
  const dropped = await restored('--ttl', 'drop');
  expect(dropped, installed.name).toEqual(Object.fromEntries(all.map((key) => [key, -1])));
  const { 'base:ever': base, 'stream:ever': stream, ...lives } = await restored('--ttl', 'shift');
  expect([base, stream], installed.name).toEqual([-1, -1]);
  expect(Object.keys(lives).length, installed.name).toBe(all.length - 2);
  for (const [key, life] of Object.entries(lives)) {
    expect(life, `${installed.name}, ${key}`).toBeGreaterThan(0);
    expect(life, `${installed.name}, ${key}`).toBeLessThanOrEqual(LIFE);
  }
  expect(await daemon.stop()).toBe(0);
}

it('keys and fields that expired since the restored time are kept by --ttl drop and --ttl shift, and lost without', async () => {
  const servers = installedServers().filter(({ name }) => NAMES.includes(name));
  // Most of the time is waited for.
  await Promise.all(servers.map(check));
}, 180_000);
