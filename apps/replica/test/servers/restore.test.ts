import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstalledServer, Load } from '@forebay/conformance';
import {
  compareDataSets,
  installedServers,
  mixedLoad,
  Server,
  seedDataSet,
} from '@forebay/conformance';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, holdStill } from '../primary.ts';
import { bootRestored, temporary } from './restored.ts';

/** How many moments are gone back to, each by position and by time. */
const MOMENTS = Number(process.env.FOREBAY_RESTORE_MOMENTS ?? 12);
const NAMES = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-9.1'];
/** Milliseconds by which a time of the index may be late: what comes within them is one span. */
const SPAN_TIME = 300;

/** What a primary was when its load stood still: a snapshot of its own, its place, and the time. */
interface Moment {
  readonly snapshot: string;
  readonly position: string;
  readonly time: number;
}

describe.each(installedServers().filter(({ name }) => NAMES.includes(name)))(
  '$name',
  (installed) => {
    it('boots from what is restored as it was at any moment, while it is followed', async () => {
      const random = randomFrom(runSeed());
      await using primary = await Server.start(installed);
      await seedDataSet(primary.client, { megabytes: 2 });
      const directory = await freshDirectory();
      await using daemon = Daemon.follow(primary, directory);
      await daemon.prints(/full copy done/);
      // A primary before 7.0 sends relative times as they were typed.
      const load = mixedLoad(primary.client, { seed: random.seed, rate: 800, largeBytes: 100_000 });
      const moments: Moment[] = [];
      for (let i = 0; i < MOMENTS; i++) {
        const until = load.commands + random.integer(20, 400);
        load.start();
        await expect.poll(() => load.commands).toBeGreaterThan(until);
        moments.push(await momentOf(primary, load));
      }

      load.start();
      const where = `FOREBAY_SEED=${random.seed}`;
      for (const [i, moment] of moments.entries()) {
        await using then = await bootSnapshot(installed, moment.snapshot);
        for (const at of [moment.position, new Date(moment.time).toISOString()]) {
          await using restored = await bootRestored(installed, directory, '--at', at);
          const names = { names: ['then', 'restored'] as const };
          const differences = await compareDataSets(then.client, restored.client, names);
          expect(differences, `moment ${i}, ${at}, ${where}`).toEqual([]);
        }
      }
      // Anywhere: what is left is whole commands and transactions, or a server would not boot.
      const [[id, low], [, high]] = [moments[0]!, moments.at(-1)!].map((each) =>
        each.position.split(':'),
      ) as [string[], string[]];
      for (let i = 0; i < MOMENTS / 4; i++) {
        const at = `${id}:${random.integer(Number(low), Number(high))}`;
        await using restored = await bootRestored(installed, directory, '--at', at);
        expect(await restored.command('PING')).toBe('PONG');
      }

      expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
      await holdStill(primary);
      await caughtUp(primary);
      await using last = await bootRestored(installed, directory);
      await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
      expect(await compareDataSets(primary.client, last.client), where).toEqual([]);
      expect(await daemon.stop()).toBe(0);
    }, 600_000);
  },
);

/** Lets a load stand still, and keeps what the primary holds then. */
async function momentOf(primary: Server, load: Load): Promise<Moment> {
  await load.pause();
  await holdStill(primary);
  const offset = await caughtUp(primary);
  const time = Date.now();
  const { master_replid } = await primary.info('replication');
  await primary.command('SAVE');
  const snapshot = join(await temporary(), 'dump.rdb');
  await copyFile(join(primary.directory, 'dump.rdb'), snapshot);
  // What comes next is not of the same span, which would have the later time.
  await expect.poll(() => Date.now()).toBeGreaterThan(time + SPAN_TIME);
  await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  return { snapshot, position: `${master_replid}:${offset}`, time };
}

async function bootSnapshot(installed: InstalledServer, snapshot: string): Promise<Server> {
  const directory = join(await temporary(), 'then');
  await mkdir(directory);
  await copyFile(snapshot, join(directory, 'dump.rdb'));
  return Server.start(installed, { directory, removeDirectory: true });
}
