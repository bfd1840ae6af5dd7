import { appendFile, chmod, readFile } from 'node:fs/promises';
import { freePort, installedServers, Server } from '@forebay/conformance';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';
import { expectCaughtUp, portOf, replicaOf } from './chain.ts';
import { SettingsFile } from './settings-file.ts';

const [installed] = installedServers().slice(-1);

/** A daemon by a file, and a client of its port. */
async function started(settings: Readonly<Record<string, string | number>> = {}) {
  const primary = await Server.start(installed!);
  onTestFinished(() => primary.stop());
  const file = await SettingsFile.create();
  const all = {
    ...{ replicaof: `127.0.0.1 ${primary.port}`, dir: await freshDirectory(), port: 'any' },
    ...settings,
  };
  await file.write(all);
  const daemon = Daemon.start(['replica', '--config', file.path], { env: PORT_OF_FILE });
  await daemon.prints(/full copy done/);
  const client = clientOf(portOf(daemon));
  const call = (...words: string[]) => client.call(words[0]!, ...words.slice(1));
  return { primary, file, all, daemon, client, call };
}

function clientOf(port: number, password?: string): Redis {
  const options = { port, host: '127.0.0.1', protocol: 2 } as const;
  const client = new Redis(password === undefined ? options : { ...options, password });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

it.skipIf(installed === undefined)(
  'CONFIG GET tells what is in effect, after CONFIG SET and after a hangup',
  async () => {
    const { file, all, daemon, call } = await started();
    const timeout = () => call('CONFIG', 'GET', 'repl-timeout');
    expect(await timeout()).toEqual(['repl-timeout', '60']);
    expect(await call('CONFIG', 'SET', 'repl-timeout', '30', 'retain', '2h')).toBe('OK');
    await daemon.prints(/repl-timeout is 30 from now on/);
    expect(await timeout()).toEqual(['repl-timeout', '30']);
    // What was set and not written holds until the files are read anew.
    await file.write({ ...all, retain: '3h' });
    daemon.signal('SIGHUP');
    await daemon.prints(/retain is 3h from now on/);
    expect(await timeout()).toEqual(['repl-timeout', '60']);
    expect(await call('CONFIG', 'GET', 'retain')).toEqual(['retain', '3h']);
  },
);

it.skipIf(installed === undefined)(
  'CONFIG SET takes all or nothing, by the forms and the checks of a file',
  async () => {
    const { call } = await started();
    const refused = (...words: string[]) => expect(call('CONFIG', 'SET', ...words)).rejects;
    await refused('retain', '2h', 'repl-timeout', 'long').toThrow(
      /failed \(possibly related to argument 'repl-timeout'\) - Seconds are a whole number/,
    );
    await refused('retain', '2h', 'dir', '/').toThrow(/argument 'dir'\) - can't set immutable/);
    await refused('retain', '2h', 'save', '').toThrow(/argument 'save'\) - can't set immutable/);
    await refused('retain', '2h', 'retain', '3h').toThrow(/'retain'\) - duplicate parameter/);
    await refused('replica-priority', '1', 'slave-priority', '2').toThrow(/duplicate parameter/);
    await refused('retain', '2h', 'constructor', '1').toThrow(/Unknown option .*'constructor'/);
    await refused('retain', '2h', 'cacert', '/none').toThrow(/--cacert.* need --tls/);
    expect(await call('CONFIG', 'GET', 'retain')).toEqual(['retain', '1d']);
  },
);

it.skipIf(installed === undefined)(
  'a password, and how many may come, hold from when they are set',
  async () => {
    const { daemon, call, client } = await started();
    expect(await call('CONFIG', 'SET', 'requirepass', 'sécret', 'maxclients', '2')).toBe('OK');
    await daemon.prints(/requirepass is \(hidden\) from now on/);
    expect(JSON.stringify(await call('CONFIG', 'GET', '*'))).not.toMatch(/requirepass|sécret/);
    expect(await client.info('clients')).toMatch(/^maxclients:2\r$/m);
    const port = portOf(daemon);
    await expect(clientOf(port).ping()).rejects.toThrow(/NOAUTH/);
    await client.call('CONFIG', 'SET', 'maxclients', '10');
    expect(await clientOf(port, 'sécret').ping()).toBe('PONG');
  },
);

it.skipIf(installed === undefined)(
  'CONFIG REWRITE puts into the file what was set, and whom REPLICAOF named',
  async () => {
    const { primary, file, daemon, call } = await started();
    const other = await replicaOf(installed!, primary.port);
    // It has what we have before it is asked to go on.
    await expectCaughtUp(primary, other);
    await appendFile(file.path, '\n# Ours.\nretain = "5h" # five\n');
    expect(await call('CONFIG', 'SET', 'retain', '2h', 'tcp-keepalive', '60')).toBe('OK');
    expect(await call('REPLICAOF', '127.0.0.1', String(other.port))).toBe('OK');
    expect(await call('CONFIG', 'REWRITE')).toBe('OK');
    const text = await file.read();
    expect(text).toContain(`replicaof = [ "127.0.0.1 ${other.port}" ]`);
    expect(text).toContain('# Ours.\nretain = "2h" # five\ntcp-keepalive = 60\n');
    expect(await call('INFO', 'server')).toContain(`config_file:${file.path}`);
    expect(await daemon.stop()).toBe(0);
    const again = Daemon.start(['replica', '--config', file.path], { env: PORT_OF_FILE });
    await again.prints(new RegExp(`following 127\\.0\\.0\\.1:${other.port} into`));
    await again.prints(/partial resync/);
  },
);

it.skipIf(installed === undefined)(
  'CONFIG REWRITE keeps the credentials that came in a URL',
  async () => {
    const { primary, file, call } = await started();
    await primary.command('ACL', 'SETUSER', 'ann', 'on', '>p@ss', '+@all', '~*');
    expect(
      await call('CONFIG', 'SET', 'replicaof', `redis://ann:p%40ss@127.0.0.1:${primary.port}`),
    ).toBe('OK');
    const port = await freePort();
    expect(await call('REPLICAOF', '127.0.0.1', String(port))).toBe('OK');
    expect(await call('CONFIG', 'REWRITE')).toBe('OK');
    expect(await readFile(file.path, 'utf8')).toContain(`"redis://ann:p%40ss@127.0.0.1:${port}"`);
  },
);

it.skipIf(installed === undefined)(
  'CONFIG REWRITE warns of a secret that it writes to a file that other users can read',
  async () => {
    const { file, daemon, call } = await started();
    const warned = () => daemon.printed.match(/wrote the secret of .*/g) ?? [];
    const advice = `to ${file.path}, which other users can read (mode 0640): chmod 600 ${file.path}`;
    await chmod(file.path, 0o640);
    expect(await call('CONFIG', 'SET', 'requirepass', 'first', 'retain', '2h')).toBe('OK');
    expect(await call('CONFIG', 'REWRITE')).toBe('OK');
    await daemon.prints(/wrote the secret of/);
    expect(warned()).toEqual([`wrote the secret of requirepass ${advice}`]);
    await chmod(file.path, 0o600);
    expect(await call('CONFIG', 'SET', 'requirepass', 'other')).toBe('OK');
    expect(await call('CONFIG', 'REWRITE')).toBe('OK');
    expect(await call('CONFIG', 'SET', 'retain', '3h')).toBe('OK');
    await daemon.prints(/retain is 3h from now on/);
    expect(warned()).toHaveLength(1);
  },
);

it.skipIf(installed === undefined)(
  'a time-out that is set holds for the link that stands',
  async () => {
    const { daemon, call } = await started();
    // Its server says nothing for ten seconds at a time.
    expect(await call('CONFIG', 'SET', 'repl-timeout', '2')).toBe('OK');
    await daemon.prints(/sent nothing for 2 s \(stream\)/);
  },
);
