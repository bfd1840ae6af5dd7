import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificates, InstalledServer } from '@forebay/conformance';
import { freePort, makeCertificates, Server, Wire } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';
import { caughtUp, cutReplicas } from '../primary.ts';
import { expectCaughtUp, serversNamed, threeServers } from './chain.ts';
import { SettingsFile } from './settings-file.ts';

const [newest] = threeServers().slice(-1);
const SECRET = 'not-to-be-printed';

async function certificatesOf(): Promise<Certificates & { readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-served-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return { ...(await makeCertificates(directory)), directory };
}

function flagsOf({ serverCert, serverKey, ca }: Certificates): string[] {
  return ['--tls-cert-file', serverCert, '--tls-key-file', serverKey, '--tls-ca-cert-file', ca];
}

/** A daemon that follows a server of the newest version, and serves by these flags. */
function serving(...flags: string[]): Promise<{ primary: Server; daemon: Daemon }> {
  return servingUnder(newest!, ...flags);
}

async function servingUnder(
  installed: InstalledServer,
  ...flags: string[]
): Promise<{ primary: Server; daemon: Daemon }> {
  const primary = await Server.start(installed);
  onTestFinished(() => primary.stop());
  const daemon = Daemon.follow(primary, await freshDirectory(), ...flags);
  await daemon.prints(/full copy done/);
  return { primary, daemon };
}

describe.each(serversNamed('redis-7.0', 'redis-8.0', 'valkey-9.1'))(
  'by TLS, $name',
  (installed) => {
    it('replicates by its certificate, and its redis-cli asks by one', async () => {
      const certificates = await certificatesOf();
      const tlsPort = await freePort();
      const { primary } = await servingUnder(
        installed,
        ...['--tls-port', String(tlsPort), '--port', '0'],
        ...flagsOf(certificates),
      );
      await primary.command('SET', 'k', 'v');
      const below = await Server.start(installed, {
        tls: certificates,
        config: { 'tls-replication': 'yes', replicaof: `localhost ${tlsPort}` },
      });
      onTestFinished(() => below.stop());
      await expectCaughtUp(primary, below);
      // What the primary is told is where we are found.
      expect((await primary.info('replication')).slave0).toContain(`port=${tlsPort},`);
      const [file = '', ...before] = installed.cli;
      const { ca, clientCert, clientKey } = certificates;
      const secure = ['--tls', '--cacert', ca, '-h', 'localhost', '-p', String(tlsPort)];
      const cli = (...words: string[]) =>
        promisify(execFile)(file, [...before, ...secure, ...words], { timeout: 10_000 });
      expect((await cli('--cert', clientCert, '--key', clientKey, 'PING')).stdout).toBe('PONG\n');
      await expect(cli('PING')).rejects.toThrow();
    });
  },
);

it.skipIf(newest === undefined)(
  'other certificates are shown after a hangup, and the old ones stay where they cannot be read',
  async () => {
    const [ours, others] = [await certificatesOf(), await certificatesOf()];
    const primary = await Server.start(newest!);
    onTestFinished(() => primary.stop());
    const [cert, key] = [join(ours.directory, 'shown.crt'), join(ours.directory, 'shown.key')];
    const show = async ({ serverCert, serverKey }: Certificates): Promise<void> => {
      for (const [from, to] of [[serverCert, cert] as const, [serverKey, key] as const]) {
        await copyFile(from, `${to}.new`);
        await rename(`${to}.new`, to);
      }
    };
    await show(ours);
    const file = await SettingsFile.create();
    const tlsPort = await freePort();
    await file.write({
      ...{ replicaof: `127.0.0.1 ${primary.port}`, dir: await freshDirectory(), port: 0 },
      ...{ 'tls-port': tlsPort, 'tls-auth-clients': 'no' },
      ...{ 'tls-cert-file': cert, 'tls-key-file': key },
    });
    const daemon = Daemon.start(['replica', '--config', file.path], { env: PORT_OF_FILE });
    await daemon.prints(/full copy done/);
    const [cli = '', ...before] = newest!.cli;
    const ping = async ({ ca }: Certificates): Promise<string> => {
      const secure = ['--tls', '--cacert', ca, '-h', 'localhost', '-p', String(tlsPort), 'PING'];
      return (await promisify(execFile)(cli, [...before, ...secure], { timeout: 10_000 })).stdout;
    };
    expect(await ping(ours)).toBe('PONG\n');
    await rm(key);
    daemon.signal('SIGHUP');
    await daemon.prints(/stay as they are: .*shown\.key cannot be read/);
    expect(await ping(ours)).toBe('PONG\n');
    await show(others);
    daemon.signal('SIGHUP');
    await daemon.prints(/finds other certificates/);
    expect(await ping(others)).toBe('PONG\n');
    await expect(ping(ours)).rejects.toThrow();
  },
);

it.skipIf(newest === undefined)(
  'a key that is encrypted is opened by its passphrase, and refused without',
  async () => {
    const certificates = await certificatesOf();
    const serverKey = join(certificates.directory, 'encrypted.key');
    const [plain, aes] = [certificates.serverKey, ['-aes256', '-passout', `pass:${SECRET}`]];
    await promisify(execFile)('openssl', ['ec', '-in', plain, ...aes, '-out', serverKey]);
    const tlsPort = await freePort();
    const flags = [
      ...['--port', '0', '--tls-port', String(tlsPort), '--tls-auth-clients', 'no'],
      ...flagsOf({ ...certificates, serverKey }),
    ];
    const { daemon } = await serving(...flags, '--tls-key-file-pass', SECRET);
    const [cli = '', ...before] = newest!.cli;
    const secure = ['--tls', '--cacert', certificates.ca, '-h', 'localhost', '-p', String(tlsPort)];
    const ping = promisify(execFile)(cli, [...before, ...secure, 'PING'], { timeout: 10_000 });
    expect((await ping).stdout).toBe('PONG\n');
    await daemon.stop();
    expect(daemon.printed).not.toContain(SECRET);

    for (const wrong of [[], ['--tls-key-file-pass', 'wrong']]) {
      const args = ['replica', '--replicaof', '127.0.0.1', '1', '--dir', await freshDirectory()];
      const refused = Daemon.start([...args, ...flags, ...wrong]);
      expect(await refused.exited).toBe(78);
      expect(refused.printed.trim().split('\n')).toHaveLength(1);
      expect(refused.printed).toMatch(/--tls-key-file-pass/);
    }
  },
);

describe('addresses', () => {
  it('a port that is taken ends it, and it says which flag is to be changed', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const directory = await freshDirectory();
    const args = ['replica', '--replicaof', '127.0.0.1', '1', '--dir', directory];
    const daemon = Daemon.start([...args, '--port', String(port)]);
    expect(await daemon.exited).toBe(78);
    expect(daemon.printed.trim().split('\n')).toHaveLength(1);
    expect(daemon.printed).toContain(
      `port ${port} of 127.0.0.1 is taken: choose another with --port, or --port 0 for none`,
    );
  });

  it.skipIf(newest === undefined)(
    'several are listened on, each by the same port, and one that may be missing is',
    async () => {
      const { daemon, primary } = await serving(
        '--port',
        'any',
        '--bind=127.0.0.1 127.0.0.2 -192.0.2.1',
      );
      const [, port] = /served at 127\.0\.0\.1:(\d+)/.exec(daemon.printed) ?? [];
      expect(daemon.printed).toContain(`served at 127.0.0.2:${port}`);
      expect(daemon.printed).not.toContain('192.0.2.1');
      for (const host of ['127.0.0.1', '127.0.0.2']) {
        const wire = await Wire.connect(Number(port), host);
        expect(await wire.ask('PING')).toBe('+PONG');
        wire.close();
      }
      await caughtUp(primary);
      expect((await primary.info('replication')).slave0).toContain(`port=${port},`);
    },
  );

  it('one that this machine does not have ends it', async () => {
    const args = ['replica', '--replicaof', '127.0.0.1', '1', '--dir', await freshDirectory()];
    const daemon = Daemon.start([...args, '--port', 'any', '--bind', '192.0.2.1']);
    expect(await daemon.exited).toBe(78);
    expect(daemon.printed).toMatch(/192\.0\.2\.1:0 cannot be listened on: .*\(--port, --bind\)/);
  });

  it.skipIf(newest === undefined)(
    'who comes from elsewhere is told of protected mode, until a password is set',
    async () => {
      const outside = Object.values(networkInterfaces())
        .flat()
        .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
      if (outside === undefined) return;
      const { daemon } = await serving('--port', 'any', '--bind', '*');
      const [, port] = /served at 0\.0\.0\.0:(\d+)/.exec(daemon.printed) ?? [];
      const denied = await Wire.connect(Number(port), outside);
      expect(await denied.line()).toMatch(/^-DENIED running in protected mode/);
      const local = await Wire.connect(Number(port));
      expect(await local.ask('CONFIG', 'SET', 'requirepass', 'secret')).toBe('+OK');
      local.close();
      const asked = await Wire.connect(Number(port), outside);
      expect(await asked.ask('AUTH', 'secret')).toBe('+OK');
      expect(await asked.ask('PING')).toBe('+PONG');
      asked.close();
    },
  );

  it.skipIf(newest === undefined)(
    'another port than that is told to the primary where that is asked for',
    async () => {
      const { primary } = await serving('--port', 'any', '--replica-announce-port', '7777');
      expect((await primary.info('replication')).slave0).toContain('port=7777,');
    },
  );

  it.skipIf(newest === undefined)(
    'is not announced if the link has another local address, which is logged once',
    async () => {
      const { primary, daemon } = await serving('--port', 'any', '--bind', '127.0.0.2');
      const [, port] = /served at 127\.0\.0\.2:(\d+)/.exec(daemon.printed) ?? [];
      await expect
        .poll(async () => (await primary.info('replication')).slave0)
        .toContain('port=0,');
      await cutReplicas(primary);
      await daemon.prints(/partial resync/);
      await expect
        .poll(async () => (await primary.info('replication')).slave0)
        .toContain('port=0,');
      const said = daemon.printed.match(/port \d+ is not announced to the primary: .*/g);
      expect(said).toEqual([
        `port ${port} is not announced to the primary: the local address of the link is 127.0.0.1, but replicas are served only at ` +
          '127.0.0.2; set --bind to an address that other machines can reach, or --replica-announce-ip and --replica-announce-port',
      ]);
    },
  );

  it.skipIf(newest === undefined)('is announced if an address is announced', async () => {
    const flags = ['--port', 'any', '--bind', '127.0.0.2', '--replica-announce-ip', '192.0.2.9'];
    const { primary, daemon } = await serving(...flags);
    const [, port] = /served at 127\.0\.0\.2:(\d+)/.exec(daemon.printed) ?? [];
    const { slave0 } = await primary.info('replication');
    expect(slave0).toContain(`ip=192.0.2.9,port=${port},`);
    expect(daemon.printed).not.toMatch(/is not announced/);
  });

  it.skipIf(newest === undefined)('is announced as 0 if replicas are not served', async () => {
    const { primary } = await serving('--port', '0');
    expect((await primary.info('replication')).slave0).toContain('port=0,');
  });
});
