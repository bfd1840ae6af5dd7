import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Chances } from './chances.ts';
import { kindOf } from './failure.ts';
import type { Recipe, Seen } from './history.ts';
import { History } from './history.ts';
import { shrink } from './shrink.ts';
import type { Step } from './steps.ts';
import { drawSteps, simplerSteps } from './steps.ts';

/** Steps of a history. */
const STEPS = 40;
const REGRESSIONS = fileURLToPath(new URL('./regressions/', import.meta.url));

/** The history of a seed. */
export function recipeOf(seed: number, count = STEPS): Recipe {
  return { seed, steps: drawSteps(new Chances(seed).of('steps'), count) };
}

/** A history that has failed. */
export interface Failed {
  readonly recipe: Recipe;
  readonly error: unknown;
  readonly story: readonly string[];
}

/** Runs one history; returns its counts, or its failure. */
export async function runHistory(recipe: Recipe): Promise<Seen | Failed> {
  const history = new History(recipe);
  try {
    await history.run();
    return history.seen;
  } catch (error) {
    return { recipe, error, story: history.story };
  }
}

/** The shortest history found in time that fails in the same way. */
export async function shrunk(failed: Failed, patience?: number): Promise<Failed> {
  let shortest = failed;
  const kind = kindOf(failed.error);
  const fails = async (steps: readonly Step[]): Promise<boolean> => {
    const again = await runHistory({ ...failed.recipe, steps });
    if (!('error' in again) || kindOf(again.error) !== kind) return false;
    shortest = again;
    return true;
  };
  await shrink(failed.recipe.steps, fails, simplerSteps, patience);
  return shortest;
}

/** What to print of a failure: how to repeat it, and the text for a file of `regressions`. */
export function report({ recipe, error, story }: Failed, seed: number): string {
  return [
    `FOREBAY_SEED=${seed} FOREBAY_HISTORIES=1 repeats it: ${(error as Error).stack}`,
    'The shortest history found that fails in the same way, for a file in test/simulation/regressions:',
    textOf(recipe),
    ...story,
  ].join('\n');
}

/** A recipe as text, one step a line. */
export function textOf({ seed, steps }: Recipe): string {
  const lines = steps.map((step) => {
    return `    ${JSON.stringify(step, undefined, 1).replace(/\s*\n\s*/g, ' ')}`;
  });
  return `{\n  "seed": ${seed},\n  "steps": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** Histories that failed in the past, by the names of their files. */
export function regressions(): readonly (readonly [name: string, recipe: Recipe])[] {
  if (!existsSync(REGRESSIONS)) return [];
  const names = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => [name, JSON.parse(readFileSync(REGRESSIONS + name, 'utf8'))]);
}

/** Adds a history to the regressions, which every test run starts with. */
export function keep(recipe: Recipe): void {
  mkdirSync(REGRESSIONS, { recursive: true });
  writeFileSync(`${REGRESSIONS}seed-${recipe.seed}.json`, textOf(recipe));
}
