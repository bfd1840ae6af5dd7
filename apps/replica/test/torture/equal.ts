import { dirname, join } from 'node:path';
import type { Load } from '@forebay/conformance';
import { bootCopy, compareDataSets, Server } from '@forebay/conformance';
import { expect } from 'vitest';
import { Daemon } from '../daemon.ts';
import { holdStill } from '../primary.ts';
import { followed } from './followed.ts';

/**
 * Milliseconds in which the two have to be equal once. Fields of hashes that come to their time go on
 * either side when it sees to it, and on a busy machine a comparison takes longer than that.
 */
const PATIENCE = 20_000;

/** A load does not mind a pause: its primary stands still until the two data sets are compared. */
export async function expectEqualWhile(
  load: Load,
  primary: Server,
  compare: (offset: number) => Promise<void>,
): Promise<void> {
  await load.pause();
  await holdStill(primary);
  await compare(await followed(primary));
  load.start();
}

/** Ends a daemon that has caught up: a copy of its directory boots to what the primary has. */
export async function expectStopsEqual(
  daemon: Daemon,
  primary: Server,
  directory: string,
): Promise<void> {
  await holdStill(primary);
  await followed(primary);
  expect(await daemon.stop(), daemon.printed).toBe(0);
  const { master_replid, master_repl_offset } = await primary.info('replication');
  expect(daemon.printed).toContain(`stopped at ${master_replid}:${master_repl_offset}`);
  await expectCopyEqual(primary, directory);
}

/** A copy of a directory that has caught up boots to what the primary has, whoever writes to it. */
export async function expectCopyEqual(primary: Server, directory: string): Promise<void> {
  await using copy = await bootCopy(primary.installed, directory, { loadTruncated: 'no' });
  await expectEqual(primary, copy);
}

/** `forebay restore` beside a daemon that runs: what it writes boots to what the primary has. */
export async function expectRestoresEqual(
  primary: Server,
  directory: string,
  offset: number,
): Promise<void> {
  const { installed } = primary;
  const out = join(dirname(directory), `restored-${offset}`);
  const form = installed.multipart ? [] : ['--single'];
  const run = Daemon.start(['restore', directory, '--out', out, ...form]);
  expect(await run.exited, run.printed).toBe(0);
  const { master_replid } = await primary.info('replication');
  expect(run.printed).toMatch(new RegExp(`^position +${master_replid}:${offset}$`, 'm'));
  const folder = installed.multipart ? { appenddirname: 'appendonlydir' } : {};
  await using restored = await Server.start(installed, {
    ...{ directory: out, removeDirectory: true },
    config: { appendonly: 'yes', 'aof-load-truncated': 'no', ...folder },
  });
  await expectEqual(primary, restored);
}

async function expectEqual(primary: Server, copy: Server): Promise<void> {
  await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  const options = { names: ['primary', 'copy'], withinMs: PATIENCE } as const;
  expect(await compareDataSets(primary.client, copy.client, options)).toEqual([]);
}
