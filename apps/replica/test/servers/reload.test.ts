import { writeFile } from 'node:fs/promises';
import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';
import { caughtUp, cutReplicas } from '../primary.ts';
import { SettingsFile } from './settings-file.ts';

const SECRET = 'not-to-be-printed';

describe.each(installedServers().slice(0, 1))('a hangup, on $name', (installed) => {
  it('has what can change changed, says what could not, and keeps all where the file is bad', async () => {
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

  it('ends a daemon that has no file to read anew', async () => {
    await using primary = await Server.start(installed);
    const daemon = Daemon.follow(primary, await freshDirectory());
    await daemon.prints(/full copy done/);
    expect(await daemon.stop('SIGHUP')).toBeNull();
  });
});
