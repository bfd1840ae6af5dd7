import { expect, it } from 'vitest';
import { Bound } from '../../src/logging/bound.ts';
import type { Entry } from '../../src/logging/entry.ts';
import { entryOf } from '../../src/logging/entry.ts';

it('what clients can cause is said so often and then counted, everything else is said', () => {
  const passed: Entry[] = [];
  const bound = new Bound((entry) => passed.push(entry));
  const message = 'a client was let go: ECONNRESET';
  for (let i = 0; i < 10_000; i++)
    bound.take(entryOf('trouble', message, { event: 'client-let-go' }));
  expect(passed).toHaveLength(20);
  for (let i = 0; i < 100; i++) bound.take(entryOf('trouble', 'lost', { event: 'link-lost' }));
  for (let i = 0; i < 100; i++) bound.take(entryOf('step', 'of a command'));
  expect(passed).toHaveLength(220);
  bound.flush();
  expect(passed.slice(220)).toEqual([
    {
      tone: 'trouble',
      message: '9980 more lines of the kind client-let-go in 10 s',
      fields: { event: 'more', reason: 'client-let-go', count: 9980 },
    },
  ]);
  bound.flush();
  bound.take(entryOf('trouble', message, { event: 'client-let-go' }));
  expect(passed).toHaveLength(222);
});
