import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../src/backoff.ts';

const OPTIONS = { initialDelay: 100, maxDelay: 1000 };
/** Milliseconds of streaming that earn an attempt at once. */
const STABLE = 10_000;

/** After links that streamed for so long, none of which brought anything after a partial resync. */
function delays(backoff: Backoff, streamed: readonly (number | undefined)[]): number[] {
  return streamed.map((one) => backoff.next({ streamed: one, progressed: false }));
}

const PROGRESSED = { streamed: 5, progressed: true };
const FAILED = { streamed: undefined, progressed: false };

describe('the wait before the next attempt', () => {
  const longest = () => 1;

  it('doubles up to the cap while no link stands', () => {
    const backoff = new Backoff({ ...OPTIONS, random: longest });
    expect(delays(backoff, Array(7).fill(undefined))).toEqual([
      100, 200, 400, 800, 1000, 1000, 1000,
    ]);
  });

  it('is none after the first link that streamed, and then what it was', () => {
    const backoff = new Backoff({ ...OPTIONS, random: longest });
    expect(delays(backoff, [5, 5, 5, 5])).toEqual([0, 100, 200, 400]);
    const late = new Backoff({ ...OPTIONS, random: longest });
    expect(delays(late, [undefined, undefined, 5, 5])).toEqual([100, 200, 0, 400]);
  });

  it('is none again after a link that streamed for long, and begins anew', () => {
    const backoff = new Backoff({ ...OPTIONS, random: longest });
    delays(backoff, [5, 5, 5, 5]);
    expect(delays(backoff, [STABLE, 5, undefined])).toEqual([0, 100, 200]);
    expect(delays(backoff, [STABLE - 1])).toEqual([400]);
  });

  it('is as long as the primary is known to need', () => {
    const backoff = new Backoff({ ...OPTIONS, random: longest });
    expect(backoff.next({ streamed: 5, progressed: false }, 500)).toBe(500);
    expect(backoff.next(FAILED, 500)).toBe(500);
    expect(backoff.next(FAILED, 50)).toBe(200);
    expect(backoff.next(PROGRESSED, 500)).toBe(500);
  });

  it('is brief after each link that went on and brought something, and begins anew', () => {
    const backoff = new Backoff({ ...OPTIONS, random: longest });
    const links = [PROGRESSED, PROGRESSED, PROGRESSED, FAILED, FAILED, PROGRESSED, FAILED];
    expect(links.map((link) => backoff.next(link))).toEqual([0, 50, 50, 100, 200, 50, 100]);
  });

  it('is never longer after such a link than after the first failure', () => {
    const backoff = new Backoff({ initialDelay: 10, random: longest });
    expect([PROGRESSED, PROGRESSED].map((link) => backoff.next(link))).toEqual([0, 10]);
  });

  it('is what it was at first once another primary is followed', () => {
    const backoff = new Backoff({ ...OPTIONS, random: longest });
    expect(delays(backoff, [5, 5, 5])).toEqual([0, 100, 200]);
    backoff.reset();
    expect(delays(backoff, [5, 5, 5])).toEqual([0, 100, 200]);
  });

  it('is shortened at random, by half at most', () => {
    const { float, seed } = randomFrom(runSeed());
    const backoff = new Backoff({ ...OPTIONS, random: float });
    const seen = delays(backoff, Array(200).fill(undefined)).slice(4);
    for (const delay of seen) {
      expect(delay, `seed ${seed}`).toBeGreaterThanOrEqual(500);
      expect(delay, `seed ${seed}`).toBeLessThanOrEqual(1000);
    }
    expect(new Set(seen).size, `seed ${seed}`).toBeGreaterThan(50);
  });

  it('never lets attempts follow each other without pause, whatever the links do', () => {
    const random = randomFrom(runSeed());
    const backoff = new Backoff({ ...OPTIONS, random: random.float });
    let atOnce = 0;
    for (let i = 0; i < 10_000; i++) {
      const streamed = random.pick([undefined, 0, 1, STABLE - 1, STABLE]);
      const progressed = streamed !== undefined && random.float() < 0.5;
      const delay = backoff.next({ streamed, progressed });
      // A link that streamed for long is a pause of its own.
      atOnce = delay > 0 || streamed === STABLE ? 0 : atOnce + 1;
      expect(delay === 0 || delay >= 25, `seed ${random.seed}`).toBe(true);
      expect(atOnce, `seed ${random.seed}`).toBeLessThanOrEqual(1);
    }
  });

  it('has a first of 125 to 250 ms and a longest of 10 s where nothing is said', () => {
    const shortest = new Backoff({ random: () => 0 });
    expect(delays(shortest, Array(8).fill(undefined)).at(0)).toBe(125);
    const backoff = new Backoff({ random: longest });
    expect(delays(backoff, Array(8).fill(undefined))).toEqual([
      250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000,
    ]);
  });
});
