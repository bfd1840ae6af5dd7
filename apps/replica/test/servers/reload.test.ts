import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';
import { caughtUp, cutReplicas } from '../primary.ts';
import { SettingsFile } from './settings-file.ts';

const SECRET = 'not-to-be-printed';
/** A fresh base as soon as a little has been written. */
const BASES = [
  ...['--auto-aof-rewrite-min-size', '16kb', '--auto-aof-rewrite-percentage', '1'],
  ...['--base-interval', '1s'],
];

describe.each(installedServers().slice(0, 1))('a hangup, on $name', (installed) => {
  it('changes live settings, names those that need a restart, and changes nothing if the file is invalid', async () => {
    await using primary = await Server.start(installed);
    const file = await SettingsFile.create();
    const dir = await freshDirectory();
    const settings = { replicaof: `127.0.0.1 ${primary.port}`, dir, port: 0 };
    await file.write(settings);
    const daemon = Daemon.start(['replica', '--config', file.path], { env: PORT_OF_FILE });
    await daemon.prints(/full copy done/);

    await file.write({ ...settings, retain: '2h', 'repl-backlog-size': '2mb', port: 6380 });
    daemon.signal('SIGHUP');
    await daemon.prints(/port stays 0: it changes at the next start only/);
    await daemon.prints(/retain is 2h from now on/);
    await daemon.prints(/repl-backlog-size stays 1048576: it changes/);

    await file.write({ ...settings, retain: 'long' });
    daemon.signal('SIGHUP');
    await daemon.prints(/stay as they are: .*toml:4: retain: long is neither/);
    // As it was: nothing of the bad file was taken.
    await file.write({ ...settings, retain: '3h' });
    daemon.signal('SIGHUP');
    await daemon.prints(/retain is 3h from now on/);
    await caughtUp(primary);
    expect(await daemon.stop()).toBe(0);
  });

  it('has another password used at once, and the stream goes on where it was', async () => {
    await using primary = await Server.start(installed);
    const file = await SettingsFile.create();
    const secret = `${file.path}.secret`;
    const dir = await freshDirectory();
    await file.write({ replicaof: `127.0.0.1 ${primary.port}`, dir });
    await writeFile(secret, 'wrong');
    const env = { FOREBAY_MASTERAUTH_FILE: secret };
    await primary.command('ACL', 'SETUSER', 'ann', 'on', `>${SECRET}`, '+@all', '~*');
    const daemon = Daemon.start(['replica', '--config', file.path], { env });
    // A server without a password refuses one.
    await expect(daemon.exited).resolves.toBe(77);

    await writeFile(secret, SECRET);
    await file.write({ replicaof: `127.0.0.1 ${primary.port}`, dir, masteruser: 'ann' });
    const allowed = Daemon.start(['replica', '--config', file.path], { env });
    await allowed.prints(/full copy done/);
    await primary.command('ACL', 'SETUSER', 'ann', 'resetpass', '>another');
    await cutReplicas(primary);
    await allowed.prints(/trying again in/);
    await writeFile(secret, 'another');
    allowed.signal('SIGHUP');
    await allowed.prints(/masterauth is \(hidden\) from now on.*partial resync/s);
    expect(await allowed.stop()).toBe(0);
    expect(allowed.printed).not.toMatch(/another|not-to-be-printed/);
  });

  it('has another certificate trusted at once', async () => {
    await using primary = await Server.start(installed, { tls: true });
    const { ca, clientCert: cert, clientKey: key } = primary.certificates!;
    const file = await SettingsFile.create();
    const dir = await freshDirectory();
    const settings = { replicaof: `rediss://localhost:${primary.tlsPort}`, dir, cert, key };
    await file.write(settings);
    const daemon = Daemon.start(['replica', '--config', file.path]);
    await daemon.prints(/no secure link to .*certificate.*; trying again/);
    await file.write({ ...settings, cacert: ca });
    daemon.signal('SIGHUP');
    await daemon.prints(
      /cacert is .* from now on.*following localhost:\d+ from now on.*full copy done/s,
    );
    expect(await daemon.stop()).toBe(0);
  });

  it('never ends the daemon: without a file it says that nothing changed', async () => {
    await using primary = await Server.start(installed);
    const daemon = Daemon.follow(primary, await freshDirectory());
    await daemon.prints(/full copy done/);
    daemon.signal('SIGHUP');
    await daemon.prints(/reloaded: nothing changed/);
    await primary.command('SET', 'a', '1');
    await caughtUp(primary);
    expect(await daemon.stop()).toBe(0);
  });

  it('reads each file again that a flag or a variable names, and names those that changed', async () => {
    await using primary = await Server.start(installed, { tls: true });
    const { ca, clientCert, clientKey } = primary.certificates!;
    const directory = await freshDirectory();
    await mkdir(directory);
    const [cert, key, secret] = ['cert', 'key', 'secret'].map((name) => join(directory, name));
    await copyFile(clientCert, cert!);
    await copyFile(clientKey, key!);
    await writeFile(secret!, 'first');
    const url = `rediss://localhost:${primary.tlsPort}`;
    const flags = ['--cacert', ca, '--cert', cert!, '--key', key!, '--port', 'any'];
    const daemon = Daemon.start(
      ['replica', '--replicaof', url, '--dir', join(directory, 'data'), ...flags],
      { env: { FOREBAY_REQUIREPASS_FILE: secret! } },
    );
    await daemon.prints(/full copy done/);

    // Another certificate of the same client: the link is made anew by it.
    const pem = await readFile(clientCert, 'utf8');
    await writeFile(cert!, `# renewed\n${pem}`);
    await writeFile(secret!, 'second');
    daemon.signal('SIGHUP');
    await daemon.prints(/requirepass is \(hidden\) from now on/);
    await daemon.prints(/reloaded: changed requirepass; new content in the file of cert\n/);
    await daemon.prints(/following localhost:\d+ from now on.*partial resync/s);

    await writeFile(cert!, 'no certificate');
    daemon.signal('SIGHUP');
    await daemon.prints(/stay as they are: .*cannot be used/);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).not.toMatch(/first|second/);
  });

  it('is not needed for a password file that was rotated: each connection reads it', async () => {
    await using primary = await Server.start(installed, { config: { requirepass: SECRET } });
    const directory = await freshDirectory();
    await mkdir(directory);
    const secret = join(directory, 'secret');
    await writeFile(secret, `${SECRET}\n`);
    const address = ['--replicaof', primary.host, String(primary.port)];
    const daemon = Daemon.start(
      ['replica', ...address, '--dir', join(directory, 'data'), ...BASES],
      { env: { FOREBAY_MASTERAUTH_FILE: secret } },
    );
    await daemon.prints(/full copy done/);
    await primary.command('CONFIG', 'SET', 'requirepass', 'rotated-secret');
    await rm(secret);
    await cutReplicas(primary);
    await daemon.prints(
      /cannot read the password: FOREBAY_MASTERAUTH_FILE: .*ENOENT; trying again in/,
    );
    await writeFile(secret, 'rotated-secret\n');
    await daemon.prints(/partial resync/);
    // A base comes over a connection of its own.
    await primary.command('SET', 'large', 'x'.repeat(32 * 1024));
    await daemon.prints(/fresh base done/);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).not.toMatch(/rotated-secret|not-to-be-printed/);
  });
});
