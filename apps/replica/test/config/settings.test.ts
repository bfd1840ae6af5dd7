import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultsIn } from '../../src/config/configuration.ts';
import {
  type SettingName,
  settingNames,
  settingOf,
  variableOf,
} from '../../src/config/settings.ts';
import { EXIT } from '../../src/exit.ts';
import { Daemon, freshDirectory, PORT_OF_FILE } from '../daemon.ts';

/** A file of settings, in a directory of its own. */
async function fileOf(text: string): Promise<string> {
  const directory = await freshDirectory();
  await mkdir(directory);
  const path = join(directory, 'forebay.toml');
  await writeFile(path, text);
  return path;
}

const GOOD = 'replicaof = "127.0.0.1 6379"\ndir = "data"\n';

describe('the table', () => {
  const texts: Partial<Record<SettingName, string[]>> = {
    replicaof: ['127.0.0.1 6379', '::1 6379 redis://h unix:///run/redis.sock'],
    port: ['0', '65535', 'any'],
    bind: ['127.0.0.1 -::1', '* -::*'],
    tls: ['yes', 'no'],
    retain: ['24h', '10gb', '90m', '1500ms', '0s', '1025b'],
    'max-disk': ['80%', '12.5%', '100gb', '0b'],
    'base-interval': ['0s', '1h', '1d'],
    'repl-backlog-size': ['1mb', '0', '16384'],
  };

  it.each(settingNames)('%s is printed as it is read', (name) => {
    const { form, default: preset } = settingOf(name);
    for (const text of [...(preset === undefined ? [] : [preset]), ...(texts[name] ?? [])]) {
      const value = form.parse(text);
      expect(form.parse(form.print(value))).toEqual(value);
    }
  });

  it('has a variable for each', () => {
    expect(variableOf('auto-aof-rewrite-min-size')).toBe('FOREBAY_AUTO_AOF_REWRITE_MIN_SIZE');
    expect(new Set(settingNames.map(variableOf)).size).toBe(settingNames.length);
  });
});

describe('what is wrong in a file or a variable is told with its place', () => {
  const wrong: [what: string, text: string, env: Record<string, string>, says: RegExp][] = [
    [
      'a name mistyped',
      'repl-timout = 30',
      {},
      /toml:3: repl-timout .*did you mean repl-timeout\?/,
    ],
    ['a name in another spelling', 'REPL_TIMEOUT = 1', {}, /did you mean repl-timeout\?/],
    ['a name that is like none', 'foo = 1', {}, /toml:3: foo is no setting$/],
    ['a table', '[replica]\nport = 1', {}, /toml:3: replica is no setting/],
    ['a value that is none', '\nport = 65536', {}, /toml:4: port: A port is a number/],
    ['a value of another kind', 'port = [1]', {}, /toml:3: port takes one value/],
    ['a truth for a number', 'repl-timeout = true', {}, /repl-timeout takes one value/],
    ['no TOML', 'masterauth = "secret', {}, /toml:3:\d+: Invalid TOML/],
    ['a name given twice', 'port = 1\nport = 2', {}, /toml:4:\d+: Invalid TOML/],
    ['a choice that is none', 'appendfsync = "secret"', {}, /toml:3: appendfsync: Allowed/],
    [
      'a password for nobody',
      'port = 0\nrequirepass = "secret"',
      {},
      /toml:4: requirepass needs --port/,
    ],
    ['a secure port without a certificate', 'tls-port = 1', {}, /--tls-port needs --tls-cert-file/],
    [
      'no authority for clients',
      'tls-port = 1\ntls-cert-file = "/dev/null"\ntls-key-file = "/dev/null"',
      {},
      /--tls-port needs --tls-ca-cert-file/,
    ],
    ['no client at all', 'maxclients = 0', {}, /toml:3: maxclients: .*from 1 on/],
    ['certificates without TLS', 'cacert = "ca.pem"', {}, /need --tls/],
    ['a file that is not there', 'replicaof-file = "/none"', {}, /\/none cannot be read: ENOENT/],
    ['a variable', '', { FOREBAY_RETAIN: 'long' }, /^FOREBAY_RETAIN: long is neither/],
    [
      'a file of a secret',
      '',
      { FOREBAY_MASTERAUTH_FILE: '/none' },
      /^FOREBAY_MASTERAUTH_FILE: \/none cannot be read: ENOENT/,
    ],
    [
      'a secret that is given twice',
      '',
      { FOREBAY_MASTERAUTH: 'secret', FOREBAY_MASTERAUTH_FILE: '/none' },
      /^FOREBAY_MASTERAUTH and FOREBAY_MASTERAUTH_FILE are both set/,
    ],
  ];

  it.each(wrong)('%s', async (_, text, env, says) => {
    const path = await fileOf(GOOD + text);
    const faults = faultsIn({ flags: new Map(), env, path });
    expect(faults.map(({ message }) => message)).toEqual([expect.stringMatching(says)]);
    expect(faults[0]?.exitCode).toBe(EXIT.configuration);
    expect(faults[0]?.message).not.toContain('"secret');
  });

  it('but a variable that Kubernetes sets beside a service of our name is none of ours', async () => {
    const path = await fileOf(GOOD);
    const env = { FOREBAY_PORT: 'tcp://10.0.0.1:6380' };
    expect(faultsIn({ flags: new Map(), env, path })).toEqual([]);
  });

  it('an address, and a host without a port', async () => {
    const path = await fileOf('replicaof = ["localhost"]\ndir = "data"\n');
    const [fault] = faultsIn({ flags: new Map(), env: {}, path });
    expect(fault).toMatchObject({
      message: expect.stringMatching(/toml:1: replicaof: give HOST PORT, HOST:PORT, or a URL/),
      exitCode: EXIT.configuration,
    });
  });
});

describe('forebay replica', () => {
  it('--check-config says all that is wrong, or that nothing is', async () => {
    const bad = await fileOf(`${GOOD}repl-timout = 3\nport = "x"\n`);
    const check = ['replica', '--config', bad, '--check-config'];
    const faulty = Daemon.start(check, { env: PORT_OF_FILE });
    expect(await faulty.exited).toBe(78);
    expect(faulty.printed).toMatch(/:3: repl-timout .*\n.*:4: port: .*\n.*2 faults/);
    const flags = Daemon.start(['replica', '--check-config', '--dir', 'data']);
    expect(await flags.exited).toBe(64);
    expect(flags.printed).toMatch(/name the primary/);
    const env = { FOREBAY_CONFIG: await fileOf(GOOD) };
    const good = Daemon.start(['replica', '--check-config'], { env });
    expect(await good.exited).toBe(0);
    expect(good.printed).toMatch(/the configuration is good/);
  });

  it('says of a variable that is nearly one of ours which may be meant, and of others nothing', async () => {
    const env = {
      FOREBAY_CONFIG: await fileOf(GOOD),
      FOREBAY_REQUIREPAS_FILE: 'x',
      FOREBAY_PORT_6380_TCP_ADDR: '10.0.0.1',
      FOREBAY_SERVICE_HOST: '10.0.0.1',
    };
    const daemon = Daemon.start(['replica', '--check-config'], { env });
    expect(await daemon.exited).toBe(0);
    expect(daemon.printed.match(/FOREBAY_\S+/g)).toEqual([
      ...['FOREBAY_REQUIREPAS_FILE', 'FOREBAY_REQUIREPASS_FILE'],
    ]);
  });

  it('--print-config: a flag goes before the environment, that before the file', async () => {
    const given = 'retain = "1h"\nport = 1\nrepl-timeout = 1\nprotected-mode = false\ntls = true\n';
    const path = await fileOf(GOOD + given);
    const flags = ['--port', '3', '--protected-mode', '--no-tls'];
    const env = { FOREBAY_PORT: '2', FOREBAY_REPL_TIMEOUT: '2', FOREBAY_APPENDFSYNC: '' };
    const daemon = Daemon.start(['replica', '--config', path, ...flags, '--print-config'], { env });
    expect(await daemon.exited).toBe(0);
    const lines = daemon.printed.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'port = 3 # --port',
        'protected-mode = true # --protected-mode',
        'tls = false # --no-tls',
        'repl-timeout = 2 # FOREBAY_REPL_TIMEOUT',
        `retain = "1h" # ${path}:3: retain`,
        'appendfsync = "everysec" # default',
        '# requirepass: none',
      ]),
    );
    // It is a file of the same settings.
    const print = ['replica', '--config', await fileOf(daemon.printed), '--print-config'];
    const again = Daemon.start(print, { env: PORT_OF_FILE });
    expect(await again.exited).toBe(0);
    const values = (text: string) => text.replace(/ # .*$/gm, '');
    expect(values(again.printed)).toBe(values(daemon.printed));
  });

  it('--print-config shows no secret, wherever it was given', async () => {
    const path = await fileOf(
      'replicaof = ["redis://ann:secret1@h", "redis://:sec%2Fret@secret@h"]\ndir = "d"\nmasterauth = "secret2"\nport = 1\n',
    );
    const env = { FOREBAY_REQUIREPASS: 'secret3' };
    const daemon = Daemon.start(['replica', '--config', path, '--print-config'], { env });
    await daemon.exited;
    expect(daemon.printed).toMatch(/redis:\/\/ann:\*\*\*@h/);
    expect(daemon.printed).toMatch(/# masterauth: \(hidden\)/);
    expect(daemon.printed).not.toMatch(/secret/);
  });
});
