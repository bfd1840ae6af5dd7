import { SimulatedClock } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { watchForLoops } from '../src/follow/loop-watch.ts';
import type { LinkStatus } from '../src/status/link-record.ts';

it('an upstream that refuses to tell whom it follows is asked once a link', async () => {
  const clock = new SimulatedClock();
  let inspections = 0;
  let since = clock.now();
  const stop = watchForLoops(clock, {
    get link() {
      return { state: 'stream', since, lastIo: clock.now() } as LinkStatus;
    },
    belowReplica: true,
    inspect: async () => {
      inspections++;
      return false;
    },
  });
  await clock.pass(60_000);
  expect(inspections).toBe(1);
  since = clock.now();
  await clock.pass(60_000);
  expect(inspections).toBe(2);
  stop();
  expect(clock.pending).toBe(0);
});
