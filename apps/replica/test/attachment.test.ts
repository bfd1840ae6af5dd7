import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { Attachment } from '../src/follow/attachment.ts';

it('let go of and taken up again, time after time, it leaves nothing at what stops it', async () => {
  const attachment = new Attachment();
  const { signal } = new AbortController();
  for (let times = 0; times < 20; times++) {
    attachment.detach();
    const awaited = attachment.awaited(signal);
    attachment.attach();
    await awaited;
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('what stops it ends the wait', async () => {
  const attachment = new Attachment();
  attachment.detach();
  const stop = new AbortController();
  const awaited = attachment.awaited(stop.signal);
  stop.abort();
  await awaited;
  expect(attachment.attached).toBe(false);
});
