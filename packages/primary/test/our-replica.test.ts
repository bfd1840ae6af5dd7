import { StreamTracker, startHistory } from '@forebay/psync';
import { Replica } from '@forebay/replica';
import { expect, it, onTestFinished } from 'vitest';
import { Primary } from '../src/index.ts';

it("our own replica takes a copy, the stream, and goes on under a failover's new id", async () => {
  const primary = new Primary({ pingPeriod: 0 });
  onTestFinished(() => primary.close());
  await primary.listen();
  primary.propagate(['SET', 'k', '1']);
  const replica = new Replica({
    url: `redis://127.0.0.1:${primary.port}`,
    backoff: { random: () => 0 },
  });
  onTestFinished(() => replica.detach());
  const types: string[] = [];
  let shifted = false;
  for await (const item of replica) {
    if (types.at(-1) !== item.type) types.push(item.type);
    if (item.type === 'snapshot-end') replica.progress({ written: item.offset });
    if (item.type !== 'stream') continue;
    replica.progress({ written: item.offset, synced: item.offset });
    if (item.offset < primary.position.offset) continue;
    expect(await primary.wait(1, 20_000)).toBe(1);
    if (shifted) break;
    shifted = true;
    primary.shiftId();
    primary.propagate(['SET', 'k', '2']);
  }
  expect(replica.history).toMatchObject({ id: primary.position.id });
  expect(types).toEqual([
    ...['full-resync', 'snapshot', 'snapshot-end', 'stream'],
    ...['continue', 'stream'],
  ]);
});

it('one that resumes past what there is gets a full copy', async () => {
  const primary = new Primary({ pingPeriod: 0 });
  onTestFinished(() => primary.close());
  await primary.listen();
  const history = startHistory(primary.position.id);
  const stream = new StreamTracker({ offset: 100 });
  const replica = new Replica({
    url: `redis://127.0.0.1:${primary.port}`,
    resume: { history, offset: 100, stream },
  });
  onTestFinished(() => replica.detach());
  for await (const item of replica) {
    expect(item.type).toBe('full-resync');
    break;
  }
});
