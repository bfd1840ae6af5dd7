import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ScriptedPeer } from '@forebay/conformance';
import { freePort, ScriptedPrimary } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from './daemon.ts';

const ID = 'a'.repeat(40);
const RDB = 'REDIS0009\xff\0\0\0\0\0\0\0\0';

const replica = (address: readonly string[], directory: string, ...flags: string[]) =>
  Daemon.start(['replica', '--replicaof', ...address, '--dir', directory, ...flags]);

const local = (port: number) => ['127.0.0.1', String(port)];

describe('what may mend itself is tried again, and said', () => {
  it('a port where nothing listens', async () => {
    const port = await freePort();
    const daemon = replica(local(port), await freshDirectory());
    await daemon.prints(
      new RegExp(`127.0.0.1:${port} cannot be reached: ECONNREFUSED; trying again`),
      3,
    );
    expect(await daemon.stop()).toBe(0);
  });

  it('a name that does not resolve', async () => {
    const daemon = replica(['no-such-host.invalid', '6379'], await freshDirectory());
    await daemon.prints(/no address is known for no-such-host.invalid:6379; trying again/);
    expect(await daemon.stop()).toBe(0);
  });

  it('a unix socket that is not there', async () => {
    const directory = await freshDirectory();
    const daemon = replica([`unix://${directory}/socket`], directory);
    await daemon.prints(/socket cannot be reached: ENOENT; trying again/);
    expect(await daemon.stop()).toBe(0);
  });

  it('an HTTP server', async () => {
    const server = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const daemon = replica(local((server.address() as AddressInfo).port), await freshDirectory());
    await daemon.prints(/is no Redis or Valkey: "HTTP\/1.1 400 Bad Request"; trying again/);
    expect(await daemon.stop()).toBe(0);
  });

  it('a plain port asked for TLS', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.closed;
    });
    const url = `rediss://127.0.0.1:${primary.port}`;
    const daemon = replica([url, '--repl-timeout', '1'], await freshDirectory());
    await daemon.prints(/sent nothing for 1 s \(connect\); trying again/);
    expect(await daemon.stop()).toBe(0);
  });

  const payloads: [what: string, script: (peer: ScriptedPeer) => Promise<unknown>, says: RegExp][] =
    [
      [
        'an RDB cut short',
        async (peer) => {
          await peer.send(`$100\r\n${RDB}`);
          peer.end();
        },
        /closed the link in the transfer; trying again/,
      ],
      [
        'an RDB without its mark',
        async (peer) => {
          await peer.send(`$EOF:${'m'.repeat(40)}\r\n${RDB}`);
          peer.end();
        },
        /closed the link in the transfer; trying again/,
      ],
      [
        'a length of 2^63',
        (peer) => peer.send('$9223372036854775808\r\n'),
        /sent a payload that cannot be taken: .*9223372036854775808.*; trying again/,
      ],
      [
        'a length that is none',
        (peer) => peer.send('$-5\r\n'),
        /cannot be taken: .*-5.*; trying again/,
      ],
      [
        'no RDB',
        (peer) => peer.send('$14\r\nGIF89a no RDB.'),
        /cannot be taken: "GIF89a no" is not how an RDB begins; trying again/,
      ],
      [
        'less than an RDB begins with',
        (peer) => peer.send('$5\r\nREDIS'),
        / refused: the RDB ends at byte 5, before its end; next attempt in/,
      ],
      [
        'a snapshot it cannot make',
        (peer) => peer.send("-ERR BGSAVE failed, replication can't continue\r\n"),
        /answered SYNC with "-ERR BGSAVE failed.*; trying again/,
      ],
    ];

  it.each(payloads)('%s: nothing is left of it', async (_, script, says) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(`+FULLRESYNC ${ID} 5\r\n`);
      await script(peer);
      await peer.closed;
    });
    const directory = await freshDirectory();
    const daemon = replica(local(primary.port), directory);
    await daemon.prints(says);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).toMatch(/stopped with an empty log/);
    expect(await readdir(join(directory, 'appendonlydir'))).toEqual([]);
  });

  it('a full copy cut short leaves what was held, and the place is asked for again', async () => {
    const asked: string[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      // A probe ends before it.
      const { psync } = await peer.handshake();
      const link = asked.push(psync);
      await peer.send(`+FULLRESYNC ${link === 1 ? ID : 'b'.repeat(40)} 5\r\n`);
      await peer.send(`$${RDB.length}\r\n${link === 1 ? RDB : RDB.slice(0, 9)}`);
      if (link === 1) await peer.send('*1\r\n$4\r\nPING\r\n');
      if (link === 1) await peer.skipTo('REPLCONF', 'ACK', '19');
      if (link < 3) peer.end();
      await peer.closed;
    });
    const directory = await freshDirectory();
    const daemon = replica(local(primary.port), directory);
    await daemon.prints(/what was held before stays/);
    await expect.poll(() => asked.length).toBe(3);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.printed).toMatch(new RegExp(`stopped at ${ID}:19`));
    expect(asked).toEqual([
      ['PSYNC', '?', '-1'],
      ['PSYNC', ID, '20'],
      ['PSYNC', ID, '20'],
    ]);
  });
});

describe('what will not mend itself ends the daemon', () => {
  const usage: [what: string, args: string[], says: RegExp][] = [
    ['no directory at all', ['--replicaof', 'localhost', '1', '--dir', ''], /names no directory/],
    [
      'a flag mistyped',
      ['--replicaof', 'h', '1', '--dir', 'x', '--masterauht=secret'],
      /unknown option '--masterauht'/,
    ],
    ['no primary', ['--dir', 'x'], /name the primary: --replicaof/],
    ['no directory', ['--replicaof', 'localhost', '6379'], /required option '--dir/],
    [
      'a host without a port',
      ['--replicaof', 'localhost', '--dir', 'x'],
      /--replicaof: give HOST PORT, HOST:PORT, or a URL/,
    ],
    [
      'a port that is none',
      ['--replicaof', 'localhost', '99999', '--dir', 'x'],
      /port 99999 is out of range: give 1 to 65535/,
    ],
    [
      'a URL of another kind',
      ['--replicaof', 'http://localhost', '--dir', 'x'],
      /begins with redis:/,
    ],
    ['a URL that is none', ['--replicaof', 'redis://:secret@', '--dir', 'x'], /--replicaof cannot/],
    [
      'a flag that is none',
      ['--replicaof', 'localhost', '1', '--dir', 'x', '--no'],
      /unknown option/,
    ],
    [
      'a port of ours that is none',
      ['--replicaof', 'h', '1', '--dir', 'x', '--port', 'x'],
      /A port is/,
    ],
    [
      'certificates without TLS',
      ['--replicaof', 'h', '1', '--dir', 'x', '--cacert', 'x'],
      /need --tls/,
    ],
    [
      'a user without a password',
      ['--replicaof', 'h', '1', '--dir', 'x', '--masteruser', 'a'],
      /password/,
    ],
  ];

  it.each(usage)('usage, 64: %s', async (_, args, says) => {
    const daemon = Daemon.start(['replica', ...args]);
    expect(await daemon.exited).toBe(64);
    expect(daemon.printed).toMatch(says);
    expect(daemon.printed).not.toContain('secret');
  });

  it('configuration, 78: a certificate that is not there, or is none', async () => {
    const directory = await freshDirectory();
    const missing = replica(['h', '1'], directory, '--tls', '--cacert', `${directory}/ca.pem`);
    expect(await missing.exited).toBe(78);
    expect(missing.printed).toMatch(/--cacert: .*ca.pem cannot be read: ENOENT/);
    await mkdir(directory);
    await writeFile(join(directory, 'ca.pem'), 'no certificate');
    const ca = ['--cacert', join(directory, 'ca.pem')];
    const garbage = replica(['h', '1'], directory, '--tls', ...ca);
    expect(await garbage.exited).toBe(78);
    expect(garbage.printed).toMatch(/CA, certificate or key cannot be used: /);
    const both = ['--cert', join(directory, 'ca.pem'), '--key', join(directory, 'ca.pem')];
    const bad = replica(['h', '1'], directory, '--tls', ...both);
    expect(await bad.exited).toBe(78);
    expect(bad.printed).toMatch(/cannot be used: /);
  });

  it("configuration, 78: a directory with someone else's files, which stay", async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    await writeFile(join(directory, 'dump.rdb'), 'theirs');
    const daemon = replica(local(1), directory);
    expect(await daemon.exited).toBe(78);
    expect(daemon.printed).toMatch(/holds files that forebay did not write \(dump.rdb\)/);
    expect(await readdir(directory)).toEqual(['dump.rdb']);
  });

  it('configuration, 78: a directory in which a server was started', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'appendonlydir'), { recursive: true });
    const manifest = join(directory, 'appendonlydir', 'appendonly.aof.manifest');
    await writeFile(manifest, 'file appendonly.aof.1.base.rdb seq 1 type b\n');
    const daemon = replica(local(1), directory);
    expect(await daemon.exited).toBe(78);
    expect(daemon.printed).toMatch(/boot servers only from what forebay restore writes/);
  });

  it('disk, 74: a place that may not be written to', async () => {
    const daemon = replica(local(1), '/sys/forebay-test');
    expect(await daemon.exited).toBe(74);
    expect(daemon.printed).toMatch(/failed: (EPERM|EACCES|EROFS); give a directory that can be/);
  });

  it('disk, 74: a directory that cannot be made', async () => {
    const directory = await freshDirectory();
    await writeFile(directory, 'a file');
    const daemon = replica(local(1), join(directory, 'data'));
    expect(await daemon.exited).toBe(74);
    expect(daemon.printed).toMatch(/making the directory .* failed: ENOTDIR/);
  });
});
