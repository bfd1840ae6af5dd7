import { SimulatedClock } from '@forebay/testkit';
import { expect, it } from 'vitest';
import type { Candidate } from '../src/config/candidate.ts';
import { LoopGuard } from '../src/follow/upstream/loop-guard.ts';
import type { LinkStatus } from '../src/status/link-record.ts';

const upstream: Candidate = {
  endpoint: { kind: 'tcp', host: 'h1', port: 6379 },
  username: undefined,
  password: undefined,
};

it('an upstream that refuses INFO is inspected for a loop once per link', async () => {
  const clock = new SimulatedClock();
  let inspections = 0;
  let since = clock.now();
  const guard = new LoopGuard(clock, async () => {
    inspections++;
    return undefined;
  });
  const stop = guard.watch({
    upstream,
    get status() {
      return { state: 'stream', since } as LinkStatus;
    },
    reconnect: () => {},
  });
  await clock.pass(60_000);
  expect(inspections).toBe(1);
  since = clock.now();
  await clock.pass(60_000);
  expect(inspections).toBe(2);
  stop();
  expect(clock.pending).toBe(0);
});
