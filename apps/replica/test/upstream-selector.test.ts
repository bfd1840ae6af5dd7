import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { UpstreamSelector } from '../src/follow/upstream/upstream-selector.ts';
import { Speaker } from '../src/reporter.ts';

class Silent extends Speaker {
  override say(): void {}
  override transfer(): void {}
  override clear(): void {}
}

function selector(): UpstreamSelector {
  const endpoint = { kind: 'tcp', host: 'h1', port: 6379 } as const;
  const candidate = { endpoint, username: undefined, password: undefined };
  return new UpstreamSelector(
    [candidate],
    async () => undefined,
    new Silent(),
    () => {},
  );
}

it('a selector that is detached and attached many times leaves no listener on the stop signal', async () => {
  const selected = selector();
  const { signal } = new AbortController();
  for (let times = 0; times < 20; times++) {
    selected.detach();
    const attached = selected.untilAttached(signal);
    selected.attach();
    await attached;
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

it('the stop signal ends the wait of a detached selector', async () => {
  const selected = selector();
  selected.detach();
  const stop = new AbortController();
  const attached = selected.untilAttached(stop.signal);
  stop.abort();
  await attached;
  expect(selected.attached).toBe(false);
});
