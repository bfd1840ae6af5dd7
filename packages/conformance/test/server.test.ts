import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ConformanceError, installedServers, Server } from '../src/index.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.each(installedServers())('$name', (installed) => {
  it('starts, answers and stops, and leaves nothing behind', async () => {
    const server = await Server.start(installed);
    expect(await server.command('PING')).toBe('PONG');
    expect(await server.info('server')).toMatchObject({ tcp_port: String(server.port) });
    expect(server.log()).toContain('Ready to accept connections');
    const { pid, directory } = server;
    await server.stop();
    expect(server.running).toBe(false);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(directory)).toBe(false);
  });

  it('is of the version that its binary tells', async () => {
    await using server = await Server.start(installed);
    const info = await server.info();
    expect(info[`${installed.flavour}_version`]).toBe(installed.version);
  });

  it('takes bytes as they are, and DEBUG', async () => {
    await using server = await Server.start(installed);
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await server.command('SET', value, value);
    expect(await server.commandBuffer('GET', value)).toEqual(value);
    expect(await server.command('DEBUG', 'DIGEST')).toMatch(/^[0-9a-f]{40}$/);
  });

  it('listens for TLS with test certificates, and on a unix socket', async () => {
    await using server = await Server.start(installed, { tls: true, unixSocket: true });
    const overSocket = new Redis({
      path: server.socketPath!,
      protocol: 2,
      disableClientInfo: true,
    });
    const [ca, key, cert] = await Promise.all(
      [
        server.certificates!.ca,
        server.certificates!.clientKey,
        server.certificates!.clientCert,
      ].map((path) => readFile(path)),
    );
    const overTls = server.newClient({ port: server.tlsPort!, tls: { ca, key, cert } as object });
    expect(await overSocket.call('PING')).toBe('PONG');
    expect(await overTls.call('PING')).toBe('PONG');
    overSocket.disconnect();
  });

  it('keeps a directory it was given, and continues from it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'forebay-kept-'));
    try {
      const config = { appendonly: 'yes', appendfsync: 'always' };
      const first = await Server.start(installed, { directory, config });
      await first.command('SET', 'key', 'value');
      await first.kill();
      await using second = await Server.start(installed, { directory, config });
      expect(await second.command('GET', 'key')).toBe('value');
      await second.stop();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

const [some] = installedServers().slice(-1);

describe.skipIf(some === undefined)('a server', () => {
  it('that refuses its configuration is reported with what it said', async () => {
    const refused = Server.start(some!, { config: { 'no-such-directive': 'yes' } });
    const error = await refused.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConformanceError);
    expect(error).toMatchObject({ code: 'SERVER_EXITED' });
    expect((error as ConformanceError).detail).toContain('no-such-directive');
  });

  it('is stopped although it is frozen and has a password', async () => {
    const server = await Server.start(some!, { config: { requirepass: 'secret' } });
    expect(await server.command('PING')).toBe('PONG');
    server.freeze();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });

  it('says so when a line is not printed in time', async () => {
    await using server = await Server.start(some!);
    expect(await server.waitForLog(/Server initialized/)).toContain('Server initialized');
    await expect(server.waitForLog('never printed', 20)).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
  });
});
