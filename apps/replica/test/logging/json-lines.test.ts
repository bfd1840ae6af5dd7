import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, installedServers, ScriptedPrimary, Server, Wire } from '@forebay/conformance';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EVENTS, FIELDS } from '../../src/logging/events.ts';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';
import { caughtUp, cutReplicas } from '../primary.ts';

const bin = fileURLToPath(new URL('../../bin/forebay.js', import.meta.url));

/** Whatever the format is by itself, in a pipe. */
const AUTO = { FOREBAY_LOG_FORMAT: 'auto' };

type Line = Record<string, unknown>;

/** Those that came whole: a daemon that runs may be in the middle of one. */
function linesOf(text: string): Line[] {
  const whole = text.split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line));
}

describe.each(installedServers().slice(-1))('in a pipe, on $name', (installed) => {
  it('each line is an object that says when, how bad, what and of what', async () => {
    await using primary = await Server.start(installed);
    const directory = await freshDirectory();
    const args = ['replica', '--replicaof', primary.host, String(primary.port), '--dir', directory];
    const daemon = Daemon.start([...args, '--port', 'any'], { env: AUTO });
    await daemon.prints(/full copy done/);
    await caughtUp(primary);
    await cutReplicas(primary);
    await daemon.prints(/partial resync/);
    await caughtUp(primary);
    expect(await daemon.stop()).toBe(0);
    const lines = linesOf(daemon.printed);
    for (const { time, level, msg, event, ...fields } of lines) {
      expect(Object.keys(EVENTS)).toContain(event);
      expect(Object.keys(FIELDS)).toEqual(expect.arrayContaining(Object.keys(fields)));
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(['info', 'warn']).toContain(level);
      expect(typeof msg).toBe('string');
    }
    const { master_replid: id } = await primary.info('replication');
    const address = `${primary.host}:${primary.port}`;
    const position = expect.stringMatching(`^${id}:\\d+$`);
    expect(lines).toEqual(
      [
        { event: 'listening', address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
        { event: 'held' },
        { event: 'following', primary: address, directory },
        { event: 'connected', primary: address },
        { event: 'full-copy', primary: address, reason: expect.any(String) },
        {
          event: 'full-copy-done',
          position,
          bytes: expect.any(Number),
          seconds: expect.any(Number),
        },
        { event: 'link-lost', level: 'warn', primary: address, code: 'LINK_LOST', retryMs: 0 },
        { event: 'connected', primary: address },
        { event: 'partial-resync', primary: address, position },
        { event: 'stopped', position },
      ].map((line) => expect.objectContaining(line)),
    );
  });

  it('loglevel says what is worth a line, and changes at a hangup', async () => {
    await using primary = await Server.start(installed);
    const directory = await freshDirectory();
    const { dir, file } = { dir: directory, file: `${directory}.toml` };
    const port = await freePort();
    const settings = `replicaof = "127.0.0.1 ${primary.port}"\ndir = "${dir}"\nport = ${port}\n`;
    await writeFile(file, `${settings}loglevel = "warning"\n`);
    const daemon = Daemon.start(['replica', '--config', file], {
      env: { ...AUTO, ...PORT_OF_FILE },
    });
    await expect.poll(() => primary.info('replication')).toMatchObject({ slave0: /online/ });
    await caughtUp(primary);
    expect(daemon.printed).toBe('');
    await writeFile(file, `${settings}loglevel = "verbose"\n`);
    daemon.signal('SIGHUP');
    await daemon.prints(/loglevel is verbose from now on/);
    await cutReplicas(primary);
    await daemon.prints(/partial resync/);
    expect(linesOf(daemon.printed)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ event: 'setting', setting: 'loglevel', value: 'verbose' }),
        expect.objectContaining({ level: 'debug', event: 'link', state: 'handshake' }),
      ]),
    );
    await writeFile(file, `${settings}loglevel = "warning"\n`);
    daemon.signal('SIGHUP');
    // It reads the file in its own time.
    const client = new Redis({ host: '127.0.0.1', port, protocol: 2 });
    onTestFinished(() => client.disconnect());
    const level = () => client.call('CONFIG', 'GET', 'loglevel');
    await expect.poll(level).toEqual(['loglevel', 'warning']);
    client.disconnect();
    expect(await daemon.stop()).toBe(0);
    // Nothing is said of it, nor of the end.
    expect(daemon.printed).not.toMatch(/loglevel is warning|"event":"stopped"/);
  });

  it('what ends the daemon is the last line, with its exit code', async () => {
    await using primary = await Server.start(installed, { config: { requirepass: 'right' } });
    const daemon = Daemon.start(
      [
        'replica',
        '--replicaof',
        primary.host,
        String(primary.port),
        '--dir',
        await freshDirectory(),
      ],
      { env: { ...AUTO, FOREBAY_MASTERAUTH: 'not-to-be-printed' } },
    );
    expect(await daemon.exited).toBe(77);
    expect(linesOf(daemon.printed).at(-1)).toMatchObject({
      ...{ level: 'fatal', event: 'exit', exitCode: 77 },
      msg: expect.stringMatching(/denies AUTH/),
    });
    // What the configuration cannot be made of is told before there is a log.
    const refused = Daemon.start(['replica', '--port', 'x'], { env: AUTO });
    expect(await refused.exited).toBe(64);
    expect(refused.printed).toMatch(/^error: .*A port is a number/m);
    const incomplete = Daemon.start(['replica', '--dir', 'data'], { env: AUTO });
    expect(await incomplete.exited).toBe(64);
    expect(incomplete.printed).toMatch(/^\d\d:\d\d:\d\d name the primary: [^\n]*\n$/);
  });

  it('a fault in the program is a line too, without secrets', async () => {
    await using primary = await Server.start(installed, {
      config: { requirepass: 'fault-finder' },
    });
    const fault = `process.on('SIGUSR2', () => { throw new Error('fault%2Dfinder, fault-finder'); })`;
    const daemon = Daemon.start(
      [
        ...['replica', '--replicaof', primary.host, String(primary.port)],
        ...['--dir', await freshDirectory()],
      ],
      {
        env: {
          ...AUTO,
          FOREBAY_MASTERAUTH: 'fault-finder',
          NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(fault)}`,
        },
      },
    );
    await daemon.prints(/full copy done/);
    daemon.signal('SIGUSR2');
    expect(await daemon.exited).toBe(1);
    expect(linesOf(daemon.printed).at(-1)).toMatchObject({
      ...{ level: 'fatal', event: 'exit', exitCode: 1 },
      msg: expect.stringMatching(/^Error: .*\*\*\*\n {4}at /),
    });
    expect(daemon.printed).not.toContain('fault-finder');
  });

  it('who attaches again and again does not fill it', async () => {
    await using primary = await Server.start(installed);
    const args = ['--replicaof', primary.host, String(primary.port), '--port', 'any'];
    const daemon = Daemon.start(['replica', ...args, '--dir', await freshDirectory()], {
      env: AUTO,
    });
    await daemon.prints(/full copy done/);
    const { master_replid: id = '', master_repl_offset: offset } =
      await primary.info('replication');
    const [, port] = /replicas are served at 127\.0\.0\.1:(\d+)/.exec(daemon.printed) ?? [];
    for (let i = 0; i < 30; i++) {
      const wire = await Wire.connect(Number(port));
      wire.send('PSYNC', id, String(Number(offset) + 1));
      expect(await wire.line()).toMatch(/^\+CONTINUE/);
      wire.close();
    }
    expect(await daemon.stop()).toBe(0);
    const lines = linesOf(daemon.printed);
    const of = (name: string) => lines.filter(({ event }) => event === name);
    expect(of('replica-continued')).toHaveLength(20);
    expect(of('more')).toEqual(
      expect.arrayContaining([expect.objectContaining({ reason: 'replica-continued', count: 10 })]),
    );
  });

  it('the journal is told the priority of each line', async () => {
    await using primary = await Server.start(installed, { config: { requirepass: 'right' } });
    const directory = await freshDirectory();
    await mkdir(directory);
    const path = join(directory, 'journal');
    await using file = await open(path, 'w');
    const { dev, ino } = await file.stat();
    const address = ['--replicaof', primary.host, String(primary.port)];
    const child = spawn(process.execPath, [bin, 'replica', ...address, '--dir', `${directory}/d`], {
      stdio: ['ignore', 'ignore', file.fd],
      env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` },
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    expect(await once(child, 'exit')).toEqual([77, null]);
    const text = await readFile(path, 'utf8');
    expect(text).toMatch(/^(<6>\{"level":"info".*\}\n)+<3>\{"level":"fatal".*\}\n$/);
  });
});

describe('no secret is in any line', () => {
  it('where a server repeats what it was given', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      let told = '';
      for (;;) {
        const [name, ...args] = await peer.command();
        if (name === 'AUTH') {
          told = encodeURIComponent(args.at(-1) ?? '');
          await peer.send('+OK\r\n');
        } else if (told === '') await peer.send('-NOAUTH Authentication required.\r\n');
        else await peer.send(`-ERR who has ${told} gets nothing\r\n`);
      }
    });
    const file = `${await freshDirectory()}.primaries`;
    const address = `127.0.0.1:${primary.port}`;
    await writeFile(file, `redis://ann:first%2Fsecret@${address}\n`);
    for (const format of ['json', 'pretty']) {
      const env = { FOREBAY_LOG_FORMAT: format, FOREBAY_LOGLEVEL: 'debug' };
      const url = ['--replicaof', `redis://:sec%72et%2F@${address}`];
      const start = async (...args: string[]) =>
        Daemon.start(['replica', ...args, '--dir', await freshDirectory()], { env });
      const one = await start(...url);
      const flag = ['--replicaof', '127.0.0.1', String(primary.port), '--masterauth', 'sec"ret'];
      const two = await start(...flag);
      const three = await start('--replicaof-file', file);
      for (const daemon of [one, two, three]) await daemon.prints(/who has/);
      // Another that comes later.
      await writeFile(file, `redis://ann:th%40rd@${address}\n`);
      three.signal('SIGHUP');
      await three.prints(/following .* from now on/);
      await three.prints(/who has/, 2);
      for (const daemon of [one, two, three]) {
        await daemon.stop();
        expect(daemon.printed).toContain('***');
        expect(daemon.printed).not.toMatch(/sec|th%40rd|th@rd/);
      }
      await writeFile(file, `redis://ann:first%2Fsecret@${address}\n`);
    }
  });
});
