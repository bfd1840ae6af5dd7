import { SimulatedClock } from '@forebay/testkit';
import { expect, it } from 'vitest';
import type { Candidate } from '../src/config/candidate.ts';
import { Chain } from '../src/follow/upstream/chain.ts';
import { LoopGuard } from '../src/follow/upstream/loop-guard.ts';
import { LinkRecord } from '../src/status/link-record.ts';

const upstream: Candidate = {
  endpoint: { kind: 'tcp', host: 'h1', port: 6379 },
  username: undefined,
  password: undefined,
};

it('an upstream that refuses INFO is inspected for a loop once per link', async () => {
  const clock = new SimulatedClock();
  let inspections = 0;
  const record = new LinkRecord(clock);
  record.entered('stream');
  const guard = new LoopGuard(
    clock,
    async () => {
      inspections++;
      return undefined;
    },
    new Chain(),
  );
  const stop = guard.watch({
    upstream,
    record,
    reconnect: () => {},
  });
  await clock.pass(60_000);
  expect(inspections).toBe(1);
  record.entered('stream');
  await clock.pass(60_000);
  expect(inspections).toBe(2);
  stop();
  expect(clock.pending).toBe(0);
});

it('a jump of the wall clock makes no link silent, and hides no silence', async () => {
  const clock = new SimulatedClock();
  let inspections = 0;
  const guard = new LoopGuard(
    clock,
    async () => {
      inspections++;
      throw new Error('unreachable');
    },
    new Chain(),
  );
  const record = new LinkRecord(clock);
  record.entered('stream');
  const stop = guard.watch({ upstream, record, reconnect: () => {} });
  await clock.pass(4000);
  record.heard(1);
  clock.jump(3_600_000);
  await clock.pass(1000);
  expect(inspections).toBe(0);
  clock.jump(-7_200_000);
  await clock.pass(15_000);
  expect(inspections).toBe(1);
  stop();
});
