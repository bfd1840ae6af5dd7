import { randomFrom, runSeed } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { SimulatedLog } from './simulated-log.ts';

const HISTORIES = 3000;
const STEPS = 40;

it('holds what a naive log holds, whatever fails and is lost', async () => {
  const seed = runSeed();
  for (let i = 0; i < HISTORIES; i++) {
    const log = new SimulatedLog(randomFrom(seed + i));
    try {
      for (let step = 0; step < STEPS; step++) await log.step();
      await log.finish();
    } catch (error) {
      const story = log.story.join('\n');
      expect.fail(`FOREBAY_SEED=${seed + i}: ${(error as Error).stack}\n${story}`);
    }
  }
}, 600_000);
