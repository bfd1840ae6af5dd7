import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { loadOn, syncsOf } from '../primary.ts';
import { chain, expectCaughtUp, expectEqual, fullResyncs, portOf, replicaOf } from './chain.ts';

/** More connections than a server takes by default. */
const CROWD = 10_100;

/** The oldest and the newest of each kind. */
const servers = installedServers().filter(({ name }) =>
  ['redis-6.0', 'redis-8.0', 'valkey-9.1'].includes(name),
);

/** A connection that is only there; what it is sent is not read unless asked for. */
async function connection(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

async function ended(socket: Socket): Promise<void> {
  await expect.poll(() => socket.destroyed || socket.readableEnded, { timeout: 20_000 }).toBe(true);
}

describe.each(servers)('$name', (installed) => {
  it('ten replicas at once are one to the primary', async () => {
    const { primary, port } = await chain(installed);
    const replicas = await Promise.all(
      Array.from({ length: 10 }, () => replicaOf(installed, port)),
    );
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(300);
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    for (const replica of replicas) await expectEqual(primary, replica);
    expect(await syncsOf(primary)).toMatchObject({ full: 1 });
    expect(await primary.info('replication')).toMatchObject({ connected_slaves: '1' });
    for (const replica of replicas) expect(fullResyncs(replica)).toBe(1);
  });

  it('its client takes a snapshot by --rdb, and the stream by --replica', async () => {
    const { primary, directory, port } = await chain(installed);
    const [command = '', ...args] = installed.cli;
    const asked = [...args, '-h', '127.0.0.1', '-p', String(port)];
    const path = join(dirname(directory), 'taken.rdb');
    const dump = spawn(command, [...asked, '--rdb', path], { stdio: 'ignore' });
    expect(await new Promise((resolve) => dump.once('close', resolve))).toBe(0);
    expect((await readFile(path)).toString('latin1', 0, 5)).toMatch(/REDIS|VALKE/);

    const option = installed.since62 ? '--replica' : '--slave';
    const follower = spawn(command, [...asked, option], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => {
      follower.kill();
    });
    let printed = '';
    follower.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    // It prints nothing before its buffer is full.
    const write = async () => {
      for (let i = 0; i < 100; i++) await primary.command('SET', 'seen-by-the-client', 'value');
      return printed;
    };
    await expect.poll(write, { timeout: 20_000 }).toMatch(/seen-by-the-client/);
  });

  it('with a password nobody is served without it', async () => {
    await using primary = await Server.start(installed);
    const daemon = Daemon.follow(
      primary,
      await freshDirectory(),
      ...['--port', 'any', '--requirepass', 'secret'],
    );
    await daemon.prints(/full copy done/);
    const port = String(portOf(daemon));
    const config = { replicaof: `127.0.0.1 ${port}` };
    await using stranger = await Server.start(installed, { config });
    await using known = await Server.start(installed, {
      config: { ...config, masterauth: 'secret' },
    });
    await expectCaughtUp(primary, known);
    expect((await stranger.info('replication')).master_link_status).toBe('down');
    expect(daemon.printed).not.toContain('secret');
  });
});

describe.each(servers.slice(-1))('bad clients of $name', (installed) => {
  it('are refused or bounded, and the link above does not notice', async () => {
    const { primary, daemon, port } = await chain(installed);
    const good = await replicaOf(installed, port);
    await expectCaughtUp(primary, good);
    const load = loadOn(primary).start();

    let refused = '';
    // One that reads next to nothing, while more than sockets hold comes by.
    const slow = await connection(port);
    slow.pause();
    slow.write('PSYNC ? -1\r\n');
    const half = await connection(port);
    half.write('*3\r\n$8\r\nREPLCONF');
    const garbage = await connection(port);
    garbage.resume();
    garbage.write(Buffer.from('*1\r\n#\x00\xff\r\n', 'latin1'));
    await ended(garbage);
    const huge = await connection(port);
    huge.resume();
    huge.write('*2\r\n$4\r\nAUTH\r\n$600000000\r\n');
    await ended(huge);
    const crowd: Socket[] = [];
    while (crowd.length < CROWD) {
      crowd.push(...(await Promise.all(Array.from({ length: 100 }, () => connection(port)))));
    }
    const last = crowd.at(-1)!;
    last.setEncoding('latin1').on('data', (text: string) => {
      refused += text;
    });
    await expect.poll(() => refused).toBe('-ERR max number of clients reached\r\n');

    const { commands } = load;
    await expect.poll(() => load.commands).toBeGreaterThan(commands + 300);
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await expectEqual(primary, good);
    expect(await syncsOf(primary)).toMatchObject({ full: 1 });
    expect(fullResyncs(good)).toBe(1);
    expect(daemon.printed).not.toMatch(/closed the link|trying again/);
    for (const socket of crowd) socket.destroy();
    expect(await daemon.stop()).toBe(0);
  });
});
