import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from './daemon.ts';
import { forebay } from './rdb/run.ts';
import { A, B, newLog } from './small-log.ts';
import { Tailing } from './tailing.ts';

const noServer = installedServers().length === 0;

const NONE = 'f'.repeat(40);

/** What `forebay cursor` with these arguments does to a directory. */
async function cursor(directory: string, ...args: string[]) {
  const { code, stdout, stderr } = await forebay(['cursor', ...args, '--dir', directory]);
  return { code, text: stdout.toString(), stderr };
}

async function listed(directory: string): Promise<Record<string, unknown>[]> {
  return JSON.parse((await cursor(directory, 'list', '--json')).text);
}

describe('forebay cursor while no daemon runs', () => {
  it('creates, moves forwards and back, lists and removes a cursor', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    await append('SET', 'a', '1');
    const middle = log.written;
    await append('SET', 'b', '1');
    await log.close();
    expect(await cursor(directory, 'list')).toMatchObject({ code: 0, text: 'no cursors\n' });
    for (const [text, offset] of [
      ['end', log.written],
      ['start', 0],
      [`${A}:${middle}`, middle],
    ] as const) {
      const done = await cursor(directory, 'set', 'one', text);
      expect(done).toEqual({ code: 0, text: '', stderr: '' });
      const [found, ...others] = await listed(directory);
      const behind = log.written - offset;
      expect(found).toMatchObject({
        name: 'one',
        position: `${A}:${offset}`,
        state: 'readable',
        behind,
      });
      expect(found?.age === 0).toBe(behind === 0);
      expect(others).toEqual([]);
    }
    const tail = new Tailing(['--dir', directory, '--no-follow', '--cursor', 'one']);
    expect(await tail.ended).toBe(0);
    expect(tail.lines.map(({ args }) => args[0])).toEqual(['b']);
    const { text } = await cursor(directory, 'list');
    expect(text).toMatch(/^NAME +POSITION +STATE +LAG +AGE\none +a{40}:\d+ +readable +0 B +0 s\n$/);
    expect(await cursor(directory, 'rm', 'one')).toMatchObject({ code: 0, text: '' });
    expect(await listed(directory)).toEqual([]);
    expect(await cursor(directory, 'rm', 'one')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/has no cursor one$/m),
    });
  });

  it('refuses an invalid position, a position that is not held, and an invalid name: 64', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    await append('SET', 'a', '1');
    await log.close();
    const held = `${A}:0 \\(start\\) to ${A}:${log.written} \\(end\\) are held`;
    for (const [name, position, message] of [
      ['one', 'yesterday', '"yesterday" is not a position: give <id>:<offset>, start or end'],
      ['one', `${NONE}:1`, held],
      ['one', `${A}:${log.written + 1}`, held],
      ['../one', 'end', 'cannot name a cursor'],
    ] as const) {
      const refused = await cursor(directory, 'set', name, position);
      expect(refused).toMatchObject({ code: 64, stderr: expect.stringMatching(message) });
    }
    expect(await cursor(directory, 'rm', '../one')).toMatchObject({ code: 64 });
    expect(await listed(directory)).toEqual([]);
  });

  it('sets and removes a cursor with a damaged file', async () => {
    const directory = await freshDirectory();
    const { log } = await newLog(directory);
    await log.close();
    expect(await cursor(directory, 'set', 'one', 'end')).toMatchObject({ code: 0 });
    const file = join(directory, 'cursors', 'one.cursor');
    await writeFile(file, 'nonsense');
    expect(await listed(directory)).toMatchObject([{ state: 'damaged', position: null }]);
    expect(await cursor(directory, 'set', 'one', 'end')).toMatchObject({ code: 0 });
    expect(await listed(directory)).toMatchObject([{ state: 'readable' }]);
    await writeFile(file, 'nonsense');
    expect(await cursor(directory, 'rm', 'one')).toMatchObject({ code: 0 });
  });
});

it('the error about a lost cursor has the commands that move and remove it, ready for a shell', async () => {
  const directory = join(await freshDirectory(), 'a log');
  const { log, append, begin } = await newLog(directory);
  await append('SET', 'a', '1');
  expect(await cursor(directory, 'set', 'one', 'start')).toMatchObject({ code: 0 });
  await begin(500, B);
  await log.retain({ size: 0, hardLimit: 0 });
  await log.close();
  const tail = new Tailing(['--dir', directory, '--no-follow', '--cursor', 'one']);
  expect(await tail.ended).toBe(64);
  expect(tail.errors).toMatch(
    /cursor one is lost: .*"forebay cursor set one POSITION --dir '.*\/a log'" moves the cursor, "forebay cursor rm one --dir '.*\/a log'" removes it\n$/,
  );
  expect(await cursor(directory, 'set', 'one', 'start')).toMatchObject({ code: 0 });
  const again = new Tailing(['--dir', directory, '--no-follow', '--cursor', 'one']);
  expect(await again.ended).toBe(0);
});

it.skipIf(noServer)(
  'a cursor is listed with its lag, moved and removed while the daemon runs',
  async () => {
    const directory = await freshDirectory();
    await using primary = await Server.start(installedServers().at(-1)!);
    await primary.command('SET', 'first', '1');
    const daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    expect(await cursor(directory, 'set', 'one', 'end')).toMatchObject({ code: 0, stderr: '' });
    await primary.command('SET', 'second', 'x'.repeat(100_000));
    await expect
      .poll(async () => (await listed(directory))[0]?.behind, { timeout: 20_000 })
      .toBeGreaterThan(100_000);
    expect(await cursor(directory, 'set', 'one', 'end')).toMatchObject({ code: 0, stderr: '' });
    expect((await listed(directory))[0]?.behind).toBeLessThan(100_000);
    expect(await cursor(directory, 'rm', 'one')).toMatchObject({ code: 0, stderr: '' });
    expect(await listed(directory)).toEqual([]);
    expect(await daemon.stop()).toBe(0);
  },
);
