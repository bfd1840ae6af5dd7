import { Log } from '@forebay/log';
import { Primary } from '@forebay/primary';
import type { ReplicationReport } from '@forebay/psync';
import { BLANK_ID } from '@forebay/psync';
import { Replica } from '@forebay/replica';
import { describe, expect, it } from 'vitest';
import { decideResume } from '../../src/follow-log/decide-resume.ts';
import { follow } from '../../src/follow-log/follow.ts';
import { freshDirectory } from '../daemon.ts';

const PROMOTED = 'b'.repeat(40);

/** A log with two commands; `shared` is the offset between them. */
async function logOfTwo(): Promise<{ log: Log; shared: number }> {
  await using primary = new Primary({ pingPeriod: 0 });
  await primary.listen();
  const log = await Log.open(await freshDirectory());
  const replica = new Replica({ url: { kind: 'tcp', host: '127.0.0.1', port: primary.port } });
  const following = follow(replica, log);
  primary.propagate(['SET', 'key', 'a']);
  expect(await primary.wait(1, 5000)).toBe(1);
  const shared = log.written;
  primary.propagate(['SET', 'key', 'b']);
  expect(await primary.wait(1, 5000)).toBe(1);
  await replica.detach();
  await following;
  return { log, shared };
}

/** A replica that was promoted when it had the stream up to `shared`. */
function promotedAt(id: string, shared: number): ReplicationReport {
  return {
    role: 'primary',
    id: PROMOTED,
    secondId: id,
    secondIdLimit: shared + 1,
    offset: shared,
    backlog: { active: true, firstByte: 1, length: shared },
    loading: false,
    upstream: undefined,
    replicas: [],
    runIds: [],
  };
}

describe('at a server that was promoted before it had all bytes of the log', () => {
  it('the log steps back to the end of their common history, and resumes there', async () => {
    const { log, shared } = await logOfTwo();
    const { id } = log.history!;
    const from = log.written;
    const steps: unknown[] = [];
    const decision = await decideResume(log, promotedAt(id, shared), {
      onStepBack: (step) => steps.push([step.from.offset, step.offset]),
    });
    expect(decision).toMatchObject({ type: 'resume', resume: { offset: shared } });
    expect(steps).toEqual([[from, shared]]);
    expect(log.written).toBe(shared);
    await log.close();
  });

  it('the log stays as it is if there is no room for the bytes that a step back moves', async () => {
    const { log, shared } = await logOfTwo();
    const { written } = log;
    const decided = decideResume(log, promotedAt(log.history!.id, shared), {
      admitStepBack: async () => {
        throw new Error('no room');
      },
    });
    await expect(decided).rejects.toThrow('no room');
    expect(log.written).toBe(written);
    await log.close();
  });
});

it('a server of another history means a full resync, and a server that refuses INFO is sent PSYNC', async () => {
  const { log } = await logOfTwo();
  const other = promotedAt(BLANK_ID, 10);
  expect(await decideResume(log, other)).toMatchObject({ type: 'full' });
  expect(await decideResume(log, undefined)).toEqual({ type: 'ask' });
  await log.close();
});
