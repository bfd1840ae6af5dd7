import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, expectBootsEqual, holdStill, loadOn, syncsOf } from '../primary.ts';

const run = promisify(execFile);
const installed = installedServers().at(-1)!;

/** Ways in which people copy a directory; files come in any order, and dated anew. */
const WAYS: Readonly<Record<string, (from: string, to: string) => Promise<unknown>>> = {
  tar: (from, to) =>
    run('sh', ['-c', 'mkdir "$2"; tar -C "$1" -cf - . | tar -C "$2" -xf - || true', '-', from, to]),
  'cp -r': (from, to) => run('cp', ['-r', from, to]).catch(() => {}),
  'cp, one file after the other': async (from, to) => {
    const random = randomFrom(runSeed());
    await mkdir(join(to, 'appendonlydir'), { recursive: true });
    const names = await readdir(join(from, 'appendonlydir'));
    const shuffled = names.map((name) => ({ name, key: random.float() }));
    for (const { name } of shuffled.sort((a, b) => a.key - b.key)) {
      const [source, target] = [from, to].map((each) => join(each, 'appendonlydir', name));
      await copyFile(source!, target!).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  },
};

describe('a copy of a directory that forebay writes to', () => {
  it.each(Object.keys(WAYS))(
    'made by %s is checked, restored and continued by a daemon',
    async (way) => {
      const config = { 'repl-backlog-size': '64mb' };
      await using primary = await Server.start(installed, { config });
      await seedDataSet(primary.client, { megabytes: 1 });
      const directory = await freshDirectory();
      await using daemon = Daemon.follow(primary, directory);
      await daemon.prints(/full copy done/);
      const load = loadOn(primary).start();
      await expect.poll(() => load.commands).toBeGreaterThan(300);
      const copy = `${await freshDirectory()}-copy`;
      await WAYS[way]!(directory, copy);
      await load.stop();

      const checked = Daemon.start(['check', copy]);
      expect(await checked.exited, checked.printed).toBe(0);
      const restored = Daemon.start(['restore', copy, '--out', `${copy}-out`]);
      expect(await restored.exited, restored.printed).toBe(0);

      await daemon.stop();
      await using second = Daemon.follow(primary, copy);
      await second.prints(/the directory is a copy: checksums confirm it up to/);
      await second.prints(/partial resync/);
      await holdStill(primary);
      await caughtUp(primary);
      expect((await syncsOf(primary)).full).toBe(1);
      expect(await second.stop()).toBe(0);
      await expectBootsEqual(primary, copy);
    },
  );

  it('in which a server was started after a clean stop is refused', async () => {
    await using primary = await Server.start(installed);
    const directory = await freshDirectory();
    const daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    await caughtUp(primary);
    expect(await daemon.stop()).toBe(0);
    const copy = `${await freshDirectory()}-copy`;
    await run('cp', ['-r', directory, copy]);
    const booted = await Server.start(installed, {
      directory: copy,
      config: { appendonly: 'yes' },
    });
    await booted.command('SET', 'foreign', 'bytes');
    await booted.stop();
    const again = Daemon.follow(primary, copy);
    expect(await again.exited).toBe(78);
    expect(again.printed).toMatch(/a server has been started in this directory/);
  });
});
