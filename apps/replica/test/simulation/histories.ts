import { execFileSync } from 'node:child_process';
import { runSeed } from '@forebay/testkit';
import { expect, it } from 'vitest';
import type { Seen } from './history.ts';
import { keep, recipeOf, report, runHistory, shrunk } from './run.ts';

/** Number of histories; by default as many as there is time for, and at least `LEAST`. */
const HISTORIES = Number(process.env.FOREBAY_HISTORIES ?? Number.POSITIVE_INFINITY);
const SECONDS = Number(process.env.FOREBAY_SIMULATION_SECONDS ?? 300);
const LEAST = 250;
/** The longest timeout of a test, in milliseconds. */
const LONGEST = 2 ** 31 - 1;
/** Whether failures are kept as regressions and the run continues after them. */
const KEEPS = process.env.FOREBAY_KEEP_FAILURES !== undefined;
/** Number of histories in which each counted event must have happened. */
const ENOUGH = 250;

/** Runs a share of the histories: each test file is a process, which uses one core. */
export function runShare(share: number, shares: number): void {
  const title = 'in any history the daemon neither loses nor invents data';
  const isLimited = HISTORIES !== Number.POSITIVE_INFINITY;
  const timeout = isLimited ? LONGEST : (SECONDS + 600) * 1000;
  it(`${title} (share ${share + 1} of ${shares})`, { timeout }, async () => {
    const first = firstSeed();
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    const isOver = (count: number): boolean => seconds() > SECONDS && count >= LEAST;
    const sum: Partial<Record<keyof Seen, number>> = {};
    const failures: string[] = [];
    let count = 0;
    for (let i = share; i < HISTORIES && (isLimited || !isOver(count)); i += shares) {
      const result = await runHistory(recipeOf(first + i));
      count++;
      if (!('error' in result)) {
        for (const [what, number] of Object.entries(result)) {
          sum[what as keyof Seen] = (sum[what as keyof Seen] ?? 0) + number;
        }
        continue;
      }
      const shortest = await shrunk(result);
      failures.push(report(shortest, first + i));
      if (!KEEPS) break;
      keep(shortest.recipe);
    }
    const rate = (count / seconds()).toFixed(1);
    console.log(`${count} histories, ${rate} a second, from seed ${first}: ${JSON.stringify(sum)}`);
    if (failures.length > 0) expect.fail(failures.join('\n\n'));
    // A simulation in which nothing happens proves nothing. Cut-offs are too rare: `simulation.test.ts` has one.
    if (count < ENOUGH) return;
    const { cutOffs: _, ...expected } = sum;
    for (const [what, number] of Object.entries(expected)) expect(number, what).toBeGreaterThan(0);
  });
}

/**
 * The first seed: `FOREBAY_SEED` if set. A run that keeps failures explores: its seed is random. Any other run takes the
 * seed from the files of its commit, so that every machine runs the same histories for it, and others for the next.
 */
function firstSeed(): number {
  if (KEEPS || process.env.FOREBAY_SEED !== undefined) return runSeed();
  try {
    const tree = execFileSync('git', ['rev-parse', 'HEAD^{tree}'], { encoding: 'utf8' });
    return Number.parseInt(tree.slice(0, 8), 16);
  } catch {
    // Not a clone.
    return runSeed();
  }
}
