import { createHook } from 'node:async_hooks';
import { runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { kindOf } from './failure.ts';
import type { Recipe } from './history.ts';
import { History } from './history.ts';
import type { Failed } from './run.ts';
import { recipeOf, regressions, report, runHistory, shrunk, textOf } from './run.ts';
import type { Step } from './steps.ts';

/** Histories that are run twice. */
const REPEATED = 20;

describe('a history that failed in the past', () => {
  it.for(regressions())('%s passes', async ([, recipe]) => {
    const result = await runHistory(recipe);
    if ('error' in result) expect.fail(report(result, recipe.seed));
  });
});

it('a seed gives the same history each time', { timeout: 120_000 }, async () => {
  const seed = runSeed();
  for (let i = 0; i < REPEATED; i++) {
    const [first, second] = [await storyOf(seed + i), await storyOf(seed + i)];
    expect(second, `FOREBAY_SEED=${seed + i}`).toEqual(first);
  }
});

it('a history uses no timers and no input or output of the machine', async () => {
  const types = new Set<string>();
  const hook = createHook({ init: (_, type) => void types.add(type) });
  hook.enable();
  try {
    for (let i = 0; i < 5; i++) await runHistory(recipeOf(runSeed() + i));
  } finally {
    hook.disable();
  }
  // Promises, microtasks and ticks, and the one macrotask in which the simulation lets them run; random bytes are
  // made synchronously.
  const known = ['PROMISE', 'Microtask', 'TickObject', 'Immediate', 'RANDOMBYTESREQUEST'];
  expect([...types].filter((type) => !known.includes(type))).toEqual([]);
});

it('a stalled consumer loses its position at the hard limit of the disk, and continues after it', async () => {
  const steps: readonly Step[] = [
    { do: 'write', count: 3, size: 60 },
    { do: 'pass', ms: 2000 },
    { do: 'reader', name: 'r0', act: 'pause', pace: 0 },
    { do: 'write', count: 12, size: 2000 },
    { do: 'pass', ms: 6000 },
    { do: 'write', count: 12, size: 2000 },
    { do: 'pass', ms: 6000 },
    { do: 'configure', set: { 'max-disk': '10kb' } },
    { do: 'pass', ms: 12_000 },
    { do: 'reader', name: 'r0', act: 'read', pace: 0 },
  ];
  const seed = runSeed();
  const result = await runHistory({ seed, steps });
  if ('error' in result) expect.fail(report(result, seed));
  expect(result.cutOffs, `FOREBAY_SEED=${seed}`).toBeGreaterThan(0);
});

it('a long history that fails is shrunk to the few steps that make it fail', async () => {
  const failed = await failureWith('skips-byte-on-resume');
  expect(failed.recipe.steps).toHaveLength(60);
  const shortest = await shrunk(failed);
  expect(kindOf(shortest.error)).toBe(kindOf(failed.error));
  expect(shortest.recipe.steps.length).toBeLessThanOrEqual(5);
  // The text alone repeats the failure.
  const recipe = JSON.parse(textOf(shortest.recipe));
  const again = await runHistory({ ...recipe, plant: 'skips-byte-on-resume' });
  expect((again as Failed).story).toEqual(shortest.story);
});

/** The first history that fails because of a fault planted in the model. */
async function failureWith(plant: Recipe['plant']): Promise<Failed> {
  for (let seed = 1; ; seed++) {
    const result = await runHistory({ ...recipeOf(seed, 60), plant });
    if ('error' in result) return result;
  }
}

/** The story of a seed, its result, and the files that it leaves on the disk. */
async function storyOf(seed: number): Promise<readonly string[]> {
  const history = new History(recipeOf(seed));
  const failure = await history.run().then(
    () => 'no failure',
    (error: Error) => error.message,
  );
  return [...history.story, failure, ...history.files];
}
