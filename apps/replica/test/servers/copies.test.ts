import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { inspect, nodeDisk } from '@forebay/log';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, expectBootsEqual, holdStill, loadOn, syncsOf } from '../primary.ts';
import { bootRestored } from './restored.ts';

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

/** A daemon in a copy prints `first`, continues without a full resync, and what it then holds is the primary's data. */
async function expectContinues(primary: Server, copy: string, ...first: RegExp[]): Promise<void> {
  await using daemon = Daemon.follow(primary, copy);
  for (const line of [...first, /partial resync/]) await daemon.prints(line);
  await holdStill(primary);
  await caughtUp(primary);
  expect((await syncsOf(primary)).full).toBe(1);
  expect(await daemon.stop()).toBe(0);
  await expectBootsEqual(primary, copy);
}

describe('a copy of a directory that forebay writes to', () => {
  it.each(Object.keys(WAYS))(
    'made by %s is checked, restored and continued by a daemon',
    async (way) => {
      await using primary = await seededPrimary();
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
      await expectContinues(primary, copy, /the directory is a copy: checksums confirm it up to/);
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

describe('forebay log --copy', () => {
  it('copies a log under load: each copy is whole, boots, and is continued by a partial resync', async () => {
    await using primary = await seededPrimary();
    const directory = await freshDirectory();
    await using daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    const load = loadOn(primary).start();
    const copies: string[] = [];
    for (const number of [1, 2, 3]) {
      const before = load.commands;
      await expect.poll(() => load.commands).toBeGreaterThan(before + 200);
      // An empty directory may be there already.
      const out = `${directory}-copy-${number}`;
      if (number === 2) await mkdir(out);
      await primary.command('SET', 'copy', number);
      const marked = Number((await primary.info('replication')).master_repl_offset);
      await reaches(directory, marked);
      const copying = Daemon.start(['log', directory, '--copy', out, '--json']);
      expect(await copying.exited, copying.printed).toBe(0);
      const copied = JSON.parse(copying.printed.slice(copying.printed.indexOf('{\n'))) as Copied;
      expect(Number(copied.position.split(':')[1])).toBeGreaterThanOrEqual(marked);
      expect(copied.bytes).toBeGreaterThan(copied.linked);
      expect(copied.linked).toBeGreaterThan(1_000_000);
      copies.push(out);
    }
    expect((await stat(copies[0]!)).mode & 0o777).toBe(0o700);
    await load.stop();
    for (const [i, copy] of copies.entries()) {
      const checked = Daemon.start(['check', copy]);
      expect(await checked.exited, checked.printed).toBe(0);
      expect(checked.printed).toMatch(/nothing is wrong\n/);
      await using booted = await bootRestored(installed, copy);
      expect(await booted.command('GET', 'copy')).toBe(String(i + 1));
    }
    expect(await daemon.stop()).toBe(0);
    const [copy = ''] = copies;
    await expectContinues(primary, copy);
    // The log and the later copies have not changed with it.
    for (const other of [directory, ...copies.slice(1)]) {
      const checked = Daemon.start(['check', other]);
      expect(await checked.exited, checked.printed).toBe(0);
    }
  });

  it('refuses a directory inside a log, one that is not empty, and one that has no log', async () => {
    await using primary = await Server.start(installed);
    const directory = await freshDirectory();
    await using daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    const inside = Daemon.start(['log', directory, '--copy', join(directory, 'copy')]);
    expect(await inside.exited).toBe(64);
    expect(inside.printed).toMatch(/is the directory of a log: give a path outside of it/);
    const filled = `${directory}-filled`;
    await mkdir(filled);
    await writeFile(join(filled, 'file'), '');
    const refused = Daemon.start(['log', directory, '--copy', filled]);
    expect(await refused.exited).toBe(78);
    expect(refused.printed).toMatch(/is not empty: give a directory that is empty, or not there/);
    expect(await readdir(filled)).toEqual(['file']);
    const nothing = Daemon.start(['log', filled, '--copy', `${directory}-copy`]);
    expect(await nothing.exited).toBe(78);
    const named = Daemon.start(['log', directory, '--copy', `${directory}-copy`]);
    expect(await named.exited).toBe(0);
    expect(named.printed).toMatch(
      /^copied to \/\S+-copy: up to [\da-f]{40}:\d+, .* hard links\) in 4 files$/m,
    );
  });
});

/** A primary with a megabyte of data, and a backlog that outlasts a copy under load. */
async function seededPrimary(): Promise<Server> {
  const primary = await Server.start(installed, { config: { 'repl-backlog-size': '64mb' } });
  await seedDataSet(primary.client, { megabytes: 1 });
  return primary;
}

interface Copied {
  readonly position: string;
  readonly bytes: number;
  readonly linked: number;
}

/** Waits until a log holds the stream up to an offset. */
async function reaches(directory: string, offset: number): Promise<void> {
  await expect
    .poll(async () => (await inspect(nodeDisk, directory)).segments.at(-1)?.to)
    .toBeGreaterThanOrEqual(offset);
}
