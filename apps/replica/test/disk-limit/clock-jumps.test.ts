import type { Log } from '@forebay/log';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { ReplicaConfig } from '../../src/config.ts';
import { BaseFetches } from '../../src/follow/disk/base-fetches.ts';
import { DiskBudget } from '../../src/follow/disk/disk-budget.ts';
import { fetchableAt, verdictOn } from '../../src/follow/disk/disk-policy.ts';
import type { Reporter } from '../../src/reporter.ts';

const HOUR = 3_600_000;
const MIB = 1024 * 1024;
const JUMPS = [-HOUR, -5000, 5000, HOUR];

function setUp() {
  const clock = new SimulatedClock();
  const base = { offset: 0, size: MIB, time: clock.now() - 2 * HOUR };
  const log = { base, written: 50 * MIB, size: { total: 51 * MIB, required: 51 * MIB } };
  const budget = new DiskBudget(log as unknown as Log, clock);
  budget.limit = 1024 * MIB;
  return { clock, log, budget };
}

describe.each(JUMPS)('a jump of the wall clock by %d ms', (jump) => {
  it('neither delays nor advances the next fetch of a base at the limit', () => {
    const { clock, budget } = setUp();
    budget.began();
    budget.ended();
    clock.advance(8000);
    clock.jump(jump);
    expect(fetchableAt(budget.state) - budget.state.now).toBe(2000);
  });

  it('neither ends nor prolongs the wait for a base that was requested', () => {
    const { clock, budget } = setUp();
    budget.limit = 52 * MIB;
    budget.began();
    clock.advance(20_000);
    clock.jump(jump);
    const state = { ...budget.state, limit: 80 * MIB, total: 79 * MIB, required: 79 * MIB };
    const verdict = verdictOn(state, 2 * MIB);
    expect(verdict).toMatchObject({ type: 'wait', until: state.now + 10_000 });
    clock.advance(10_000);
    expect(verdictOn({ ...state, now: budget.state.now }, 2 * MIB).type).toBe('pause');
  });

  it('does not change the measured rate of the stream', () => {
    const { clock, budget } = setUp();
    clock.advance(2500);
    budget.streamed(1000);
    clock.jump(jump);
    clock.advance(2500);
    budget.streamed(1000);
    expect(budget.state.rate).toBe(400);
  });

  it('starts no second fetch of a base within the interval', async () => {
    const { clock, log, budget } = setUp();
    let fetches = 0;
    const config = { base: { percentage: 100, minSize: 0, interval: HOUR } } as ReplicaConfig;
    const bases = new BaseFetches(log as unknown as Log, budget, () => config, {} as Reporter, {
      run: async () => void fetches++,
      onDone: async () => {},
      onEnded: () => {},
    });
    bases.consider(budget.state);
    await bases.ended();
    clock.jump(jump);
    clock.advance(HOUR - 1000);
    bases.consider(budget.state);
    await bases.ended();
    expect(fetches).toBe(1);
    clock.advance(1000);
    bases.consider(budget.state);
    await bases.ended();
    expect(fetches).toBe(2);
  });
});
