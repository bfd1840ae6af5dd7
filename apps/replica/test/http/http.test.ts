import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { installedServers, Server, Wire } from '@forebay/conformance';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { METRICS } from '../../src/http/metrics.ts';
import { REPORT_FIELDS } from '../../src/http/report.ts';
import { Daemon, followArguments, freshDirectory } from '../daemon.ts';
import { caughtUp, cutReplicas, holdStill, loadOn } from '../primary.ts';
import { portOf, replicaOf, serversNamed, threeServers } from '../servers/chain.ts';
import { ask, HTTP, reportFrom, scrape, urlOf } from './http.ts';

const SECRET = 'not-to-be-served';
const PATHS = ['/', '/metrics', '/healthz', '/readyz', '/status.json', '/page/page.js'];
const [installed] = serversNamed('valkey-8.1');

/** A daemon that follows and serves, and where. */
async function served(primary: Server, ...flags: string[]) {
  const directory = await freshDirectory();
  const daemon = Daemon.follow(primary, directory, ...HTTP, '--port', 'any', ...flags);
  const url = await urlOf(daemon);
  await daemon.prints(/full copy done/);
  return { daemon, directory, url, port: portOf(daemon) };
}

async function infoAt(port: number): Promise<Record<string, string>> {
  const wire = await Wire.connect(port);
  const text = await wire.askBulk('INFO');
  wire.close();
  return Object.fromEntries(text.split('\r\n').map((line) => line.split(/:(.*)/, 2)));
}

describe.each(threeServers())('what is told, of $name', (server) => {
  it('is what the server and our INFO say', async () => {
    await using primary = await Server.start(server);
    const { url, port, daemon } = await served(primary);
    const replica = await replicaOf(server, port);
    await daemon.prints(/gets a full copy/);
    const load = loadOn(primary);
    load.start();
    await expect
      .poll(async () => (await reportFrom(url)).link.received.commands)
      .toBeGreaterThan(500);
    const during = await scrape(url);
    expect(during.value('forebay_link_up')).toBe(1);
    await load.stop();
    await holdStill(primary);
    const offset = await caughtUp(primary);
    await expect.poll(async () => (await reportFrom(url)).replicas[0]?.behind).toBe(0);

    await expect
      .poll(async () => (await reportFrom(url)).log)
      .toSatisfy(({ written, synced }) => written === synced);
    await expect.poll(async () => (await reportFrom(url)).lag).toEqual({ bytes: 0, seconds: 0 });

    const name = `127.0.0.1:${replica.port}`;
    const [told, info, report] = [await scrape(url), await infoAt(port), await reportFrom(url)];
    expect(told.value('forebay_written_offset_bytes')).toBeGreaterThanOrEqual(offset);
    expect(told.value('forebay_written_offset_bytes')).toBe(Number(info.master_repl_offset));
    expect(report.log).toMatchObject({
      id: info.master_replid,
      written: Number(info.slave_repl_offset),
    });
    expect(told.value('forebay_syncs_total', { kind: 'full', reason: 'nothing-held' })).toBe(1);
    expect(told.value('forebay_replica_syncs_total', { kind: 'full' })).toBe(
      Number(info.sync_full),
    );
    expect(told.value('forebay_replicas')).toBe(Number(info.connected_slaves));
    expect(told.value('forebay_replica_lag_bytes', { replica: name })).toBe(0);
    expect(told.value('forebay_link_state', { state: 'stream' })).toBe(1);
    expect(told.value('forebay_link_state', { state: 'transfer' })).toBe(0);
    expect(told.value('forebay_fsync_seconds_count')).toBeGreaterThan(0);
    const { log, link, held } = report;
    expect(link.received.stream).toBe(
      log!.written - Number(info.repl_backlog_first_byte_offset) + 1,
    );
    expect(told.value('forebay_log_window_bytes')).toBe(Number(info.repl_backlog_histlen));
    expect(held?.bytes).toBeGreaterThan(0);

    await cutReplicas(primary);
    await daemon.prints(/partial resync/);
    // What was made of a status is given out for a moment.
    const partial = { kind: 'partial', reason: 'same-id' };
    await expect
      .poll(async () => (await scrape(url)).value('forebay_syncs_total', partial))
      .toBe(1);
    const after = await scrape(url);
    expect(after.value('forebay_reconnects_total', { code: 'LINK_LOST' })).toBe(1);
  });
});

describe.skipIf(installed === undefined)('HTTP', () => {
  let primary: Server;
  let daemon: Daemon;
  let url: string;
  let directory: string;

  beforeAll(async () => {
    primary = await Server.start(installed!, { config: { requirepass: SECRET } });
    return () => primary.stop();
  });

  const start = async () => {
    directory = await freshDirectory();
    const args = followArguments(primary, directory, [...HTTP, '--port', 'any']);
    const env = { FOREBAY_MASTERAUTH: SECRET, FOREBAY_REQUIREPASS: `${SECRET}-below` };
    daemon = Daemon.start(args, { env });
    url = await urlOf(daemon);
    await daemon.prints(/full copy done/);
  };

  it('tells each metric as the format has it, with type and help, and no secret', async () => {
    await start();
    await primary.command('SET', 'a', 1);
    await expect
      .poll(async () => (await scrape(url)).value('forebay_fsync_seconds_sum'))
      .toBeGreaterThan(0);
    const told = await scrape(url);
    expect([...told.types.keys()]).toEqual(METRICS.map(({ name }) => name));
    for (const { name, type, help, labels = [] } of METRICS) {
      expect(told.types.get(name)).toBe(type);
      expect(told.helps.get(name)).toBe(help);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      const own = told.samples.filter((sample) => sample.name === name && type !== 'histogram');
      for (const sample of own) expect(Object.keys(sample.labels)).toEqual([...labels]);
    }
    const buckets = told.samples.filter(({ name }) => name === 'forebay_fsync_seconds_bucket');
    const counts = buckets.map(({ value }) => value);
    expect(counts.at(-1)).toBeGreaterThan(0);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(buckets.at(-1)).toMatchObject({
      labels: { le: '+Inf' },
      value: told.value('forebay_fsync_seconds_count'),
    });
  });

  it('tells in /status.json what the reference says, and nothing else', async () => {
    await start();
    await expect.poll(async () => (await reportFrom(url)).held).not.toBeNull();
    const report = JSON.parse((await ask(url, '/status.json')).text);
    const paths = new Set(REPORT_FIELDS.map(({ path }) => path));
    const told = (value: unknown, path: string): void => {
      if (paths.has(path) || value === null) return;
      expect(typeof value, path).toBe('object');
      for (const [name, below] of Object.entries(value as object)) {
        if (Array.isArray(value)) told(below, `${path}[]`);
        else told(below, path === '' ? name : `${path}.${name}`);
      }
    };
    told(report, '');
    expect(Object.keys(report)).toEqual([
      ...new Set(REPORT_FIELDS.map(({ path }) => path.split(/[.[]/)[0])),
    ]);
  });

  it('shows no secret anywhere', async () => {
    await start();
    const wrong = Daemon.start(
      followArguments(primary, await freshDirectory(), ['--masterauth', `${SECRET}-wrong`]),
    );
    expect(await wrong.exited).toBe(77);
    for (const path of PATHS) expect((await ask(url, path)).text).not.toContain(SECRET);
    expect(daemon.printed).not.toContain(SECRET);
  });

  it.each(PATHS)(
    'serves %s to be looked at, and not to be kept, framed or guessed at',
    async (path) => {
      await start();
      const { status, headers, text } = await ask(url, path);
      expect(status).toBe(200);
      expect(Buffer.byteLength(text)).toBe(Number(headers['content-length']));
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cache-control']).toMatch(/^no-(store|cache)$/);
      const policy = headers['content-security-policy'];
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(policy).toMatch(/frame-ancestors 'none'$/);
      expect(policy).not.toMatch(/unsafe|\*|http/);
      const head = await ask(url, path, { method: 'HEAD' });
      expect(head).toMatchObject({ status: 200, text: '' });
      expect(head.headers['content-length']).toBe(headers['content-length']);
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
        const refused = await ask(url, path, { method });
        expect(refused.status).toBe(405);
        expect(refused.headers.allow).toBe('GET, HEAD');
      }
    },
  );

  it('has no path out of its files', async () => {
    await start();
    const paths = [
      ...[
        '/page/',
        '/page',
        '/page/../package.json',
        '/../package.json',
        '/page/%2e%2e/package.json',
      ],
      ...[
        '/page/..%2fpackage.json',
        '//etc/passwd',
        '/etc/passwd',
        '/page/page.js/',
        '/page/page.js%00',
      ],
      ...['/page/index.html', '/constructor', '/__proto__', '/page/__proto__', '/.git/config'],
      ...['http://127.0.0.1/etc/passwd', '*', '/page\\..\\package.json'],
    ];
    for (const path of paths) expect((await ask(url, path)).status, path).toBe(404);
    expect((await ask(url, '/healthz?a=b')).status).toBe(200);
  });

  it('is served to the machine itself under its own names alone, and not to pages of others', async () => {
    await start();
    const { port } = new URL(url);
    const answered = async (headers: Record<string, string>) =>
      (await ask(url, '/status.json', { headers })).status;
    for (const host of [
      `localhost:${port}`,
      '127.0.0.1',
      `[::1]:${port}`,
      'LOCALHOST',
      'a.localhost:1',
    ]) {
      expect(await answered({ host }), host).toBe(200);
    }
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil',
    ]) {
      expect(await answered({ host }), host).toBe(421);
    }
    const foreign = { 'sec-fetch-site': 'cross-site' };
    expect(await answered({ ...foreign, 'sec-fetch-mode': 'no-cors' })).toBe(403);
    expect(await answered({ ...foreign, 'sec-fetch-mode': 'navigate' })).toBe(200);
  });

  it('takes no body, and no more headers than it needs', async () => {
    await start();
    expect(
      (await ask(url, '/healthz', { headers: { 'content-length': '5' }, body: 'x=1&y' })).status,
    ).toBe(413);
    const chunked = { headers: { 'transfer-encoding': 'chunked' }, body: 'x' };
    expect((await ask(url, '/healthz', chunked)).status).toBe(413);
    const large = { headers: { 'x-large': 'x'.repeat(9000) } };
    expect((await ask(url, '/healthz', large)).status).toBe(431);
    expect((await ask(url, `/${'x'.repeat(9000)}`)).status).toBe(431);
    expect((await ask(url, '/healthz')).status).toBe(200);
  });

  it('sends the page again only where it has changed', async () => {
    await start();
    const { headers } = await ask(url, '/page/page.js');
    const known = { headers: { 'if-none-match': String(headers.etag) } };
    expect(await ask(url, '/page/page.js', known)).toMatchObject({ status: 304, text: '' });
  });

  it('tells pages each second, the last ten minutes first, and only so many of them', async () => {
    await start();
    const { hostname, port } = new URL(url);
    const pages = Array.from({ length: 17 }, () => connect(Number(port), hostname));
    onTestFinished(() => {
      for (const page of pages) page.destroy();
    });
    const texts = pages.map((page) => {
      const got = { text: '' };
      page.setEncoding('utf8').on('data', (text) => {
        got.text += text;
      });
      page.write(`GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      return got;
    });
    const refused = () => texts.filter(({ text }) => text.startsWith('HTTP/1.1 503')).length;
    await expect.poll(refused).toBe(1);
    const open = texts.find(({ text }) => text.startsWith('HTTP/1.1 200'))!;
    await expect.poll(() => open.text.match(/event: status\n/g)?.length ?? 0).toBeGreaterThan(2);
    expect(open.text).toMatch(/event: history\ndata: \{"time":\[\d.*event: status/s);
    pages[texts.indexOf(open)]?.destroy();
    await expect
      .poll(async () => {
        const asked = connect(Number(port), hostname);
        asked.write(`GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        const [head] = await once(asked, 'data');
        asked.destroy();
        return String(head).slice(0, 12);
      })
      .toBe('HTTP/1.1 200');
  });

  it('is ready while the link is up and the lag small, and healthy in any case', async () => {
    const other = await Server.start(installed!);
    const { url: at, daemon: follower } = await served(other, '--ready-max-lag', '1');
    await expect.poll(() => ask(at, '/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
    await other.stop();
    await follower.prints(/trying again/);
    await expect.poll(async () => (await ask(at, '/readyz')).status).toBe(503);
    expect((await ask(at, '/readyz')).text).toMatch(/^not ready: the link is not up: /);
    expect(await ask(at, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' });
  });

  it('asks a server that grants no INFO twice a link, however many pages are open', async () => {
    const guarded = await Server.start(installed!);
    onTestFinished(() => guarded.stop());
    const rights = ['on', '>secret', '+psync', '+replconf', '+ping'];
    await guarded.command('ACL', 'SETUSER', 'replica', ...rights);
    await guarded.command('ACL', 'LOG', 'RESET');
    const flags = ['--masteruser', 'replica', '--masterauth', 'secret'];
    const { url: at, daemon: follower } = await served(guarded, ...flags);
    const page = connect(Number(new URL(at).port), '127.0.0.1');
    onTestFinished(() => void page.destroy());
    page.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    let text = '';
    page.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    await expect.poll(() => text.match(/event: status/g)?.length ?? 0).toBeGreaterThan(4);
    const refusals = async () => {
      const entries = (await guarded.command('ACL', 'LOG')) as [string, number, ...unknown[]][];
      return entries.reduce((sum, [, count]) => sum + count, 0);
    };
    // Once by the link itself, and once for the lag.
    expect(await refusals()).toBe(2);
    expect((await reportFrom(at)).lag).toEqual({ bytes: null, seconds: 0 });
    expect(await ask(at, '/readyz')).toMatchObject({
      ...{ status: 200, text: 'ready; how far behind is not known\n' },
    });
    expect((await ask(at, '/metrics')).text).not.toMatch(/^forebay_lag_seconds /m);
    await cutReplicas(guarded);
    await follower.prints(/partial resync/);
    // Again the link and the lag; and why the link was cut is asked once.
    await expect.poll(refusals).toBeGreaterThanOrEqual(4);
    const statuses = (): number => text.match(/event: status/g)?.length ?? 0;
    const afterMore = async (count: number): Promise<number> => {
      const before = statuses();
      await expect.poll(statuses).toBeGreaterThan(before + count);
      return refusals();
    };
    const asked = await afterMore(2);
    expect(await afterMore(4)).toBe(asked);
  });

  it('tells a probe how it is while more pages are opened than are served', async () => {
    await start();
    const { hostname, port } = new URL(url);
    const pages = Array.from({ length: 300 }, () => connect(Number(port), hostname));
    onTestFinished(() => {
      for (const page of pages) page.destroy();
    });
    const ended = pages.map(async (page) => {
      page.on('error', () => {});
      page.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
      page.resume();
      await new Promise((resolve) => page.once('close', resolve));
    });
    let turnedAway = 0;
    for (const page of ended) void page.then(() => turnedAway++);
    await expect.poll(() => turnedAway).toBe(300 - 16);
    expect((await ask(url, '/healthz')).status).toBe(200);
  });

  it('is not ready before anything is held', async () => {
    const args = [
      'replica',
      '--replicaof',
      '127.0.0.1',
      '1',
      '--dir',
      await freshDirectory(),
      ...HTTP,
    ];
    const alone = Daemon.start(args);
    const at = await urlOf(alone);
    expect(await ask(at, '/readyz')).toMatchObject({
      status: 503,
      text: 'not ready: nothing is held yet\n',
    });
  });

  it('ends where an address that was given is taken, and goes on without the default one', async () => {
    await start();
    const { host } = new URL(url);
    const taken = Daemon.start(followArguments(primary, await freshDirectory(), ['--http', host]), {
      env: { FOREBAY_MASTERAUTH: SECRET },
    });
    expect(await taken.exited).toBe(78);
    expect(taken.printed).toMatch(/--http: 127\.0\.0\.1:\d+ cannot be listened on: EADDRINUSE/);

    // Whoever has the default address, it is taken.
    const holder = createServer().on('error', () => {});
    onTestFinished(() => void holder.close());
    holder.listen(6381, '127.0.0.1');
    await Promise.race([once(holder, 'listening'), once(holder, 'error')]);
    const args = followArguments(primary, await freshDirectory(), []);
    const without = Daemon.start(args, { env: { FOREBAY_MASTERAUTH: SECRET, FOREBAY_HTTP: '' } });
    await without.prints(
      /no metrics and no page: 127\.0\.0\.1:6381 cannot be listened on: EADDRINUSE/,
    );
    await without.prints(/full copy done/);
  });

  it('cuts off who says nothing, or says it too slowly', async () => {
    await start();
    const { hostname, port } = new URL(url);
    const silent = connect(Number(port), hostname);
    const slow = connect(Number(port), hostname);
    slow.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const dripping = setInterval(() => slow.write('x'), 100);
    onTestFinished(() => clearInterval(dripping));
    for (const socket of [silent, slow]) socket.on('error', () => {}).resume();
    const began = performance.now();
    await Promise.all([once(silent, 'close'), once(slow, 'close')]);
    expect(performance.now() - began).toBeLessThan(25_000);
  });
});

it('has servers to be tested with', () => {
  expect(installedServers().length).toBeGreaterThan(0);
});
