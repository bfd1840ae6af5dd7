import { randomFrom, runSeed } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { Simulation } from './simulation.ts';

const HISTORIES = Number(process.env.FOREBAY_HISTORIES ?? 5_000);
const STEPS = 30;
/** Histories that are run twice. */
const REPEATED = 20;

it('follows whatever primary there is, and loses and invents nothing', async () => {
  const seed = runSeed();
  const seen = { fulls: 0, rewinds: 0, bases: 0 };
  for (let i = 0; i < HISTORIES; i++) {
    const simulation = new Simulation(randomFrom(seed + i));
    try {
      await simulation.run(STEPS);
    } catch (error) {
      const story = simulation.story.join('\n');
      expect.fail(
        `FOREBAY_SEED=${seed + i} FOREBAY_HISTORIES=1: ${(error as Error).stack}\n${story}`,
      );
    }
    seen.fulls += simulation.fulls;
    seen.rewinds += simulation.rewinds;
    seen.bases += simulation.bases;
  }
  // A simulation in which nothing happens proves nothing.
  for (const count of Object.values(seen))
    expect(count).toBeGreaterThan(Math.floor(HISTORIES / 100));
}, 900_000);

it('a seed gives the same history each time', async () => {
  const seed = runSeed();
  for (let i = 0; i < REPEATED; i++) {
    const [first, second] = [await storyOf(seed + i), await storyOf(seed + i)];
    expect(second, `FOREBAY_SEED=${seed + i}`).toEqual(first);
  }
}, 120_000);

/** What happens under a seed, whatever comes of it. */
async function storyOf(seed: number): Promise<readonly string[]> {
  const simulation = new Simulation(randomFrom(seed));
  const failure = await simulation.run(STEPS).then(
    () => 'no failure',
    (error: Error) => error.message,
  );
  return [...simulation.story, failure];
}
