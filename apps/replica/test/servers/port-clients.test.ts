import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { InstalledServer } from '@forebay/conformance';
import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chain, threeServers } from './chain.ts';

const PATIENCE = { timeout: 10_000, interval: 50 };

describe.each([2, 3] as const)('by RESP%i', (protocol) => {
  const [installed] = threeServers().slice(-1);

  it.skipIf(installed === undefined)('node-redis connects, asks, listens and is told', async () => {
    const { port } = await chain(installed!, {}, 1);
    const client = createClient({ socket: { host: '127.0.0.1', port }, RESP: protocol });
    client.on('error', () => {});
    onTestFinished(() => client.destroy());
    await client.connect();
    expect(await client.ping()).toBe('PONG');
    expect(await client.info('replication')).toContain('role:slave');
    expect(await client.sendCommand(['CLIENT', 'INFO'])).toMatch(new RegExp(` resp=${protocol} `));
    const listener = await client.duplicate().connect();
    onTestFinished(() => listener.destroy());
    const heard: string[] = [];
    await listener.subscribe('__sentinel__:hello', (message) => heard.push(message));
    expect(await client.publish('__sentinel__:hello', 'one')).toBe(1);
    await expect.poll(() => heard, PATIENCE).toEqual(['one']);
    const replies = await client.multi().ping().configGet('replica-priority').exec();
    expect(replies).toMatchObject(['PONG', { 'replica-priority': '0' }]);
    await expect(client.get('k')).rejects.toThrow(/forebay keeps the replication stream/);
  });

  it.skipIf(installed === undefined)(
    'ioredis becomes ready, asks, listens and is told',
    async () => {
      const { port } = await chain(installed!, {}, 1);
      const client = new Redis({ host: '127.0.0.1', port, protocol });
      onTestFinished(() => client.disconnect());
      expect(await client.ping()).toBe('PONG');
      expect(client.status).toBe('ready');
      expect(await client.call('CLIENT', 'INFO')).toMatch(new RegExp(` resp=${protocol} `));
      const listener = client.duplicate();
      onTestFinished(() => listener.disconnect());
      const heard: string[] = [];
      listener.on('pmessage', (_, __, message) => heard.push(message));
      await listener.psubscribe('__sentinel__:*');
      expect(await client.publish('__sentinel__:hello', 'one')).toBe(1);
      await expect.poll(() => heard, PATIENCE).toEqual(['one']);
      await expect(client.set('k', 'v')).rejects.toThrow(/forebay keeps the replication stream/);
    },
  );
});

describe.each(threeServers())('redis-cli of $name', (installed) => {
  it('asks by arguments, by RESP3 and for its running figures', async () => {
    const { port } = await chain(installed, {}, 1);
    const cli = (...words: string[]) => run(installed, port, words);
    expect(await cli('PING')).toBe('PONG\n');
    expect(await cli('INFO', 'server')).toMatch(/^run_id:[\da-f]{40}\r?$/m);
    expect(await cli('-3', 'HELLO')).toMatch(/^proto 3$/m);
    expect(await cli('--no-auth-warning', 'COMMAND', 'COUNT')).toMatch(/^\d+\n$/);
    expect(await cli('GET', 'k')).toMatch(/forebay keeps the replication stream/);
    expect(await cli('-r', '2', '-i', '0.01', 'ROLE')).toMatch(
      /(?:slave\n[\s\S]*connected\n[\s\S]*){2}/,
    );
    // It has no end of its own, and fills a buffer before it prints to a pipe.
    const [file = '', ...before] = installed.cli;
    const asking = spawn(file, [...before, '-p', String(port), '--stat', '-i', '0.01']);
    onTestFinished(() => void asking.kill('SIGKILL'));
    let figures = '';
    asking.stdout.setEncoding('utf8').on('data', (text: string) => {
      figures += text;
    });
    await expect.poll(() => figures).toMatch(/keys {7}mem/);
    await expect.poll(() => figures).toMatch(/^0 +\d+\.\d\dM +\d+ +0 +\d+/m);
  });
});

const script = [process.env.PATH ?? '']
  .flatMap((path) => path.split(':'))
  .map((folder) => join(folder, 'script'))
  .find((path) => existsSync(path));

describe.each(threeServers())('at a terminal, redis-cli of $name', (installed) => {
  it.skipIf(script === undefined)('shows help as one types, and what is answered', async () => {
    const { port } = await chain(installed, {}, 1);
    const words = [...installed.cli, '-h', '127.0.0.1', '-p', String(port)];
    // One without a size would be asked where its cursor is.
    const command = `stty cols 120 rows 40; exec ${words.join(' ')}`;
    // It gives a program a terminal, and takes what is typed from us.
    const typist = spawn(script!, ['-qec', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm', REDISCLI_HISTFILE: '/dev/null' },
    });
    onTestFinished(() => void typist.kill('SIGKILL'));
    let shown = '';
    typist.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    const shows = (text: string | RegExp) => expect.poll(() => shown, PATIENCE).toMatch(text);
    await shows(`127.0.0.1:${port}> `);
    typist.stdin.write('PING\r');
    await shows(/PONG/);
    typist.stdin.write('get k\r');
    await shows(/forebay keeps the replication stream/);
    typist.stdin.write('subscribe a\r');
    await shows(/"subscribe"[\s\S]*\(integer\) 1/);
    const closed = once(typist, 'close');
    typist.stdin.on('error', () => {});
    shown = '';
    typist.stdin.write('\u0003');
    // Older ones end; newer ones listen no longer, and ask again.
    await Promise.race([closed, shows(`127.0.0.1:${port}> `)]);
    typist.stdin.write('quit\r');
    await closed;
  });
});

/** What it prints until it ends. */
async function run(installed: InstalledServer, port: number, words: string[]): Promise<string> {
  const [file = '', ...before] = installed.cli;
  const options = { timeout: 20_000 };
  const all = [...before, '-p', String(port), ...words];
  return (await promisify(execFile)(file, all, options)).stdout;
}
