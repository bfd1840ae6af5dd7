import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Server, seedDataSet } from '@forebay/conformance';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { loadOn, syncsOf } from '../primary.ts';
import { expectEqualWhile, expectRestoresEqual, expectStopsEqual } from './equal.ts';
import { followedUpToNow } from './followed.ts';
import { BOUND, scaled, servers, tally } from './scale.ts';

/** Jumps of the clock a server, with a kill after each; full: 40. */
const JUMPS = scaled(6, 40);
const DAY = 86_400_000;
/** Milliseconds that the daemon's clock is off by: each is a day or two away from the one before. */
const OFFSETS = [-DAY, 0, DAY, 0, DAY, -DAY];
const PRELOAD = pathToFileURL(join(import.meta.dirname, 'shifted-clock.mjs')).href;

describe.each(servers)('$name', (installed) => {
  it(
    'a clock that jumps by a day, and kills: nothing is lost, and nothing is refused',
    async () => {
      const random = randomFrom(runSeed());
      await using primary = await Server.start(installed, {
        config: { 'repl-backlog-size': '64mb' },
      });
      await seedDataSet(primary.client, { megabytes: 1 });
      const directory = await freshDirectory();
      const file = join(dirname(directory), 'clock');
      const setClock = async (offset: number) => {
        await writeFile(`${file}.new`, String(offset));
        await rename(`${file}.new`, file);
      };
      await setClock(0);
      const env = { FOREBAY_CLOCK_OFFSET_FILE: file, NODE_OPTIONS: `--import=${PRELOAD}` };
      const address = ['--replicaof', primary.host, String(primary.port)];
      // A base every second, and a past of an hour: what a jump could let go of at once.
      const flags = ['--auto-aof-rewrite-min-size', '64kb', '--auto-aof-rewrite-percentage', '1'];
      const policy = [...flags, '--base-interval', '1s', '--retain', '1h'];
      const start = () =>
        Daemon.start(['replica', ...address, '--dir', directory, ...policy], { env });
      const lives = [start()];
      await lives[0]!.prints(/full copy done/);
      const load = loadOn(primary, 800).start();
      for (let jumps = 1; jumps <= JUMPS; jumps++) {
        await advances(() => load.commands, random.integer(100, 400));
        await setClock(OFFSETS[(jumps - 1) % OFFSETS.length]!);
        // It comes further by the new clock, and may fetch a base by it.
        await advances(() => load.commands, random.integer(200, 800));
        await followedUpToNow(primary);
        await lives.at(-1)!.stop('SIGKILL');
        tally('kill');
        lives.push(start());
        await lives.at(-1)!.prints(/partial resync/);
        if (jumps % 3 !== 0) continue;
        await expectEqualWhile(load, primary, (offset) =>
          expectRestoresEqual(primary, directory, offset),
        );
      }
      const printed = lives.map((each) => each.printed).join('');
      const where = `FOREBAY_SEED=${random.seed}:\n${printed}`;
      expect(printed.match(/full copy,/g), where).toHaveLength(1);
      expect(printed, where).not.toMatch(/not kept|refused|contradict/);
      expect(printed, where).toMatch(/the clock stepped back by 86[34]\d\d\S* s, from/);
      const bases = printed.match(/fresh base, at/g)?.length ?? 0;
      expect((await syncsOf(primary)).full, where).toBeLessThanOrEqual(1 + bases + JUMPS);
      // Without these the jumps would have met nothing that looks at the time.
      expect(bases, where).toBeGreaterThan(0);
      await setClock(0);
      expect(await timesOf(directory), where).toSatisfy(sensible);
      await expectEqualWhile(load, primary, async () => {
        await expectStopsEqual(lives.at(-1)!, primary, directory);
      });
      expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    },
    BOUND,
  );
});

async function advances(counted: () => number, by: number): Promise<void> {
  const until = counted() + by;
  await expect.poll(counted).toBeGreaterThan(until);
}

/** All times that `forebay log` tells of a directory. */
async function timesOf(directory: string): Promise<number[]> {
  const run = Daemon.start(['log', directory, '--json']);
  expect(await run.exited, run.printed).toBe(0);
  const times: number[] = [];
  JSON.parse(run.printed, (name, value: unknown) => {
    const isTime = ['time', 'first', 'last', 'ended'].includes(name);
    if (isTime && typeof value === 'number') times.push(value);
    return value;
  });
  return times;
}

/** Each is of now, as a clock tells it that was off by a day at most. */
function sensible(times: readonly number[]): boolean {
  return times.length > 0 && times.every((time) => Math.abs(time - Date.now()) < DAY + 3_600_000);
}
