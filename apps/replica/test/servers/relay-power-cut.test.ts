import { readdir, stat, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installedServers, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import type { DaemonOptions } from '../daemon.ts';
import { Daemon, followArguments } from '../daemon.ts';
import { syncsOf } from '../primary.ts';
import { chain, expectCaughtUp, expectEqual, fullResyncs, replicaOf } from './chain.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'other-boot.mjs')).href;
const REBOOTED = { env: { NODE_OPTIONS: `--import ${PRELOAD}` } };

/** Takes from the newest file of a log what a power cut would, of what was never synced. */
async function cutTail(directory: string, bytes: number): Promise<void> {
  const files = join(directory, 'appendonlydir');
  const names = (await readdir(files)).filter((name) => name.endsWith('.incr.aof'));
  const newest = join(files, names.sort().at(-1)!);
  const { size, atime, mtime } = await stat(newest);
  await truncate(newest, size - bytes);
  // A power cut is no write: a file written to later than we have noted is taken for a server's.
  await utimes(newest, atime, mtime);
}

describe.each(installedServers())('$name above and below', (installed) => {
  it('a power cut takes our tail: who has it waits below us until we have it again', async () => {
    const { primary, directory, daemon, port } = await chain(installed);
    const below = await replicaOf(installed, port);
    await expectCaughtUp(primary, below);
    await daemon.stop();
    // From here on nothing is synced.
    const flags = ['--port', String(port), '--appendfsync', 'no'];
    const start = (options?: DaemonOptions) =>
      Daemon.start(followArguments(primary, directory, flags), options);
    const unsynced = start();
    await unsynced.prints(/partial resync/);
    await seedDataSet(primary.client, { megabytes: 1, seed: 5 });
    await expectCaughtUp(primary, below);
    await unsynced.stop('SIGKILL');
    await cutTail(directory, 300_000);
    primary.freeze();
    const again = start(REBOOTED);
    await again.prints(/were not synced when the power went/);
    await expect.poll(() => below.log(), { timeout: 20_000 }).toMatch(/NOMASTERLINK/);
    primary.thaw();
    await again.prints(/partial resync/);
    await primary.command('SET', 'after', '1');
    await expectEqual(primary, below);
    expect(fullResyncs(below)).toBe(1);
    expect((await syncsOf(primary)).full).toBe(1);
  });
});
