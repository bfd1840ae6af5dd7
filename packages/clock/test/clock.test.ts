import { SimulatedClock } from '@forebay/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../src/index.ts';
import { systemClock } from '../src/index.ts';

const DAY = 24 * 3_600_000;
const MAX_DELAY = 2 ** 31 - 1;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('the time', () => {
  it('the wall time is that of Date.now, and jumps with it', () => {
    vi.setSystemTime(1_700_000_000_000);
    expect(systemClock.now()).toBe(1_700_000_000_000);
    vi.setSystemTime(1_600_000_000_000);
    expect(systemClock.now()).toBe(1_600_000_000_000);
  });

  it('a jump of the wall time does not move the monotonic time', () => {
    const began = systemClock.elapsed();
    vi.setSystemTime(1_600_000_000_000);
    expect(systemClock.elapsed()).toBe(began);
    vi.advanceTimersByTime(250);
    expect(systemClock.elapsed() - began).toBe(250);
  });
});

// The system clock, and the simulated clock that replaces it in tests.
const clocks: [name: string, clock: Clock, advance: (milliseconds: number) => void][] = [
  ['the clock of the system', systemClock, (milliseconds) => vi.advanceTimersByTime(milliseconds)],
];
const simulated = new SimulatedClock();
clocks.push(['the simulated clock', simulated, (milliseconds) => simulated.advance(milliseconds)]);

describe.each(clocks)('%s', (_, clock, advance) => {
  it.each([
    1,
    1000,
    MAX_DELAY - 1,
    MAX_DELAY,
    MAX_DELAY + 1,
    40 * DAY,
    3 * MAX_DELAY + 7,
    1000 * DAY,
  ])('runs once after %d ms, and not before', (delay) => {
    const run = vi.fn();
    clock.after(delay, run);
    advance(delay - 1);
    expect(run).not.toHaveBeenCalled();
    advance(1);
    expect(run).toHaveBeenCalledOnce();
    advance(3 * MAX_DELAY);
    expect(run).toHaveBeenCalledOnce();
  });

  it.each([500, MAX_DELAY, MAX_DELAY + 1, 40 * DAY])(
    'runs every %d ms until it is stopped',
    (period) => {
      const run = vi.fn();
      const stop = clock.every(period, run);
      for (let runs = 1; runs <= 3; runs++) {
        advance(period - 1);
        expect(run).toHaveBeenCalledTimes(runs - 1);
        advance(1);
        expect(run).toHaveBeenCalledTimes(runs);
      }
      stop();
      advance(3 * period);
      expect(run).toHaveBeenCalledTimes(3);
    },
  );

  it('stops a long timer in each part of its delay', () => {
    const run = vi.fn();
    for (const passed of [0, 1, MAX_DELAY, MAX_DELAY + 1, 2 * MAX_DELAY]) {
      const stop = clock.after(2 * MAX_DELAY + 5, run);
      advance(passed);
      stop();
      stop();
      advance(3 * MAX_DELAY);
    }
    expect(run).not.toHaveBeenCalled();
  });

  it('stops a periodic timer from within its own run', () => {
    const run = vi.fn(() => stop());
    const stop = clock.every(10, run);
    advance(100);
    expect(run).toHaveBeenCalledOnce();
  });

  it('never runs a timer whose delay is infinite', () => {
    const run = vi.fn();
    const stop = clock.after(Number.POSITIVE_INFINITY, run);
    advance(10_000 * DAY);
    expect(run).not.toHaveBeenCalled();
    stop();
  });

  it('runs timers in the order in which they are due', () => {
    const order: string[] = [];
    clock.after(30, () => order.push('thirty'));
    const stop = clock.every(20, () => order.push('each twenty'));
    clock.after(10, () => order.push('ten'));
    advance(45);
    stop();
    expect(order).toEqual(['ten', 'each twenty', 'thirty', 'each twenty']);
  });
});
