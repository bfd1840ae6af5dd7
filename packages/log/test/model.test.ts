import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { Log } from '../src/index.ts';
import { A, B, collect, EMPTY_RDB } from './directories.ts';

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ append: fc.string({ maxLength: 300 }) }) },
  { weight: 2, arbitrary: fc.constant('reopen' as const) },
  { weight: 1, arbitrary: fc.record({ base: fc.nat(2 ** 40) }) },
  { weight: 1, arbitrary: fc.constant('sync' as const) },
);

it('holds what a naive log in memory holds, after any steps and at any place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      run,
    ),
    { numRuns: 60 },
  );
});

type Step = { append: string } | { base: number } | 'reopen' | 'sync';

async function run(steps: readonly Step[], place: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-model-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  let log = await Log.open(directory);
  let model = { id: A, start: 0, bytes: '' };
  const adopt = async (start: number) => {
    model = { id: model.id === A ? B : A, start, bytes: '' };
    await writeFile(log.baseTarget.path, EMPTY_RDB);
    await log.adoptBase({ history: startHistory(model.id), offset: start, database: 0 });
  };
  await adopt(0);
  for (const each of steps) {
    if (each === 'sync') await log.sync();
    else if (each === 'reopen') {
      await log.close();
      log = await Log.open(directory);
    } else if ('base' in each) await adopt(each.base);
    else {
      const bytes = encodeCommand(['SET', 'k', each.append]);
      await log.append(bytes);
      model = { ...model, bytes: model.bytes + Buffer.from(bytes).toString('latin1') };
    }
  }
  const from = Math.round(place * model.bytes.length);
  expect(log.written).toBe(model.start + model.bytes.length);
  expect(log.history).toEqual(startHistory(model.id));
  const held = await collect(log.read(model.start + 1 + from, { follow: false }));
  expect(held).toBe(model.bytes.slice(from));
  await log.close();
}
