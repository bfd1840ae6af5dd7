import { SimulatedClock } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { Arrivals } from '../../src/follow/disk/arrivals.ts';

const TIMEOUT = 60_000;
const never = new AbortController().signal;

it('a wait for an offset ends when the log reaches it', async () => {
  const arrivals = new Arrivals(new SimulatedClock(), () => TIMEOUT);
  const wait = arrivals.at(100, 50, never);
  arrivals.reached(100);
  await expect(wait).resolves.toBeUndefined();
});

it('a wait for an offset is rejected at once when the log steps back or gets another history', async () => {
  const arrivals = new Arrivals(new SimulatedClock(), () => TIMEOUT);
  const wait = arrivals.at(100, 50, never);
  arrivals.abandon();
  await expect(wait).rejects.toThrow('the stream did not come to 100');
});

it('a wait for an offset is rejected after the time-out', async () => {
  const clock = new SimulatedClock();
  const wait = new Arrivals(clock, () => TIMEOUT).at(100, 50, never);
  const rejected = expect(wait).rejects.toThrow('the stream did not come to 100');
  await clock.pass(TIMEOUT);
  await rejected;
});
