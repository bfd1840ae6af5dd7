import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DaemonOptions } from './daemon.ts';
import { Daemon, freshDirectory } from './daemon.ts';

const [installed] = installedServers();
const PATIENCE = { timeout: 10_000 };

/** Receives datagrams at a path, which Node cannot, and prints each as a line; the first says it listens. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    text = s.recv(4096).decode().strip().replace(chr(10), ' ')
    # systemd-notify waits until it is read: a file descriptor comes along that is closed here.
    if text != 'BARRIER=1': print(text, flush=True)
`;

interface Told {
  readonly env: Record<string, string>;
  /** All that systemd was told so far, a line a message. */
  readonly lines: () => Promise<string[]>;
}

/** The command as it is called, in place of the real one. */
async function standIn(): Promise<Told> {
  const directory = await freshDirectory();
  await mkdir(directory);
  const told = join(directory, 'told');
  const script = join(directory, 'systemd-notify');
  await writeFile(told, '');
  await writeFile(script, `#!/bin/sh\necho "$*" >> '${told}'\n`);
  await chmod(script, 0o755);
  const env = { NOTIFY_SOCKET: '/nowhere', PATH: `${directory}:${process.env.PATH}` };
  return { env, lines: async () => linesOf(await readFile(told, 'utf8')) };
}

/** The real command, and a socket as systemd has it. */
async function realSocket(): Promise<Told> {
  const directory = await freshDirectory();
  await mkdir(directory);
  const path = join(directory, 'notify');
  const receiver = spawn('python3', ['-c', RECEIVER, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    receiver.kill('SIGKILL');
    if (receiver.exitCode === null && receiver.signalCode === null) await once(receiver, 'exit');
  });
  let text = '';
  receiver.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  await expect.poll(() => text, PATIENCE).toMatch(/listening/);
  return { env: { NOTIFY_SOCKET: path }, lines: async () => linesOf(text).slice(1) };
}

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

const hasReal = ['systemd-notify', 'python3'].every(
  (command) => spawnSync(command, ['--version']).status === 0,
);

const systemd: [name: string, isThere: boolean, make: () => Promise<Told>][] = [
  ['the real command, a socket', hasReal, realSocket],
  ['a stand-in', true, standIn],
];

describe.skipIf(installed === undefined).each(systemd)('systemd, %s', (_, isThere, make) => {
  it.skipIf(!isThere)(
    'is told when the copy is whole, of the link, a reload and the end',
    async () => {
      const { env, lines } = await make();
      await using primary = await Server.start(installed!, { config: { 'repl-timeout': '60' } });
      const { host, port } = primary;
      const directory = await freshDirectory();
      const file = `${directory}-primaries`;
      await writeFile(file, `${host} ${port}\n`);
      const args = ['replica', '--replicaof-file', file, '--dir', directory];
      const daemon = Daemon.start(args, { env });
      await expect.poll(lines, PATIENCE).toEqual([`READY=1 STATUS=following ${host}:${port}`]);
      await daemon.prints(/full copy done/);

      daemon.signal('SIGHUP');
      await expect
        .poll(async () => (await lines()).slice(1), PATIENCE)
        .toEqual(['RELOADING=1', 'READY=1']);

      await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
      await expect.poll(async () => (await lines()).slice(3), PATIENCE).toHaveLength(2);
      const [lost, back] = (await lines()).slice(3);
      expect(lost).toMatch(/^STATUS=.*closed the link/);
      expect(back).toBe(`STATUS=following ${host}:${port}`);

      expect(await daemon.stop()).toBe(0);
      await expect.poll(async () => (await lines()).at(-1), PATIENCE).toBe('STOPPING=1');
    },
  );
});

it.skipIf(installed === undefined)(
  'the status line of systemd says that following is paused, and why, until there is room',
  async () => {
    const { env, lines } = await standIn();
    await using primary = await Server.start(installed!);
    const { host, port } = primary;
    const args = ['replica', '--replicaof', host, String(port), '--dir', await freshDirectory()];
    const daemon = Daemon.start(args, { env, fileLimit: 64 });
    await daemon.prints(/full copy done/);
    await primary.command('SET', 'key', 'x'.repeat(128 * 1024));
    const last = async () => (await lines()).at(-1);
    const paused = /^STATUS=paused, the disk is full: writing .* failed: EFBIG$/;
    await expect.poll(last, PATIENCE).toMatch(paused);
    await daemon.raiseFileLimit();
    await expect.poll(last, { timeout: 20_000 }).toBe(`STATUS=following ${host}:${port}`);
    expect(await daemon.stop()).toBe(0);
  },
);

describe('a service manager', () => {
  const follow = (options: DaemonOptions, directory: string) =>
    Daemon.start(['replica', '--replicaof', '127.0.0.1', '1', '--dir', directory], options);

  it('is not told that we are ready while there is nothing, but why', async () => {
    const { env, lines } = await standIn();
    const daemon = follow({ env }, await freshDirectory());
    await daemon.prints(/cannot be reached/, 2);
    await expect.poll(async () => (await lines()).length, PATIENCE).toBeGreaterThan(0);
    expect(await daemon.stop()).toBe(0);
    await expect.poll(async () => (await lines()).at(-1), PATIENCE).toBe('STOPPING=1');
    const told = (await lines()).slice(0, -1);
    for (const line of told) expect(line).toMatch(/^STATUS=.*cannot be reached: ECONNREFUSED/);
  });

  it('is told that the loop turns, where it watches', async () => {
    const { env, lines } = await standIn();
    const watched = { ...env, WATCHDOG_USEC: '200000' };
    const daemon = follow({ env: watched }, await freshDirectory());
    const beats = async () => (await lines()).filter((line) => line === 'WATCHDOG=1').length;
    await expect.poll(beats, PATIENCE).toBeGreaterThan(2);
    expect(await daemon.stop()).toBe(0);
    // It watches another process: its own child, of which this one is a child.
    const other = await standIn();
    const unwatched = { ...other.env, WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' };
    const second = follow({ env: unwatched }, await freshDirectory());
    await second.prints(/cannot be reached/, 3);
    expect(await second.stop()).toBe(0);
    expect(await other.lines()).not.toContain('WATCHDOG=1');
  });

  it('that cannot be told is one line, and nothing else changes', async () => {
    const env = { NOTIFY_SOCKET: '/nowhere', PATH: '/nowhere' };
    const daemon = follow({ env }, await freshDirectory());
    await daemon.prints(/cannot be reached/, 3);
    expect(await daemon.stop()).toBe(0);
    expect(
      daemon.printed.match(/systemd cannot be told how we are: there is no systemd-notify/g),
    ).toHaveLength(1);
  });
});

const canVerify = spawnSync('systemd-analyze', ['--version']).status === 0;

it.skipIf(!canVerify)('the unit of the docs is one that systemd takes', async () => {
  const unit = await readFile(new URL('../../../docs/forebay.service', import.meta.url), 'utf8');
  const directory = await freshDirectory();
  await mkdir(directory);
  const path = join(directory, 'forebay.service');
  // It is not installed here.
  await writeFile(path, unit.replaceAll('/usr/local/bin/forebay', '/bin/true'));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
  expect([stderr, status]).toEqual(['', 0]);
});

it('the unit of the docs starts again after refused credentials, after a delay', async () => {
  const unit = await readFile(new URL('../../../docs/forebay.service', import.meta.url), 'utf8');
  const [, prevented] = /^RestartPreventExitStatus=(.*)$/m.exec(unit) ?? [];
  expect(prevented?.split(' ')).toEqual(['64', '78']);
  expect(unit).toMatch(/^Restart=on-failure\nRestartSec=10$/m);
});
