import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { InstalledServer } from '@forebay/conformance';
import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, loadOn } from '../primary.ts';

const VALUE = 'a value to be damaged';

describe.each(installedServers())('what is held of $name', (installed) => {
  it('passes a check while it grows, and a server boots from it; a flipped bit is found and repaired', async () => {
    await using primary = await Server.start(installed);
    await seedDataSet(primary.client, { megabytes: 2 });
    const directory = await freshDirectory();
    const load = loadOn(primary, 800);
    load.start();
    const daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    for (let i = 0; i < 3; i++) {
      const enough = load.commands + 100;
      await expect.poll(() => load.commands).toBeGreaterThan(enough);
      const live = Daemon.start(['check', directory]);
      expect(await live.exited, live.printed).toBe(0);
      expect(live.printed).toMatch(/: nothing is wrong\n/);
      expect(await Daemon.start(['log', directory]).exited).toBe(0);
    }
    await load.stop();
    await primary.command('FLUSHALL');
    await primary.command('MSET', 'one', VALUE, 'two', '2');
    await primary.command('SELECT', 3);
    await primary.command('SET', 'three', '3');
    const offset = await caughtUp(primary);
    expect(await daemon.stop()).toBe(0);

    const server = await programOf(installed, directory);
    const home = dirname(directory);
    const args = ['check', directory, '--boot', '--server', server];
    const boot = Daemon.start(args, { env: { TMPDIR: home } });
    expect(await boot.exited, boot.printed).toBe(0);
    expect(boot.printed).toMatch(/nothing is wrong/);
    expect(boot.printed).toMatch(
      new RegExp(`loaded 3 keys in \\d+\\.\\d s, at \\w{40}:${offset}\n`),
    );
    expect((await readdir(home)).filter((name) => name.startsWith('forebay-boot-'))).toEqual([]);

    const path = join(directory, 'appendonlydir', 'appendonly.aof.2.incr.aof');
    const bytes = await readFile(path);
    const place = bytes.lastIndexOf(VALUE) + 4;
    bytes[place]! ^= 4;
    await writeFile(path, bytes);
    const damaged = Daemon.start(['check', directory]);
    expect(await damaged.exited).toBe(1);
    expect(damaged.printed).toMatch(
      new RegExp(`error: appendonlydir/appendonly.aof.2.incr.aof, byte ${place} \\(offset \\d+\\)`),
    );
    const repair = Daemon.start([...args, '--repair'], { env: { TMPDIR: home } });
    expect(await repair.exited, repair.printed).toBe(0);
    expect(repair.printed).toContain(`flipped bit 2 of byte ${place} `);
    expect(repair.printed).not.toContain('lost:');
    expect(repair.printed).toMatch(new RegExp(`loaded 3 keys in .*, at \\w{40}:${offset}\n`));
  });
});

/** A path that starts an installed server, whose command line has more than one word. */
async function programOf({ server }: InstalledServer, directory: string): Promise<string> {
  const path = join(dirname(directory), 'server.sh');
  const words = server.map((word) => `'${word}'`).join(' ');
  await writeFile(path, `#!/bin/sh\nexec ${words} "$@"\n`);
  await chmod(path, 0o700);
  return path;
}
