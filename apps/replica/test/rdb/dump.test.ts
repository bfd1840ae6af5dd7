import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { InstalledServer } from '@forebay/conformance';
import {
  compareDataSets,
  freePort,
  installedServer,
  installedServers,
  ScriptedPrimary,
  Server,
} from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../daemon.ts';
import { fillEveryType, freshFile } from './data-set.ts';
import { forebay, linesOf } from './run.ts';

const noServer = installedServers().length === 0;

describe.each(installedServers())('a snapshot fetched from $name', (installed) => {
  it('boots a server with an equal data set, and costs one fork', async () => {
    await using primary = await Server.start(installed);
    await fillEveryType(primary);
    const file = await freshFile('dump.rdb');
    const fetched = await forebay(['dump', primary.url, '-o', file]);
    expect(fetched.stderr).toMatch(/snapshot done, [\d.]+ [KM]iB in \d+\.\d s, at \w{40}:\d+\n/);
    expect(fetched.code).toBe(0);
    expect(fetched.stdout).toHaveLength(0);
    expect(await readdir(dirname(file))).toEqual(['dump.rdb']);
    await using booted = await Server.start(installed, { directory: dirname(file) });
    expect(await compareDataSets(primary.client, booted.client)).toEqual([]);
    const { sync_full, total_forks = '1' } = await primary.info('stats');
    expect([sync_full, total_forks]).toEqual(['1', '1']);
    await expect.poll(async () => (await primary.info('replication')).connected_slaves).toBe('0');
  });

  it('goes through a pipe', async () => {
    await using primary = await Server.start(installed);
    await primary.command('SET', 'key', 'value');
    const { code, stdout } = await forebay(['dump', primary.url]);
    expect(code).toBe(0);
    const lines = await linesOf(['rdb', 'json', '-'], stdout);
    expect(lines).toEqual([{ db: 0, key: 'key', type: 'string', encoding: 'raw', value: 'value' }]);
  });
});

describe('what keeps a snapshot from coming is one line, and nothing is left', () => {
  const some = (): InstalledServer => installedServer('redis-7.0');

  it('a port where nothing listens: 69', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await forebay(['dump', url]);
    expect(code).toBe(69);
    expect(stderr).toMatch(/^\S+ 127.0.0.1:\d+ cannot be reached: ECONNREFUSED\n$/);
  });

  it('a primary that says nothing: 69', async () => {
    await using primary = await ScriptedPrimary.listen((peer) => peer.closed);
    const { code, stderr } = await forebay(['dump', primary.url, '--repl-timeout', '1']);
    expect(code).toBe(69);
    expect(stderr).toMatch(/^[^\n]+\n[^\n]+\n$/);
  });

  it('a port that does not speak TLS: 78', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.send('-ERR unknown command\r\n');
      await peer.closed;
    });
    const { code, stderr } = await forebay(['dump', primary.url.replace('redis:', 'rediss:')]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/^\S+ 127\.0\.0\.1:\d+ does not speak TLS: use [^\n]+ --tls\)\n$/);
  });

  it('a link that is cut in the middle: 1, and what was there stays', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(`+FULLRESYNC ${'a'.repeat(40)} 5\r\n$100\r\nREDIS0009`);
      peer.end();
      await peer.closed;
    });
    const file = await freshFile('dump.rdb');
    await writeFile(file, 'what was there');
    const { code, stderr } = await forebay([
      'dump',
      `redis://127.0.0.1:${primary.port}`,
      '-o',
      file,
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/closed the link in the transfer\n$/);
    expect(await readdir(dirname(file))).toEqual(['dump.rdb']);
    expect(await readFile(file, 'utf8')).toBe('what was there');
  });

  it.skipIf(noServer)(
    'a password that is missing, or wrong: 77, and it is not printed',
    async () => {
      await using primary = await Server.start(some(), { config: { requirepass: 'right' } });
      const file = await freshFile('dump.rdb');
      const missing = await forebay(['dump', primary.url, '-o', file]);
      expect(missing.code).toBe(77);
      const url = primary.url.replace('//', '//:secret@');
      const wrong = await forebay(['dump', url, '-o', file]);
      expect(wrong.code).toBe(77);
      expect(wrong.stderr).not.toContain('secret');
      expect(await readdir(dirname(file))).toEqual([]);
      const right = await forebay(['dump', primary.url, '-o', file, '--masterauth', 'right']);
      expect(right.code).toBe(0);
    },
  );

  it.skipIf(noServer)(
    'a directory that is not there: 74, before the primary is asked',
    async () => {
      await using primary = await Server.start(some());
      const file = join(await freshDirectory(), 'not', 'there.rdb');
      const { code, stderr } = await forebay(['dump', primary.url, '-o', file]);
      expect(code).toBe(74);
      expect(stderr).toMatch(/there\.rdb cannot be written to: ENOENT\n$/);
      expect((await primary.info('stats')).sync_full).toBe('0');
    },
  );

  it.each([
    [['dump'], /missing required argument 'address'/],
    [['dump', 'localhost'], /the address: give HOST PORT, HOST:PORT, or a URL/],
    [['dump', 'localhost:1', 'localhost:2'], /give one address: HOST PORT/],
    [['dump', 'http://localhost'], /the address cannot be used: .*begins with redis:/],
    [['dump', 'redis://localhost', '-o', ''], /-o names no file/],
    [['dump', 'redis://localhost', '--cacert', 'x'], /need --tls/],
  ])('usage, 64: %j', async (args, says) => {
    const { code, stderr } = await forebay(args);
    expect(code).toBe(64);
    expect(stderr).toMatch(says);
  });
});
