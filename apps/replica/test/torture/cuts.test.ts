import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Server, seedDataSet } from '@forebay/conformance';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { cutReplicas, holdStill, loadOn, syncsOf } from '../primary.ts';
import { CutPlan, CuttingProxy } from './cutting-proxy.ts';
import { expectStopsEqual } from './equal.ts';
import { followed } from './followed.ts';
import { BOUND, scaled, servers, tally } from './scale.ts';
import { signalDaemon } from './signals.ts';

/** Cuts at random places, half of them in the payload and half in the stream; full: 200 a server. */
const CUTS = scaled(40, 200);
/** From one place inside the body of INFO's reply to the next; full: each byte, as it is elsewhere. */
const INFO_STEP = scaled(16, 1);
/** Bytes of payload or of a stream that begins, which are cut at one by one too. */
const BEYOND = 8;
const MEGABYTES = 2;

const SNAPSHOTS = { $len: 'no', $EOF: 'yes' };

describe.each(servers)('$name', (installed) => {
  describe.each(Object.entries(SNAPSHOTS))('a link, with a payload of %s,', (_, diskless) => {
    const start = () =>
      Server.start(installed, {
        config: {
          ...{ 'repl-backlog-size': '64mb', 'repl-diskless-sync': diskless },
          // Without a load the stream has nothing but these to be cut in.
          ...{ 'repl-diskless-sync-delay': 0, 'repl-ping-replica-period': 1 },
        },
      });

    it(
      'cut at each byte before the payload: one full copy is completed, later none is begun',
      async () => {
        await using primary = await start();
        await primary.command('SET', 'a', '1');
        const first = await shapeOf(primary, await freshDirectory());
        const directory = await freshDirectory();
        const before = await syncsOf(primary);
        const cold = await throughCuts(primary, directory, placesIn(first));
        await cold.daemon.prints(/full copy done/);
        expect(cold.daemon.printed.match(/full copy done/g), cold.daemon.printed).toHaveLength(1);
        // A snapshot is made where PSYNC has been asked, and only there.
        const costly = placesIn(first).filter((place) => place >= first.asked).length;
        const begun = (await syncsOf(primary)).full - before.full;
        expect(begun).toBeLessThanOrEqual(1 + costly + cold.plan.givenBack);
        await primary.command('SET', 'b', '2');
        await followed(primary);
        expect(await cold.daemon.stop()).toBe(0);

        const resumed = await shapeOf(primary, directory);
        const { full } = await syncsOf(primary);
        const warm = await throughCuts(primary, directory, placesIn(resumed));
        await warm.daemon.prints(/partial resync/);
        await primary.command('SET', 'c', '3');
        await holdStill(primary);
        await followed(primary);
        expect(warm.daemon.printed).not.toMatch(/full copy/);
        expect((await syncsOf(primary)).full).toBe(full);
        await expectStopsEqual(warm.daemon, primary, directory);
      },
      BOUND,
    );

    it(
      'cut at random in the payload and in the stream: only what was in the payload costs a copy',
      async () => {
        const random = randomFrom(runSeed());
        const where = `FOREBAY_SEED=${random.seed}`;
        await using primary = await start();
        await seedDataSet(primary.client, { megabytes: MEGABYTES });
        const load = loadOn(primary, 2000).start();
        const directory = await freshDirectory();
        const places = (from: number, to: number) =>
          Array.from({ length: CUTS / 4 }, () => random.integer(from, to));
        const payload = places(4000, MEGABYTES * 1024 ** 2);
        const { daemon, plan, proxies } = await throughCuts(primary, directory, payload);
        await daemon.prints(/full copy done/);
        expect(daemon.printed.match(/full copy done/g), where).toHaveLength(1);
        const { full } = await syncsOf(primary);
        expect(full, where).toBeLessThanOrEqual(1 + payload.length + plan.givenBack);

        plan.add(places(0, 60_000));
        await cutReplicas(primary);
        await plan.cut(CUTS / 2);
        for (let i = 0; i < CUTS / 4; i++) tally('cut');
        expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
        await holdStill(primary);
        await followed(primary);
        expect((await syncsOf(primary)).full, `${where}\n${daemon.printed}`).toBe(full);
        await expectStopsEqual(daemon, primary, directory);
        for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      },
      BOUND,
    );
  });
});

/** What a primary says before the payload or the stream, and where. */
interface Shape {
  /** Bytes of all of it. */
  readonly end: number;
  /** Bytes of it that come before PSYNC is asked. */
  readonly asked: number;
  /** Where the body of INFO's reply begins and ends, where it is asked. */
  readonly report: readonly [from: number, to: number] | undefined;
}

/** Has a daemon follow to see how that begins. */
async function shapeOf(primary: Server, directory: string): Promise<Shape> {
  await using proxy = await CuttingProxy.listen(primary, new CutPlan());
  await using daemon = Daemon.start([
    ...['replica', '--replicaof', proxy.host, String(proxy.port)],
    ...['--dir', directory],
  ]);
  await daemon.prints(/full copy done|partial resync/);
  const { head } = proxy;
  await followed(primary);
  expect(await daemon.stop()).toBe(0);
  // An answer that takes its time comes after newlines.
  const answer = /(?<=\r\n)\n*\+FULLRESYNC \w+ \d+\r\n\n*\$\S+\r\n|\+CONTINUE.*\r\n/.exec(head);
  if (answer === null) throw new Error(`PSYNC is not answered in ${JSON.stringify(head)}`);
  const { index: asked } = answer;
  const info = /\$(\d+)\r\n/.exec(head.slice(0, asked));
  const from = info === null ? 0 : info.index + info[0].length;
  const report = info === null ? undefined : ([from, from + Number(info[1])] as const);
  return { end: asked + answer[0].length, asked, report };
}

function placesIn({ end, report: [from, to] = [0, 0] }: Shape): number[] {
  const all = Array.from({ length: end + BEYOND }, (_, i) => i);
  return all.filter((i) => i < from || i >= to || (i - from) % INFO_STEP === 0);
}

/**
 * Starts a daemon whose links are cut at these places. After each cut it is turned to another address
 * of the same primary: it tries that at once, where the waits between attempts would take hours.
 */
async function throughCuts(primary: Server, directory: string, places: readonly number[]) {
  const plan = new CutPlan();
  plan.add(places);
  const proxies = [
    await CuttingProxy.listen(primary, plan),
    await CuttingProxy.listen(primary, plan),
  ] as const;
  const file = join(dirname(directory), 'candidates');
  const turn = (to: number) => {
    const { host, port } = proxies[to % 2]!;
    return writeFile(file, `${host} ${port}\n`);
  };
  await turn(0);
  const daemon = Daemon.start(['replica', '--replicaof-file', file, '--dir', directory]);
  for (let cuts = 1; cuts <= places.length; cuts++) {
    await plan.cut(cuts);
    tally('cut');
    // The attempt after the last comes by itself, and is not to be broken off.
    if (cuts === places.length) break;
    await turn(cuts);
    await signalDaemon(directory, 'SIGHUP');
  }
  return { daemon, plan, proxies };
}
