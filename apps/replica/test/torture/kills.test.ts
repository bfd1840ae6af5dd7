import { setTimeout as pause } from 'node:timers/promises';
import { Server, seedDataSet } from '@forebay/conformance';
import type { Random } from '@forebay/testkit';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { loadOn, syncsOf } from '../primary.ts';
import { expectEqualWhile, expectRestoresEqual, expectStopsEqual } from './equal.ts';
import { BOUND, scaled, servers, tally } from './scale.ts';

/** SIGKILLs a server, half of them in each of the two manners; full: 100. */
const KILLS = scaled(16, 100);
/** Kills from one comparison to the next, in full as in CI. */
const EACH = scaled(4, 10);

/** Small limits, so that a kill meets fetches of bases, splits and removals too. */
const BASES = [
  ...['--auto-aof-rewrite-min-size', '64kb', '--auto-aof-rewrite-percentage', '1'],
  ...['--base-interval', '400ms', '--retain', '1s'],
];
const MANNERS = { 'with one base': [], 'with a fresh base again and again': BASES };

/** Ways to a moment in the life of a daemon that has just been started. */
const starting = async (_: Daemon, random: Random) => pause(random.integer(0, 500));
const streaming = async (daemon: Daemon, random: Random) => {
  await daemon.prints(/partial resync/);
  await pause(random.integer(0, 900));
};
const fetching = async (daemon: Daemon, random: Random) => {
  await daemon.prints(/fresh base, at/);
  await pause(random.integer(0, 60));
};

describe.each(servers)('$name', (installed) => {
  it.each(Object.entries(MANNERS))(
    'killed under a load, %s: nothing is lost, and nothing copied again',
    async (_, flags) => {
      const random = randomFrom(runSeed());
      await using primary = await Server.start(installed, {
        config: { 'repl-backlog-size': '64mb' },
      });
      await seedDataSet(primary.client, { megabytes: 4 });
      const directory = await freshDirectory();
      const start = () => Daemon.follow(primary, directory, ...flags);
      const load = loadOn(primary).start();
      const lives = [start()];
      await lives[0]!.prints(/full copy done/);
      const moments = flags.length > 0 ? [starting, streaming, fetching] : [starting, streaming];
      for (let kills = 1; kills <= KILLS / 2; kills++) {
        const life = lives.at(-1)!;
        if (kills > 1) await random.pick(moments)(life, random);
        await life.stop('SIGKILL');
        tally('kill');
        const next = start();
        lives.push(next);
        if (kills % EACH !== 0 && kills !== KILLS / 2) continue;

        await next.prints(/partial resync/);
        await expectEqualWhile(load, primary, async (offset) => {
          const printed = lives.map((each) => each.printed).join('');
          const where = `FOREBAY_SEED=${random.seed}, after ${kills} kills:\n${printed}`;
          expect(printed.match(/full copy,/g), where).toHaveLength(1);
          expect(printed, where).not.toMatch(/not kept|fetch of a fresh base failed: (?!.*ECONN)/);
          // Where a base was asked for and the daemon died before it could say so, the primary
          // counts one that was not told.
          const told = 1 + (printed.match(/fresh base, at/g)?.length ?? 0);
          const { full } = await syncsOf(primary);
          expect(full, where).toBeGreaterThanOrEqual(told);
          expect(full, where).toBeLessThanOrEqual(told + (flags.length > 0 ? kills : 0));
          expect(primary.log(), where).not.toMatch(/resynchronization not accepted|Unable to/);
          if (kills % (2 * EACH) === 0) return expectRestoresEqual(primary, directory, offset);
          await expectStopsEqual(next, primary, directory);
          lives.push(start());
        });
      }
      expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
      await lives.at(-1)!.prints(/partial resync/);
      expect(await lives.at(-1)!.stop()).toBe(0);
    },
    BOUND,
  );
});
