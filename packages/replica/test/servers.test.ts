import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import {
  type InstalledServer,
  installedServers,
  makeCertificates,
  Server,
} from '@forebay/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReplicaOptions, TlsOptions } from '../src/index.ts';
import { probe } from '../src/index.ts';
import { Taker } from './taker.ts';

/** The oldest, the newest Redis, the newest Valkey. */
function chosen(): InstalledServer[] {
  const all = installedServers();
  const newest = (flavour: string) => all.filter((server) => server.flavour === flavour).slice(-1);
  return [...new Set([...all.slice(0, 1), ...newest('redis'), ...newest('valkey')])];
}

/** Follows until what was written to the server has come. */
async function followed(server: Server, options: Partial<ReplicaOptions>): Promise<string> {
  await using taker = new Taker({ url: server.url, ...options });
  await expect.poll(() => taker.replica.state).toBe('stream');
  await server.command('SET', 'key', 'a value of the stream');
  await expect.poll(() => taker.stream).toContain('a value of the stream');
  return taker.stream;
}

describe.each(chosen())('a replica of $name', (installed) => {
  let server: Server;
  beforeAll(async () => {
    // With no PING the stream stands still when nobody writes.
    const config = { 'repl-ping-replica-period': 3600 };
    server = await Server.start(installed, { tls: true, unixSocket: true, config });
  });
  afterAll(() => server.stop());

  async function pem(name: 'ca' | 'clientKey' | 'clientCert'): Promise<string> {
    return readFile(server.certificates![name], 'utf8');
  }

  it('receives what the server has, and counts as the server does', async () => {
    await server.command('SET', 'in the base', 'a value of the base');
    await using taker = new Taker({ url: server.url });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(Buffer.from(taker.snapshot).toString('latin1')).toContain('a value of the base');
    const pipelined = server.client.pipeline();
    for (let i = 0; i < 500; i++) pipelined.set(`key ${i % 7}`, 'x'.repeat(i));
    await pipelined.exec();
    const { replica } = taker;
    const info = () => server.info('replication');
    const ahead = async () => Number((await info()).master_repl_offset) - (replica.offset ?? 0);
    await expect.poll(ahead).toBe(0);
    expect(await server.command('WAIT', 1, 20_000)).toBe(1);
    const { master_replid, slave0 } = await info();
    expect(replica.history?.id).toBe(master_replid);
    expect(slave0).toContain(`state=online,offset=${replica.offset},`);
  });

  it('answers WAIT at once', async () => {
    await using taker = new Taker({ url: server.url });
    await expect
      .poll(async () => (await server.info('replication')).slave0 ?? '')
      .toContain('state=online');
    await expect.poll(() => taker.replica.state).toBe('stream');
    const since = performance.now();
    for (let i = 0; i < 20; i++) {
      await server.command('SET', 'key', i);
      expect(await server.command('WAIT', 1, 10_000)).toBe(1);
    }
    // Twenty by the clock alone would take twenty seconds.
    expect(performance.now() - since).toBeLessThan(10_000);
  });

  it('goes on after the server has dropped it', async () => {
    await using taker = new Taker({ url: server.url });
    await expect.poll(() => taker.replica.state).toBe('stream');
    await server.command('SET', 'key', 'before the cut');
    await expect.poll(() => taker.stream).toContain('before the cut');
    const full = Number((await server.info('stats')).sync_full);
    await server.command('CLIENT', 'KILL', 'TYPE', 'replica');
    await server.command('SET', 'key', 'after the cut');
    await expect.poll(() => taker.stream).toContain('after the cut');
    expect(Number((await server.info('stats')).sync_full)).toBe(full);
    expect(taker.types).toContain('continue');
    expect(taker.delays).toEqual([0]);
  });

  it('speaks through a unix socket', async () => {
    expect(await followed(server, { url: `unix://${server.socketPath}` })).toContain('SET');
  });

  it('gives user and password', async () => {
    const url = `redis://forebay:p%40ss%20word@127.0.0.1:${server.port}`;
    await server.command(
      'ACL',
      'SETUSER',
      'forebay',
      'on',
      '>p@ss word',
      '+psync',
      '+replconf',
      '+ping',
    );
    expect(await followed(server, { url })).toContain('SET');
    await server.command('ACL', 'SETUSER', 'forebay', '-psync');
    await using taker = new Taker({ url });
    await expect.poll(() => taker.errors.length).toBeGreaterThan(0);
    expect(taker.errors[0]).toMatchObject({ code: expect.stringMatching(/DENIED/) });
    await server.command('ACL', 'SETUSER', 'forebay', 'resetpass', '>another');
    await expect
      .poll(() => taker.errors.at(-1)?.message)
      .toContain('denies AUTH to user "forebay"');
    expect(taker.errors.map(String).join()).not.toContain('p@ss');
  });

  it('speaks TLS to a server whose CA it is given, by address and by name', async () => {
    const ca = await pem('ca');
    for (const host of ['127.0.0.1', 'localhost']) {
      const url = `rediss://${host}:${server.tlsPort}`;
      expect(await followed(server, { url, tls: { ca } })).toContain('SET');
    }
  });

  it.each([
    ['an unknown CA', {}, 'unknown-authority', /CA that signed it/],
    ['another name', { servername: 'elsewhere.example' }, 'other-name', /name the one it bears/],
  ])('refuses %s', async (_, tls, tlsFault, advice) => {
    const ca = 'servername' in tls ? { ca: await pem('ca') } : {};
    await using taker = new Taker({
      url: `rediss://127.0.0.1:${server.tlsPort}`,
      tls: { ...ca, ...tls },
    });
    await expect.poll(() => taker.errors.length).toBeGreaterThan(0);
    expect(taker.errors[0]).toMatchObject({ code: 'TLS', tlsFault });
    expect(taker.errors[0]?.message).toMatch(advice);
    expect(taker.states).not.toContain('handshake');
  });

  it('names rediss:// when the port expects TLS, over a link and by a probe', async () => {
    const url = `redis://127.0.0.1:${server.tlsPort}`;
    await using taker = new Taker({ url });
    await expect.poll(() => taker.errors.length).toBeGreaterThan(0);
    const message = `127.0.0.1:${server.tlsPort} expects TLS: use rediss://`;
    expect(taker.errors[0]).toMatchObject({ code: 'TLS', message });
    await expect(probe({ url })).rejects.toMatchObject({ code: 'TLS', message });
  });

  it('says that a port does not speak TLS within seconds, over a link and by a probe', async () => {
    const url = server.url.replace('redis:', 'rediss:');
    await using taker = new Taker({ url });
    await expect.poll(() => taker.errors.length).toBeGreaterThan(0);
    const message = expect.stringMatching(/does not speak TLS: use its TLS port, or redis:/);
    expect(taker.errors[0]).toMatchObject({ code: 'TLS', message });
    await expect(probe({ url })).rejects.toMatchObject({ code: 'TLS', message });
  });

  it('takes an unknown CA only when told to', async () => {
    const url = `rediss://127.0.0.1:${server.tlsPort}`;
    expect(await followed(server, { url, tls: { rejectUnauthorized: false } })).toContain('SET');
  });

  it('shows a client certificate where one is wanted', async () => {
    await server.command('CONFIG', 'SET', 'tls-auth-clients', 'yes');
    const url = `rediss://127.0.0.1:${server.tlsPort}`;
    const ca = await pem('ca');
    const [cert, key] = [await pem('clientCert'), await pem('clientKey')];
    expect(await followed(server, { url, tls: { ca, cert, key } })).toContain('SET');
    await using taker = new Taker({ url, tls: { ca } });
    await expect.poll(() => taker.errors.length).toBeGreaterThan(0);
    expect(taker.errors[0]).toMatchObject({ code: 'TLS' });
    expect(taker.errors[0]?.message).toContain('client certificate');
  });

  it.runIf(installed.absoluteTimes)('lets a SHUTDOWN pass at once', async () => {
    await using other = await Server.start(installed, { config: { 'shutdown-timeout': 60 } });
    await using taker = new Taker({ url: other.url });
    await expect
      .poll(async () => (await other.info('replication')).slave0 ?? '')
      .toContain('state=online');
    await other.command('SET', 'key', 'a value of the stream');
    await expect.poll(() => taker.stream).toContain('a value of the stream');
    expect(await other.command('WAIT', 1, 20_000)).toBe(1);
    const since = performance.now();
    other.command('SHUTDOWN', 'NOSAVE').catch(() => {});
    await expect.poll(() => other.running).toBe(false);
    // It would wait a minute (`shutdown-timeout`) for a replica that lags behind.
    expect(performance.now() - since).toBeLessThan(15_000);
    expect(other.log()).not.toMatch(/lagging/i);
  });
});

describe('SNI', () => {
  it.each<[string, TlsOptions, string | false]>([
    ['localhost', {}, 'localhost'],
    ['127.0.0.1', {}, false],
    ['127.0.0.1', { servername: 'localhost' }, 'localhost'],
  ])('at %s with %j is %s', async (host, tls, expected) => {
    const directory = await mkdtemp(join(tmpdir(), 'forebay-sni-'));
    const certificates = await makeCertificates(directory);
    const [ca, key, cert] = await Promise.all(
      [certificates.ca, certificates.serverKey, certificates.serverCert].map((path) =>
        readFile(path, 'utf8'),
      ),
    );
    const names: unknown[] = [];
    const server = createServer({ key, cert }, (socket) => {
      names.push((socket as { servername?: unknown }).servername);
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await using taker = new Taker({ url: `rediss://${host}:${port}`, tls: { ca: ca!, ...tls } });
    await expect.poll(() => names[0]).toBe(expected);
    await expect.poll(() => taker.states).toContain('handshake');
    server.close();
    await rm(directory, { recursive: true });
  });
});
