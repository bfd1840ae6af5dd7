import type { Load, Server } from '@forebay/conformance';
import { bootCopy, compareDataSets, mixedLoad } from '@forebay/conformance';
import { runSeed } from '@forebay/testkit';
import { expect } from 'vitest';

/**
 * A mixed load over all types. A primary before 7.0 is sent absolute times only: relative ones are in
 * its stream as they were typed, and count anew from the boot of a copy.
 */
export function loadOn(primary: Server, rate = 400): Load {
  return mixedLoad(primary.client, { seed: runSeed(), rate, absoluteTimes: true });
}

/** So many writes go to it, of all types. */
export async function writeSome(primary: Server, commands = 200): Promise<void> {
  const load = loadOn(primary).start();
  await expect.poll(() => load.commands).toBeGreaterThan(commands);
  await load.stop();
}

/** From here on the primary sends nothing by itself: what expires stays until it is asked for. */
export async function holdStill(primary: Server): Promise<void> {
  await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
  await stopPings(primary);
}

/** Else one comes every ten seconds, and makes the stream longer between two looks at its end. */
async function stopPings(primary: Server): Promise<void> {
  await primary.command('CONFIG', 'SET', 'repl-ping-replica-period', 3600);
}

/** What the primary counts of full and of partial syncs. */
export async function syncsOf(primary: Server): Promise<{ full: number; partial: number }> {
  const { sync_full, sync_partial_ok } = await primary.info('stats');
  return { full: Number(sync_full), partial: Number(sync_partial_ok) };
}

/** Cuts every replica off, as an operator would. */
export async function cutReplicas(primary: Server): Promise<void> {
  await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
}

/**
 * Waits until the primary says that its replicas have acknowledged everything: the offset in its own
 * `slave0` line is its own offset. It sends no PING from here on.
 */
export async function caughtUp(primary: Server): Promise<number> {
  await stopPings(primary);
  let offset = 0;
  const behind = async () => {
    const info = await primary.info('replication');
    offset = Number(info.master_repl_offset);
    const [, acknowledged] = /offset=(\d+)/.exec(info.slave0 ?? '') ?? [];
    return acknowledged === undefined ? 'no replica' : offset - Number(acknowledged);
  };
  await expect.poll(behind).toBe(0);
  return offset;
}

/** Boots a server of the same version from a copy of the directory, and compares it with the primary. */
export async function expectBootsEqual(primary: Server, directory: string): Promise<void> {
  await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  await using copy = await bootCopy(primary.installed, directory, { loadTruncated: 'no' });
  const names = { names: ['primary', 'copy'] as const };
  const differences = await compareDataSets(primary.client, copy.client, names);
  expect(differences).toEqual([]);
}
