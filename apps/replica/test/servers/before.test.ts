import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp } from '../primary.ts';
import { bootRestored } from './restored.ts';

const NAMES = ['redis-6.0', 'redis-8.0', 'valkey-9.1'];
const servers = installedServers().filter(({ name }) => NAMES.includes(name));

describe.each(servers)('$name', (installed) => {
  it('boots to the data from before a FLUSHALL, before a transaction, and before the last of several', async () => {
    await using primary = await Server.start(installed);
    await primary.command('SET', 'old', 'value');
    const directory = await freshDirectory();
    await using daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);

    const restore = async (...args: string[]) => {
      const run = Daemon.start(['restore', directory, '--dry-run', ...args]);
      return { exitCode: await run.exited, printed: run.printed };
    };
    const keysBefore = async (...args: string[]) => {
      await using server = await bootRestored(installed, directory, ...args);
      return [(await server.command('KEYS', '*')) as string[]].flat().sort();
    };

    await primary.command('SET', 'new', 'value');
    await caughtUp(primary);
    const none = await restore('--before', 'FLUSHALL');
    expect(none.exitCode, none.printed).toBe(64);
    expect(none.printed).toMatch(/no FLUSHALL in the restorable range of /);

    await primary.command('FLUSHALL');
    await primary.command('SET', 'after', 'value');
    await caughtUp(primary);
    expect(await keysBefore('--before', 'flushall')).toEqual(['new', 'old']);
    expect(await keysBefore()).toEqual(['after']);

    // The whole transaction is left out, and a script is one.
    await primary.client.multi().set('inside', '1').flushdb().set('inside', '2').exec();
    await caughtUp(primary);
    expect(await keysBefore('--before', 'flushDB')).toEqual(['after']);
    await primary.command('SET', 'script', 'value');
    const script = "redis.call('set', 'inside', '3'); redis.call('flushall')";
    await primary.command('EVAL', script, 0);
    await caughtUp(primary);

    const several = await restore('--before', 'FLUSHALL');
    expect(several.exitCode, several.printed).toBe(64);
    const lines = several.printed.match(/^ {2}\d{4}-\S+Z {2}FLUSHALL {2}db 0 {2}\w{40}:\d+$/gm);
    expect(lines, several.printed).toHaveLength(2);
    expect(several.printed).toMatch(/FLUSHALL is at 2 positions in .*: give --last/);
    expect(await keysBefore('--before', 'FLUSHALL', '--last')).toEqual(['inside', 'script']);
    const [first] = lines!.map((line) => line.trim().split(/ +/).at(-1)!);
    expect(await keysBefore('--at', first!)).toEqual(['new', 'old']);

    await primary.command('MSET', 'user:1', 'a', 'user:2', 'b');
    await primary.command('DEL', 'user:1');
    await primary.command('DEL', 'other', 'user:2');
    await caughtUp(primary);
    expect(await keysBefore('--before', 'del', '--match', '*:2')).toEqual(['user:2']);
    expect((await restore('--before', 'del', '--match', 'x*')).exitCode).toBe(64);
    expect(await daemon.stop()).toBe(0);
  });
});

describe('restore --before', () => {
  it.each([
    ['--match without it', ['--match', 'x'], /--match and --last need --before/],
    ['--last without it', ['--last'], /--match and --last need --before/],
    ['--at beside it', ['--before', 'set', '--at', '-5m'], /cannot be used with/],
    ['a subcommand', ['--before', 'config set'], /"config set" is not a command name/],
  ])('refuses %s with 64', async (_, args, says) => {
    const run = Daemon.start(['restore', await freshDirectory(), '--dry-run', ...args]);
    expect(await run.exited).toBe(64);
    expect(run.printed).toMatch(says);
  });
});
