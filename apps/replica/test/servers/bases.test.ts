import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, expectBootsEqual, holdStill, loadOn, syncsOf } from '../primary.ts';

/** A base a second, as soon as there is something new; of what is older nothing stays. */
const HASTY = [
  ...['--auto-aof-rewrite-min-size', '20kb', '--auto-aof-rewrite-percentage', '1'],
  ...['--base-interval', '1s', '--retain', '1s'],
];

describe.each(installedServers())('$name', (installed) => {
  it('fresh bases come while the stream goes on, and what is before them goes', async () => {
    await using primary = await Server.start(installed, {
      config: { 'repl-backlog-size': '64mb' },
    });
    await seedDataSet(primary.client, { megabytes: 2 });
    const directory = await freshDirectory();
    const load = loadOn(primary);
    load.start();
    const daemon = Daemon.follow(primary, directory, ...HASTY);
    await daemon.prints(/fresh base done/, 3);
    await daemon.prints(/let go of/, 2);
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await holdStill(primary);
    await caughtUp(primary);
    const count = (pattern: RegExp) => daemon.printed.match(pattern)?.length ?? 0;
    // One that is under way as it stops may have been counted above, and not been told here.
    const underWay = async () =>
      (await syncsOf(primary)).full - 1 - count(/fresh base done|fetch of a fresh base failed: /g);
    await expect.poll(underWay).toBe(0);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).not.toMatch(
      /fetch of a fresh base failed: (?!stopped|the link|.*closed)/,
    );

    // Each base cost the primary one full copy, and the link never broke.
    const begun = count(/fresh base, at/g);
    expect(await syncsOf(primary)).toEqual({ full: 1 + begun, partial: 0 });
    const path = join(directory, 'appendonlydir', 'appendonly.aof.manifest');
    const manifest = await readFile(path, 'utf8');
    expect(manifest.match(/^# base /gm)?.length).toBeLessThan(4);
    await expectBootsEqual(primary, directory);
  });
});
