import { randomFrom } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { check } from '../src/index.ts';
import { SimulatedLog } from './model/simulated-log.ts';

it('model', async () => {
  const bad: string[] = [];
  let n = 0,
    warned = new Map<string, number>();
  const t = performance.now();
  for (let i = 0; i < 400; i++) {
    const log = new SimulatedLog(randomFrom(1000 + i));
    for (let step = 0; step < 40; step++) {
      await log.step();
      const { onOperation } = log.disk;
      log.disk.onOperation = undefined;
      if (log.disk.paths().some((p) => p.endsWith('manifest'))) {
        n++;
        const { findings } = await check(log.disk.process, '/data');
        for (const f of findings) {
          if (f.severity === 'error')
            bad.push(`${i} ${step} ${JSON.stringify(f)} ${log.story.slice(-4).join(' | ')}`);
          else
            warned.set(
              f.what.replace(/\d+/g, 'N'),
              (warned.get(f.what.replace(/\d+/g, 'N')) ?? 0) + 1,
            );
        }
      }
      log.disk.onOperation = onOperation;
    }
    await log.finish();
  }
  console.log(performance.now() - t, n, bad.length, bad.slice(0, 12).join('\n'), warned);
}, 600_000);
