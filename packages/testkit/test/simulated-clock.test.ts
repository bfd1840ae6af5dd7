import { expect, it } from 'vitest';
import { SimulatedClock } from '../src/index.ts';

it('timers run in order of time, also those that timers set, and see the time they were set for', () => {
  const clock = new SimulatedClock(1000);
  const ran: [string, number][] = [];
  clock.after(30, () => ran.push(['c', clock.now()]));
  clock.after(10, () => {
    ran.push(['a', clock.now()]);
    clock.after(10, () => ran.push(['b', clock.now()]));
  });
  clock.after(41, () => ran.push(['late', clock.now()]));
  clock.advance(40);
  expect(ran).toEqual([
    ['a', 1010],
    ['b', 1020],
    ['c', 1030],
  ]);
  expect([clock.now(), clock.elapsed(), clock.pending]).toEqual([1040, 40, 1]);
});

it('timers of one time run in the order in which they were set', () => {
  const clock = new SimulatedClock();
  const ran: number[] = [];
  for (const i of [1, 2, 3]) clock.after(5, () => ran.push(i));
  clock.advance(5);
  expect(ran).toEqual([1, 2, 3]);
});

it('a timer that was taken back does not run', () => {
  const clock = new SimulatedClock();
  let ran = 0;
  const cancel = clock.after(5, () => ran++);
  cancel();
  clock.after(5, () => ran++);
  clock.clear();
  clock.advance(10);
  expect([ran, clock.pending]).toEqual([0, 0]);
});

it('a jump moves the wall clock alone, in both directions', () => {
  const clock = new SimulatedClock(1000);
  let ran = 0;
  clock.after(50, () => ran++);
  clock.jump(100_000);
  expect([clock.now(), clock.elapsed(), ran]).toEqual([101_000, 0, 0]);
  clock.jump(-200_000);
  clock.advance(50);
  expect([clock.now(), clock.elapsed(), ran]).toEqual([-98_950, 50, 1]);
});

it('as time passes, what a timer began comes to an end before the next', async () => {
  const clock = new SimulatedClock();
  const at: number[] = [];
  const run = async () => {
    for (let i = 0; i < 10; i++) await undefined;
    at.push(clock.elapsed());
    clock.after(1000, () => void run());
  };
  clock.after(1000, () => void run());
  await clock.pass(5500);
  expect(at).toEqual([1000, 2000, 3000, 4000, 5000]);
});
