import type { Server } from '@forebay/conformance';
import type { ReplicationReport } from '@forebay/psync';
import { parseReplicationReport } from '@forebay/psync';
import { expect } from 'vitest';

/** The daemon serves nobody, and announces that; other replicas have a port. */
const OUR_PORT = 0;

export async function reportOf(server: Server): Promise<ReplicationReport> {
  const report = parseReplicationReport(String(await server.command('INFO', 'replication')));
  if (report === undefined) throw new Error('INFO replication is not understood');
  return report;
}

/** The highest offset that the daemon has acknowledged on a link that stands; -1 without one. */
export async function acknowledged(server: Server): Promise<number> {
  const { replicas } = await reportOf(server);
  const ours = replicas.filter(({ port, state }) => port === OUR_PORT && state === 'online');
  return Math.max(-1, ...ours.map(({ offset }) => offset));
}

/** Waits until the daemon has acknowledged all that a server has, and returns that offset. */
export async function followed(server: Server): Promise<number> {
  let end = 0;
  const behind = async () => {
    end = (await reportOf(server)).offset ?? 0;
    const held = await acknowledged(server);
    return held === -1 ? 'no link' : end - held;
  };
  await expect.poll(behind, { timeout: 60_000 }).toBe(0);
  return end;
}

/** Waits until the daemon has acknowledged what a server has now, while more comes. */
export async function followedUpToNow(server: Server): Promise<void> {
  const { offset = 0 } = await reportOf(server);
  await expect.poll(() => acknowledged(server), { timeout: 60_000 }).toBeGreaterThanOrEqual(offset);
}
