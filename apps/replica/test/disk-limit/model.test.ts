import type { Random } from '@forebay/testkit';
import { randomFrom, runSeed } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { FETCH_INTERVAL } from '../../src/follow/disk/disk-policy.ts';
import type { Conditions } from './model.ts';
import { DiskModel, MIB } from './model.ts';

const HISTORIES = Number(process.env.FOREBAY_HISTORIES ?? 120);
const STEPS = 300;

function randomConditions(random: Random): Conditions {
  const limit = random.integer(4, 200) * MIB;
  return {
    limit,
    rate: random.pick([0, 0.1, 1, 10, 100]) * random.integer(1, 10) * 0.1 * MIB,
    baseSize: random.pick([1000, Math.floor(limit * random.float() * 0.6)]) + 1,
    latency: random.integer(1, 6000),
    bandwidth: random.pick([5, 50, 500]) * MIB,
    failing: random.pick([0, 0, 0.5, 1]),
    knowsLength: random.integer(0, 1) === 1,
    base: {
      percentage: random.pick([0, 1, 100]),
      minSize: random.pick([0, 64 * MIB]),
      interval: random.pick([1000, 60_000, 3_600_000]),
    },
    retain: random.pick([
      { time: 0 },
      { time: 86_400_000 },
      { size: random.integer(1, 400) * MIB },
    ]),
  };
}

it('the log never exceeds --max-disk, and a pause reports the limit that is needed', async () => {
  const seed = runSeed();
  const seen = { pauses: 0, waits: 0, fetches: 0, fullResyncs: 0 };
  for (let i = 0; i < HISTORIES; i++) {
    const random = randomFrom(seed + i);
    const model = new DiskModel(randomConditions(random), random);
    const from = { ...model.conditions };
    try {
      await model.begin();
      for (let step = 0; step < STEPS; step++) {
        await model.step();
        const draw = random.integer(0, 999);
        const { conditions } = model;
        if (draw < 20) conditions.rate = randomConditions(random).rate;
        else if (draw < 30) conditions.failing = random.pick([0, 0.5, 1]);
        else if (draw < 35) model.clock.jump(random.integer(-7200, 7200) * 1000);
        else if (draw < 38) await model.changeLimit(random.integer(4, 200) * MIB);
      }
      // With room enough for two bases and what is held, everything comes in.
      await model.changeLimit(600 * MIB);
      model.conditions.rate = 0;
      model.conditions.failing = 0;
      for (let step = 0; step < 9000 && model.behind > 0; step++) await model.step();
      if (model.behind > 0) throw new Error(`${model.behind} are still to come`);
    } catch (error) {
      expect.fail(
        `FOREBAY_SEED=${seed + i}: ${(error as Error).stack}\n${JSON.stringify(from)}\n${model.story.slice(-60).join('\n')}`,
      );
    }
    await model.end();
    seen.pauses += model.pauses.length;
    seen.waits += model.waits;
    seen.fetches += model.fetches.length;
    seen.fullResyncs += model.fullResyncs;
  }
  // A model in which nothing happens proves nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(HISTORIES / 4);
}, 120_000);

it('a limit raised to the value that pauses report is soon sufficient', async () => {
  const seed = runSeed();
  let raised = 0;
  for (let i = 0; i < 40; i++) {
    const random = randomFrom(seed + i);
    const conditions = randomConditions(random);
    const latency = random.integer(1, 3000);
    Object.assign(conditions, { failing: 0, latency, bandwidth: 500 * MIB });
    conditions.rate = random.integer(1, 30) * MIB;
    const model = new DiskModel(conditions, random);
    await model.begin();
    // The first may come before the rate of the stream is known.
    for (let step = 0, raises = 0; step < 900; step++) {
      await model.step();
      if (model.pauses.length === raises) continue;
      raises = model.pauses.length;
      raised++;
      await model.changeLimit(model.pauses.at(-1)!);
    }
    const told = `FOREBAY_SEED=${seed + i}: ${JSON.stringify(conditions)}\n${model.story.slice(-40).join('\n')}`;
    expect(model.pauses.length, told).toBeLessThan(4);
    await model.end();
  }
  expect(raised).toBeGreaterThan(5);
}, 120_000);

it('bases that the limit asks for are fetched no more often than stated', async () => {
  const random = randomFrom(runSeed());
  const model = new DiskModel(
    {
      ...randomConditions(random),
      ...{ limit: 40 * MIB, rate: 3 * MIB, baseSize: MIB, latency: 100, bandwidth: 100 * MIB },
      ...{ failing: 0, base: { percentage: 0, minSize: 0, interval: 3_600_000 } },
    },
    random,
  );
  await model.begin();
  for (let step = 0; step < 1200; step++) await model.step();
  const { fetches } = model;
  expect(fetches.length).toBeGreaterThan(5);
  const apart = fetches.slice(1).map((time, i) => time - fetches[i]!);
  expect(Math.min(...apart)).toBeGreaterThanOrEqual(FETCH_INTERVAL);
  expect(model.pauses).toEqual([]);
  await model.end();
});

it('a file system that does not tell its size limits nothing, and nothing is deleted for it', async () => {
  const random = randomFrom(runSeed());
  const refused = () => Promise.reject(new Error('ENOSYS'));
  const unknown = async () => ({ total: 0, free: 0 });
  for (const space of [refused, unknown]) {
    const model = new DiskModel(
      {
        ...randomConditions(random),
        ...{ limit: Infinity, rate: 4 * MIB, baseSize: MIB, latency: 100, bandwidth: 100 * MIB },
        ...{ failing: 0, base: { percentage: 1, minSize: MIB, interval: 5000 }, space },
        ...{ retain: { time: 86_400_000 }, knowsLength: true },
      },
      random,
    );
    await model.begin();
    for (let step = 0; step < 600; step++) await model.step();
    const { fetches, pauses, waits, behind } = model;
    expect({ pauses, waits }).toEqual({ pauses: [], waits: 0 });
    expect(behind).toBeLessThan(4 * MIB);
    expect(fetches.length).toBeGreaterThan(5);
    expect(model.used).toBeGreaterThan(200 * MIB);
    await model.end();
  }
});
