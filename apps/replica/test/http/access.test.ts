import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { makeCertificates } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { ask, urlOf } from './http.ts';

const PASSWORD = 'hunter:2 é';

/** A daemon that serves HTTP and reaches no primary. */
async function serving(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const directory = await freshDirectory();
  const args = ['replica', '--replicaof', '127.0.0.1:1', '--dir', directory, ...flags];
  return Daemon.start(args, { env });
}

/** On every address of the machine, asked by one of them. */
const OPEN = ['--http', '0.0.0.0:0'];
const local = async (daemon: Daemon) => (await urlOf(daemon)).replace('0.0.0.0', '127.0.0.1');

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

describe('HTTP on an address that other machines can reach', () => {
  it('is reported with a warning if neither a password nor a list of names is set', async () => {
    const daemon = await serving(OPEN);
    await daemon.prints(
      /http:\/\/0.0.0.0:\d+\/ is open to other machines without a password and under any host name/,
    );
    const { status } = await ask(await local(daemon), '/metrics', { headers: { host: 'evil' } });
    expect(status).toBe(200);
    for (const flags of [
      ['--http-allowed-hosts', 'x'],
      ['--http-password', PASSWORD],
    ]) {
      const other = await serving([...OPEN, ...flags]);
      await urlOf(other);
      expect(await other.stop()).toBe(0);
      expect(other.printed).not.toMatch(/served to every machine/);
    }
  });

  it('is served under the names of --http-allowed-hosts, local ones and addresses alone', async () => {
    const hosts = ['--http-allowed-hosts', 'forebay.example', 'Other.Example:6381'];
    const daemon = await serving([...OPEN, ...hosts]);
    const url = await local(daemon);
    const statusFor = async (host: string, path = '/metrics') =>
      (await ask(url, path, { headers: { host } })).status;
    for (const host of [
      'forebay.example',
      'FOREBAY.example:6381',
      'other.example',
      'localhost:1',
    ]) {
      expect([host, await statusFor(host)]).toEqual([host, 200]);
    }
    for (const host of ['10.1.2.3:6381', '[fd00::1]:6381']) {
      expect([host, await statusFor(host)]).toEqual([host, 200]);
    }
    for (const host of ['evil.example', 'forebay.example.evil.example', 'xforebay.example']) {
      expect([host, await statusFor(host)]).toEqual([host, 421]);
    }
    // A probe may come under any name.
    expect(await statusFor('10-1-2-3.pod.cluster.local', '/healthz')).toBe(200);
    expect(await statusFor('10-1-2-3.pod.cluster.local', '/readyz')).toBe(503);
  });
});

it('HTTP on a loopback address also accepts the names of --http-allowed-hosts, for a proxy', async () => {
  const daemon = await serving([
    '--http',
    '127.0.0.1:0',
    '--http-allowed-hosts',
    'forebay.example',
  ]);
  const url = await urlOf(daemon);
  const statusFor = async (host: string) =>
    (await ask(url, '/metrics', { headers: { host } })).status;
  expect(await statusFor('forebay.example')).toBe(200);
  expect(await statusFor('localhost')).toBe(200);
  expect(await statusFor('evil.example')).toBe(421);
  expect(await statusFor('10.1.2.3')).toBe(421);
});

describe('HTTP with a password', () => {
  it('answers only probes without it, and reads a new one at SIGHUP', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const file = join(directory, 'password');
    await writeFile(file, `${PASSWORD}\n`);
    const env = { FOREBAY_HTTP_PASSWORD_FILE: file };
    const daemon = await serving(['--http', '127.0.0.1:0'], env);
    const url = await urlOf(daemon);
    for (const path of ['/', '/metrics', '/status.json', '/events', '/none']) {
      const { status, headers, text } = await ask(url, path);
      expect([path, status, text]).toEqual([path, 401, 'password required\n']);
      expect(headers['www-authenticate']).toMatch(/^Basic realm="forebay"/);
    }
    expect((await ask(url, '/healthz')).status).toBe(200);
    expect((await ask(url, '/readyz')).status).toBe(503);
    const statusWith = async (headers: Record<string, string>) =>
      (await ask(url, '/metrics', { headers })).status;
    expect(await statusWith(basic('', PASSWORD))).toBe(200);
    expect(await statusWith(basic('anybody', PASSWORD))).toBe(200);
    for (const wrong of ['', 'hunter', 'hunter:2', `${PASSWORD} `, `${PASSWORD}x`]) {
      expect([wrong, await statusWith(basic('', wrong))]).toEqual([wrong, 401]);
    }
    for (const authorization of ['Basic', 'Basic %', `Bearer ${PASSWORD}`, PASSWORD]) {
      // What is no character of a header is sent as none.
      const sent = Buffer.from(authorization).toString('latin1');
      expect(await statusWith({ authorization: sent })).toBe(401);
    }
    const told = Daemon.start([
      'status',
      '--http',
      `${url.replace('//', '//:hunter%3A2%20%C3%A9@')}`,
    ]);
    await told.exited;
    expect(told.printed).toMatch(/127\.0\.0\.1:1/);

    await writeFile(file, 'another');
    daemon.signal('SIGHUP');
    await daemon.prints(/http-password is \(hidden\) from now on/);
    await expect.poll(() => statusWith(basic('', 'another'))).toBe(200);
    expect(await statusWith(basic('', PASSWORD))).toBe(401);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed + told.printed).not.toMatch(/hunter|another/);
  });
});

describe('HTTPS', () => {
  it('is served with the certificate, and with another at SIGHUP', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const [first, second] = [join(directory, '1'), join(directory, '2')];
    await Promise.all([mkdir(first), mkdir(second)]);
    const [old, renewed] = [await makeCertificates(first), await makeCertificates(second)];
    const [cert, key] = [join(directory, 'cert'), join(directory, 'key')];
    await Promise.all([copyFile(old.serverCert, cert), copyFile(old.serverKey, key)]);
    const files = ['--http-tls-cert-file', cert, '--http-tls-key-file', key];
    const daemon = await serving(['--http', '127.0.0.1:0', ...files]);
    await daemon.prints(/a page are served at https:\/\/127\.0\.0\.1:\d+\//);
    const [, port] = /served at https:\/\/127\.0\.0\.1:(\d+)/.exec(daemon.printed) ?? [];
    const askWith = async (path: string) => {
      const ca = await readFile(path);
      const options = { host: '127.0.0.1', port, path: '/healthz', ca, agent: false };
      return new Promise<string>((resolve, reject) => {
        const sent = request(options, (response) => {
          const { fingerprint256 } = (response.socket as TLSSocket).getPeerCertificate();
          response.resume().on('end', () => resolve(`${response.statusCode} ${fingerprint256}`));
        });
        sent.on('error', reject).end();
      });
    };
    expect(await askWith(old.ca)).toMatch(/^200 /);
    await expect(askWith(renewed.ca)).rejects.toThrow(/certificate/);
    await expect(ask(`http://127.0.0.1:${port}`, '/healthz')).rejects.toThrow();

    await Promise.all([copyFile(renewed.serverCert, cert), copyFile(renewed.serverKey, key)]);
    daemon.signal('SIGHUP');
    await daemon.prints(/new content in the file of http-tls-cert-file, http-tls-key-file/);
    await expect.poll(() => askWith(renewed.ca).catch(String)).toMatch(/^200 /);

    await writeFile(cert, 'no certificate');
    daemon.signal('SIGHUP');
    await daemon.prints(/stay as they are: .*cannot be used/);
    expect(await askWith(renewed.ca)).toMatch(/^200 /);
    expect(await daemon.stop()).toBe(0);
  });

  it('needs the certificate and its key', async () => {
    for (const name of ['http-tls-cert-file', 'http-tls-key-file']) {
      const daemon = await serving(['--http', '127.0.0.1:0', `--${name}`, '/dev/null']);
      expect(await daemon.exited).toBe(64);
      expect(daemon.printed).toMatch(
        /--http-tls-cert-file and --http-tls-key-file must be set together/,
      );
    }
  });
});
