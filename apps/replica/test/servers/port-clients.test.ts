import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { InstalledServer } from '@forebay/conformance';
import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chain, threeServers } from './chain.ts';

const PATIENCE = { timeout: 10_000, interval: 50 };

describe.each([2, 3] as const)('by RESP%i', (protocol) => {
  const [installed] = threeServers().slice(-1);

  it('node-redis connects, asks, listens and is told', async () => {
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

  it('ioredis becomes ready, asks, listens and is told', async () => {
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
  });
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
    const figures = cli('--stat', '-i', '0.01').catch(({ stdout }: { stdout: string }) => stdout);
    expect(await figures).toMatch(/keys {7}mem/);
    expect(await figures).toMatch(/^0 +\d+\.\d\dM +\d+ +0 +\d+/m);
  });
});

/** What it prints in three seconds at the most. */
async function run(installed: InstalledServer, port: number, words: string[]): Promise<string> {
  const [file = '', ...before] = installed.cli;
  const options = { timeout: 3000 };
  const all = [...before, '-p', String(port), ...words];
  return (await promisify(execFile)(file, all, options)).stdout;
}
