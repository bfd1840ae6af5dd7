import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from './daemon.ts';

/** A password, of which no piece may be printed. */
const PIECES = /hunter|4711/;

describe('an address of a server', () => {
  const good: [address: string[], printed: string][] = [
    [['127.0.0.1', '6379'], '127.0.0.1 6379'],
    [['127.0.0.1:6379'], '127.0.0.1 6379'],
    [['[::1]:6379'], '::1 6379'],
    [['[::1]', '6379'], '::1 6379'],
    [['::1', '6379'], '::1 6379'],
    [['localhost:6379', '[::1]:6380', 'other', '1'], 'localhost 6379 ::1 6380 other 1'],
  ];

  it.each(good)('%j is taken by --replicaof', async (address, printed) => {
    const args = ['replica', '--replicaof', ...address, '--dir', 'x', '--print-config'];
    const daemon = Daemon.start(args);
    expect(await daemon.exited).toBe(0);
    const [, value = ''] = /^replicaof = (.*) # --replicaof$/m.exec(daemon.printed) ?? [];
    expect(
      value
        .replace(/[[",\]]+/g, ' ')
        .trim()
        .replace(/ +/g, ' '),
    ).toBe(printed);
  });

  const everywhere: [command: string, rest: string[]][] = [
    ['doctor', []],
    ['dump', ['-o', '/dev/null']],
    ['tail', []],
  ];

  it.each(everywhere)('is taken by %s in each form', async (command, rest) => {
    // Nothing listens there.
    for (const address of [['127.0.0.1', '1'], ['127.0.0.1:1'], ['redis://127.0.0.1:1']]) {
      const daemon = Daemon.start([command, ...address, ...rest]);
      expect(await daemon.exited).toBe(69);
      expect(daemon.printed).toMatch(/127\.0\.0\.1:1 cannot be reached: ECONNREFUSED/);
    }
    const ipv6 = Daemon.start([command, '[::1]:1', ...rest]);
    expect(await ipv6.exited).toBe(69);
    expect(ipv6.printed).toContain('[::1]:1 cannot be reached');
  });

  const bad: [what: string, address: string[], says: RegExp][] = [
    ['a port out of range', ['127.0.0.1', '99999'], /port 99999 is out of range: give 1 to 65535/],
    ['port 0', ['127.0.0.1:0'], /port 0 is out of range: give 1 to 65535/],
    ['a URL with such a port', ['redis://h:99999'], /the port is out of range: give 1 to 65535/],
    ['a host alone', ['localhost'], /give HOST PORT, HOST:PORT, or a URL/],
    [
      'a password with #',
      ['redis://:hunter#4711@h:1'],
      /cannot contain # or \?: write %23 and %3F/,
    ],
    [
      'a password that # cuts',
      ['redis://hunter:4711#x@h:1'],
      /cannot contain # or \?: write %23 and %3F/,
    ],
    [
      'a password that ? cuts',
      ['redis://hunter:4711?x@h:1'],
      /cannot contain # or \?: write %23 and %3F/,
    ],
  ];

  it.each(bad)('%s is refused in one line that repeats no password', async (_, address, says) => {
    for (const args of [['replica', '--dir', 'x', '--replicaof'], ['doctor']]) {
      const daemon = Daemon.start([...args, ...address]);
      expect(await daemon.exited).toBe(64);
      expect(daemon.printed).toMatch(says);
      expect(daemon.printed).not.toMatch(PIECES);
      expect(daemon.printed.trim().split('\n')).toHaveLength(1);
    }
  });

  it('keeps its # in --replicaof-file, where a comment begins a line or follows a space', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const file = join(directory, 'primaries');
    const check = async (text: string) => {
      await writeFile(file, text);
      const args = ['replica', '--replicaof-file', file, '--dir', 'x', '--check-config'];
      const daemon = Daemon.start(args);
      await daemon.exited;
      return daemon.printed;
    };
    expect(await check('# ours\n127.0.0.1:6379 # a\n[::1] 6379\n')).toMatch(/is good/);
    const cut = await check('redis://hunter:4711#x@h:1\n');
    expect(cut).toMatch(/--replicaof-file cannot be used: .*write %23 and %3F/);
    expect(cut).not.toMatch(PIECES);
  });
});
