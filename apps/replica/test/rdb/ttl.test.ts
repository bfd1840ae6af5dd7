import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstalledServer } from '@forebay/conformance';
import { compareDataSets, installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../daemon.ts';
import { fillEveryType, saved } from './data-set.ts';
import { forebay, pipeInto } from './run.ts';

const NAMES = ['redis-6.0', 'redis-8.0', 'valkey-9.1'];
const HOUR = 3_600_000;
/** Milliseconds that what is to expire lives. */
const LIFE = 3000;

/** A server that has loaded a snapshot. */
async function loaded(installed: InstalledServer, rdb: Uint8Array): Promise<Server> {
  const directory = join(await freshDirectory(), 'loaded');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'dump.rdb'), rdb);
  return Server.start(installed, { directory, removeDirectory: true });
}

/** No key expires, and no field does. */
async function persist(server: Server): Promise<void> {
  for (const database of [0, 1, 2, 3, 4, 5, 6, 7, 9, 15]) {
    await server.client.select(database);
    for (const key of (await server.client.keysBuffer('*')) as Buffer[]) {
      await server.client.persist(key);
      const isHash = server.installed.fieldTtl && (await server.client.type(key)) === 'hash';
      if (!isHash) continue;
      const fields = (await server.client.hkeysBuffer(key)) as Buffer[];
      await server.client.call('HPERSIST', key, 'FIELDS', fields.length, ...fields);
    }
  }
  await server.client.select(0);
}

describe.each(installedServers().filter(({ name }) => NAMES.includes(name)))(
  'a snapshot of $name with keys and fields that have expired since',
  (installed) => {
    it('keeps expired keys with --ttl drop and --ttl shift, as a snapshot and as commands', async () => {
      await using source = await Server.start(installed);
      await fillEveryType(source);
      await source.command('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
      await source.command('SET', 'short', 'v', 'PX', LIFE);
      if (installed.fieldTtl) {
        await source.command('HSET', 'short hash', 'f', 'v', 'g', 'w');
        await source.command('HPEXPIRE', 'short hash', LIFE, 'FIELDS', 1, 'f');
      }
      const made = Date.now();
      const rdb = await saved(source);
      await persist(source);
      await expect.poll(() => Date.now()).toBeGreaterThan(made + LIFE + 100);
      const run = async (name: string, ...flags: string[]) => {
        const { code, stdout, stderr } = await forebay(['rdb', name, '-', ...flags], rdb);
        expect(code, stderr).toBe(0);
        return stdout;
      };

      await using kept = await loaded(installed, await run('filter', '--ttl', 'keep'));
      expect(await kept.command('EXISTS', 'short')).toBe(0);
      await using dropped = await loaded(installed, await run('filter', '--ttl', 'drop'));
      expect(await compareDataSets(source.client, dropped.client)).toEqual([]);
      for (const flags of [[], ['--plain']]) {
        await using piped = await Server.start(installed);
        const commands = await run('resp', '--ttl', 'drop', ...flags);
        expect(await pipeInto(piped, commands)).toMatch(/errors: 0,/);
        expect(await compareDataSets(source.client, piped.client)).toEqual([]);
      }

      // An hour was left then, as far as the flag says.
      const flags = ['--ttl', 'shift', '--moment', new Date(made - HOUR).toISOString()];
      await using shifted = await loaded(installed, await run('filter', ...flags));
      await using piped = await Server.start(installed);
      await pipeInto(piped, await run('resp', ...flags));
      for (const server of [shifted, piped]) {
        const lives = [await server.command('PTTL', 'short')];
        if (installed.fieldTtl) {
          const answer = await server.command('HPTTL', 'short hash', 'FIELDS', 2, 'f', 'g');
          const [f, g] = answer as number[];
          expect(g).toBe(-1);
          lives.push(f!);
        }
        for (const life of lives) {
          expect(life).toBeGreaterThan(HOUR / 2);
          expect(life).toBeLessThanOrEqual(HOUR + LIFE);
        }
      }
    });
  },
);

describe('--ttl of rdb filter and rdb resp', () => {
  const TIMELESS = Buffer.from(
    'REDIS0006\xfc\x00\x00\x00\x00\x00\x00\x01\x00\x00\x01k\x01v',
    'latin1',
  );
  const WITHOUT = Buffer.concat([TIMELESS, Buffer.from([0xff]), Buffer.alloc(8)]);

  it.each([
    [
      'shift without a time that the snapshot says',
      ['--ttl', 'shift'],
      /does not say when .*--moment/,
    ],
    ['--moment alone', ['--moment', '-5m'], /--moment needs --ttl drop or --ttl shift/],
    [
      'a --moment that is a position',
      ['--ttl', 'drop', '--moment', `${'a'.repeat(40)}:5`],
      /Give a/,
    ],
    [
      'a --moment that is a number',
      ['--ttl', 'drop', '--moment', '1700000000'],
      /A number alone is ambiguous/,
    ],
  ])('refuses %s with 64', async (_, flags, says) => {
    for (const name of ['filter', 'resp']) {
      const { code, stderr } = await forebay(['rdb', name, '-', ...flags], WITHOUT);
      expect([name, code]).toEqual([name, 64]);
      expect(stderr).toMatch(says);
    }
  });

  it('chooses keys by the new times, where both are asked for', async () => {
    const flags = ['--ttl', 'drop', '--moment', '2020-01-01', '--ttl', 'none'];
    const { code, stderr } = await forebay(['rdb', 'filter', '-', ...flags], WITHOUT);
    expect(code).toBe(0);
    expect(stderr).toMatch(/kept 1 of 1 keys/);
  });
});
