import { installedServers, Server } from '@forebay/conformance';
import type { ReplicationReport, ResumePlan } from '@forebay/psync';
import { planResume } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import type { ReplicaErrorCode, UpstreamDecision } from '../src/index.ts';
import { Replica } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';

const MIB = 1024 * 1024;
/** More than the kernel holds for a server that does not read. */
const LEAD = 48;

/** One who keeps the stream, and goes on from what another server shares of it. */
class Follower implements AsyncDisposable {
  readonly store = new MemoryStore();
  readonly plans: ResumePlan[] = [];
  readonly errors: ReplicaErrorCode[] = [];
  readonly replica: Replica;
  snapshots = 0;
  readonly #following: Promise<void>;

  constructor(url: string) {
    this.replica = new Replica({
      url,
      backoff: { initialDelay: 20, maxDelay: 100 },
      onUpstream: async (report) => this.#decide(report),
    });
    this.replica.on('attempt-ended', ({ code }) => this.errors.push(code));
    this.#following = this.#follow();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.replica.detach();
    await this.#following;
  }

  #decide(report: ReplicationReport | undefined): UpstreamDecision {
    const { start: lowest, end: offset } = this.store;
    const { history } = this.replica;
    if (history === undefined) return { type: 'ask' };
    const plan = planResume({ history, offset, lowest }, report);
    this.plans.push(plan);
    switch (plan.type) {
      case 'continue':
        return { type: 'ask' };
      case 'step-back':
        return {
          type: 'resume',
          resume: { history: plan.history, ...this.store.stepBack(plan.to) },
        };
      case 'wait':
        return { type: 'later', reason: plan.reason };
      case 'full':
        return plan;
    }
  }

  async #follow(): Promise<void> {
    for await (const item of this.replica) {
      this.store.take(item);
      if (item.type === 'snapshot-end') this.snapshots++;
      if (item.type === 'snapshot-end' || item.type === 'stream') {
        this.replica.progress({ written: item.offset });
      }
    }
  }
}

async function offsetOf(server: Server): Promise<number> {
  return Number((await server.info('replication')).master_repl_offset);
}

describe.each(installedServers())('a failover of $name', (installed) => {
  it('to a replica that is behind us costs a step back, and no full copy', async () => {
    // Only what comes after the freeze may part them.
    const config = { 'repl-ping-replica-period': 3600, 'repl-timeout': 3600 };
    await using primary = await Server.start(installed, { config });
    await using other = await Server.start(installed, { config });
    await other.command('REPLICAOF', '127.0.0.1', primary.port);
    await expect
      .poll(async () => (await primary.info('replication')).slave0 ?? '')
      .toContain('state=online');
    await using follower = new Follower(primary.url);
    await expect.poll(() => follower.replica.state).toBe('stream');
    await primary.command('SET', 'key', 'known to all');
    expect(await primary.command('WAIT', 2, 10_000)).toBe(2);

    other.freeze();
    for (let i = 0; i < LEAD; i++) await primary.command('SET', `key ${i}`, 'x'.repeat(MIB));
    const end = await offsetOf(primary);
    await expect.poll(() => follower.store.end).toBe(end);
    await primary.kill();
    other.thaw();
    await other.command('REPLICAOF', 'NO', 'ONE');
    const { master_replid, sync_full } = await other.info();
    const reached = await offsetOf(other);
    expect(reached).toBeLessThan(end);

    follower.replica.retarget({ url: other.url });
    await expect.poll(() => follower.replica.history?.id).toBe(master_replid);
    expect(follower.plans.at(-1)).toMatchObject({
      type: 'step-back',
      to: reached,
      upstreamId: master_replid,
    });
    await other.command('SET', 'key', 'of the promoted one');
    expect(await other.command('WAIT', 1, 10_000)).toBe(1);
    expect(follower.store.end).toBe(await offsetOf(other));
    expect((await other.info()).sync_full).toBe(sync_full);
    expect(follower.snapshots).toBe(1);
  });
});
