import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, cutReplicas, expectBootsEqual, syncsOf } from '../primary.ts';

const SECRET = 'not-to-be-printed';

describe.each(installedServers())('$name', (installed) => {
  it('with PSYNC renamed away is followed by SYNC, under its own id and offset', async () => {
    await using primary = await Server.start(installed, {
      config: { 'rename-command': 'PSYNC ""' },
    });
    await primary.command('SELECT', 2);
    await primary.command('SET', 'a', '1');
    const directory = await freshDirectory();
    await using daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy, .*PSYNC was answered .*full copy done/s);
    await primary.command('SET', 'b', '2');
    await caughtUp(primary);
    expect(await primary.command('WAIT', 1, 20_000)).toBe(1);
    expect(await daemon.stop()).toBe(0);
    const { master_replid, master_repl_offset } = await primary.info('replication');
    expect(daemon.printed).toContain(`stopped at ${master_replid}:${master_repl_offset}`);
    await expectBootsEqual(primary, directory);
  });

  it('with a password: a wrong one ends the daemon, the right one is never printed', async () => {
    await using primary = await Server.start(installed, { config: { requirepass: SECRET } });
    const directory = await freshDirectory();
    const wrong = Daemon.follow(primary, directory, '--masterauth', 'wrong-secret');
    expect(await wrong.exited).toBe(77);
    expect(wrong.printed).toMatch(/denies AUTH to user "default".*check the user and the password/);
    const none = Daemon.follow(primary, directory);
    expect(await none.exited).toBe(77);
    expect(none.printed).toMatch(/give a password/);

    const env = { FOREBAY_MASTERAUTH: SECRET };
    const address = ['--replicaof', primary.host, String(primary.port)];
    const right = Daemon.start(['replica', ...address, '--dir', directory], { env });
    await right.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    await caughtUp(primary);
    expect(await right.stop()).toBe(0);
    expect(wrong.printed + right.printed).not.toMatch(/secret|not-to-be-printed/);
  });

  it('refusing credentials that once worked is tried again', async () => {
    await using primary = await Server.start(installed);
    const directory = await freshDirectory();
    await using daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    await primary.command('CONFIG', 'SET', 'requirepass', SECRET);
    await cutReplicas(primary);
    await daemon.prints(/give a password.*; trying again in/);
    await primary.command('CONFIG', 'SET', 'requirepass', '');
    await daemon.prints(/partial resync/);
    expect((await syncsOf(primary)).full).toBe(1);
  });

  it('with a user who lacks a right names the right, and follows once it is granted', async () => {
    await using primary = await Server.start(installed);
    const rights = ['+ping', '+replconf'];
    await primary.command('ACL', 'SETUSER', 'ann', 'on', `>${SECRET}`, ...rights);
    const directory = await freshDirectory();
    const flags = ['--masteruser', 'ann', '--masterauth', SECRET];
    const without = Daemon.follow(primary, directory, ...flags);
    expect(await without.exited).toBe(77);
    expect(without.printed).toMatch(/NOPERM.*; grant it: ACL SETUSER ann \+psync/);
    await primary.command('ACL', 'SETUSER', 'ann', '+psync');
    const granted = Daemon.follow(primary, directory, ...flags);
    await granted.prints(/full copy done/);
    expect(await granted.stop()).toBe(0);
    expect(without.printed + granted.printed).not.toContain(SECRET);
  });

  it('granting everything but REPLCONF is followed all the same', async () => {
    await using primary = await Server.start(installed);
    const rights = ['+ping', '+psync'];
    await primary.command('ACL', 'SETUSER', 'ann', 'on', `>${SECRET}`, ...rights);
    const directory = await freshDirectory();
    const flags = ['--masteruser', 'ann', '--masterauth', SECRET];
    await using daemon = Daemon.follow(primary, directory, ...flags);
    await daemon.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    const written = async () => (await primary.info('replication')).slave0;
    await expect.poll(written).toMatch(/state=online/);
    await cutReplicas(primary);
    await daemon.prints(/partial resync/);
    expect(await syncsOf(primary)).toEqual({ full: 1, partial: 1 });
  });

  it('that is loading is waited for', async () => {
    await using first = await Server.start(installed);
    await seedDataSet(first.client, { megabytes: 8, valueBytes: 100 });
    const { directory } = first;
    await first.command('SAVE');
    // With a delay at each key, loading takes seconds; it ends when that is taken back. Before 7.0
    // commands are answered once every 2 MB, and that one is not.
    const often = installed.multipart ? { 'loading-process-events-interval-bytes': 1024 } : {};
    const config = { 'key-load-delay': 50, ...often };
    await using loading = await Server.start(installed, {
      directory,
      config,
      waitUntilLoaded: false,
    });
    const daemon = Daemon.follow(loading, await freshDirectory());
    await daemon.prints(/answered PING with "-LOADING .*; trying again in/);
    if (installed.multipart) await loading.command('CONFIG', 'SET', 'key-load-delay', 0);
    await daemon.prints(/full copy done/);
    expect(await daemon.stop()).toBe(0);
  });

  it('over TLS with certificates, and over a unix socket', async () => {
    await using primary = await Server.start(installed, { tls: true, unixSocket: true });
    const { ca, clientCert, clientKey } = primary.certificates!;
    const secure = ['replica', '--replicaof', 'localhost', String(primary.tlsPort), '--tls'];
    const files = ['--cacert', ca, '--cert', clientCert, '--key', clientKey];
    const first = Daemon.start([...secure, ...files, '--dir', await freshDirectory()]);
    await first.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    await caughtUp(primary);
    expect(await first.stop()).toBe(0);

    const unknown = Daemon.start([...secure, '--dir', await freshDirectory()]);
    await unknown.prints(/no secure link to .*certificate.*; trying again/);
    expect(await unknown.stop()).toBe(0);

    const url = `unix://${primary.socketPath}`;
    const second = Daemon.start(['replica', '--replicaof', url, '--dir', await freshDirectory()]);
    await second.prints(/full copy done/);
    await caughtUp(primary);
    expect(await second.stop()).toBe(0);
  });

  it('that shuts down waits for our acknowledgement, which comes at once', async () => {
    await using primary = await Server.start(installed, { config: { save: '3600 1' } });
    await using daemon = Daemon.follow(primary, await freshDirectory());
    await daemon.prints(/full copy done/);
    await primary.command('SET', 'a', '1');
    await caughtUp(primary);
    const offset = Number((await primary.info('replication')).master_repl_offset);
    await primary.command('SET', 'last', 'word');
    const gone = primary.command('SHUTDOWN', 'NOSAVE').catch(() => 'gone');
    expect(await gone).toBe('gone');
    await daemon.prints(/closed the link in the stream/);
    expect(primary.log()).not.toMatch(/lagging replica|Lagging/);
    expect(await daemon.stop()).toBe(0);
    const [, stopped] = /stopped at \w+:(\d+)/.exec(daemon.printed) ?? [];
    expect(Number(stopped)).toBeGreaterThan(offset);
  });
});
