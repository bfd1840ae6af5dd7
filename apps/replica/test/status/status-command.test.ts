import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort, installedServers, Server } from '@forebay/conformance';
import { expect, it } from 'vitest';
import { httpUrlOf } from '../../src/commands/status/ask.ts';
import { linesOf } from '../../src/commands/status/lines.ts';
import { Daemon, freshDirectory } from '../daemon.ts';
import { HTTP, urlOf } from '../http/http.ts';
import { forebay } from '../rdb/run.ts';

const installed = installedServers().at(-1);

async function status(...args: string[]) {
  const { code, stdout, stderr } = await forebay(['status', ...args]);
  return { code, text: stdout.toString(), stderr };
}

async function reportOf(...args: string[]) {
  const { code, text } = await status(...args, '--json');
  return { code, report: JSON.parse(text) };
}

it.skipIf(installed === undefined)(
  'status shows a streaming daemon, a lost link, and the directory of a stopped daemon',
  async () => {
    const directory = await freshDirectory();
    await using primary = await Server.start(installed!);
    await primary.command('SET', 'key', 'value');
    const daemon = Daemon.follow(primary, directory, ...HTTP);
    const http = ['--http', await urlOf(daemon)];
    await daemon.prints(/full copy done/);
    const { code: set } = await forebay(['cursor', 'set', 'one', 'end', '--dir', directory]);
    expect(set).toBe(0);
    await expect.poll(async () => (await status(...http)).code, { timeout: 20_000 }).toBe(0);
    await expect
      .poll(async () => (await reportOf(...http)).report.cursors, { timeout: 20_000 })
      .toMatchObject([{ name: 'one', state: 'readable' }]);
    const { report } = await reportOf(...http);
    expect(report).toMatchObject({ healthy: true, reason: 'ready', link: { state: 'stream' } });
    const { text, stderr } = await status(...http);
    expect(stderr).toBe('');
    expect(text).not.toContain('\u001b');
    for (const line of [
      /^forebay \S+, http:\/\/127\.0\.0\.1:\d+, up \d/m,
      /^ {2}health +ready$/m,
      new RegExp(
        `^  primary +127\\.0\\.0\\.1:${primary.port} \\(\\w+ [\\d.]+\\), at offset \\d+$`,
        'm',
      ),
      /^ {2}link +streaming for \d/m,
      new RegExp(`^  position +${report.log.id}:\\d+$`, 'm'),
      /^ {2}disk +[\d.]+ \w+ in \d+ files, /m,
      /^cursors\n {2}one +readable +offset \d+ +[\d.]+ \w+ behind/m,
      /^events\n {2}\d{4}-\d\d-\d\dT\S+Z .*/m,
    ]) {
      expect(text).toMatch(line);
    }
    // The directory alone, while the daemon runs.
    expect(await reportOf('--dir', directory)).toMatchObject({
      ...{ code: 0, report: { healthy: true, log: { id: report.log.id } } },
    });
    await primary.stop();
    await expect
      .poll(() => status(...http), { timeout: 20_000 })
      .toMatchObject({
        code: 1,
        text: expect.stringMatching(/health +not ready: the link is not up/),
      });
    await daemon.stop();
    expect(await status(...http)).toMatchObject({
      ...{ code: 69, text: '' },
      stderr: expect.stringMatching(/no status from http:\S+: ECONNREFUSED; .*--dir DIR/),
    });
    const stopped = {
      ...{ healthy: false, reason: `no daemon runs on ${directory}` },
      ...{ log: { id: report.log.id }, cursors: [{ name: 'one', state: 'readable' }] },
    };
    for (const flags of [
      ['--dir', directory],
      [...http, '--dir', directory],
    ]) {
      expect(await reportOf(...flags)).toMatchObject({ code: 1, report: stopped });
    }
    const told = await status('--dir', directory);
    expect(told).toMatchObject({ code: 1, stderr: '' });
    expect(told.text).toMatch(/^ {2}health +no daemon runs on .*\n {2}position +\w{40}:\d+$/m);
  },
);

it('status sends the password of the URL, prints no password, and reports the refusal', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    asked.push(headers.authorization);
    response.writeHead(401).end('a password is needed\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const refused = await status('--http', `http://:s%40cret@127.0.0.1:${port}`);
  server.close();
  expect(refused).toMatchObject({ code: 77, text: '' });
  expect(refused.stderr).toMatch(/answers 401 \(a password is needed\)/);
  expect(refused.stderr).not.toMatch(/cret/);
  const expected = `Basic ${Buffer.from(':s@cret').toString('base64')}`;
  expect(asked).toEqual([expected, expected]);
});

it('status refuses an invalid address, and a directory without a log', async () => {
  for (const text of ['nothing', ':1', 'http://', '1.2.3.4', 'http://h:1/#x', 'http://:50%@h:1']) {
    expect((await status('--http', text)).code, text).toBe(64);
  }
  expect((await status('--dir', '')).code).toBe(64);
  expect((await status('--dir', '/')).code).toBe(78);
  expect(await status('--http', `127.0.0.1:${await freePort()}`)).toMatchObject({ code: 69 });
});

it('a wildcard address means this machine', () => {
  expect(httpUrlOf('0.0.0.0:1').host).toBe('127.0.0.1:1');
  expect(httpUrlOf('[::]:1').host).toBe('[::1]:1');
  expect(httpUrlOf('https://name').host).toBe('name');
});

it('a status with few fields is shown, with colour if requested', () => {
  const told = {
    ready: false,
    text: 'not ready: \u001b[2J',
    report: { events: [{ time: 0, tone: 'trouble', message: 'a\u0007b' }] },
  };
  expect(linesOf(told, 'name', false)).toEqual([
    ...['forebay, name', '  health  not ready: \\u001b[2J', ''],
    ...['events', '  1970-01-01T00:00:00Z a\\u0007b'],
  ]);
  expect(linesOf(told, 'name', true).join('\n')).toContain('\u001b[31mnot ready');
});
