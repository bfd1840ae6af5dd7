import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { InstalledServer } from '@forebay/conformance';
import { compareDataSets, installedServers, Server } from '@forebay/conformance';
import { feed, formatLine } from '@forebay/feed';
import { APPEND_DIRECTORY, inspect, nodeDisk } from '@forebay/log';
import { Primary } from '@forebay/primary';
import { encodeCommand } from '@forebay/resp';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp, holdStill, loadOn } from '../primary.ts';
import type { Line } from '../tailing.ts';
import { Tailing } from '../tailing.ts';

const RESTARTS = 20;

/** The base of a directory, and the place in the stream that it is of. */
async function baseOf(directory: string): Promise<{ rdb: Buffer; place: string }> {
  const { segments } = await inspect(nodeDisk, directory);
  const { bases, ids } = segments.at(-1)!;
  const { file, offset } = bases[0]!;
  const rdb = await readFile(join(directory, APPEND_DIRECTORY, file));
  return { rdb, place: `${ids.at(-1)!.id}:${offset}` };
}

const bytesOf = (value: string | { readonly base64: string }) =>
  typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.base64, 'base64');

/** A server that was empty, was given a snapshot, and has executed lines since, as a replica does. */
async function execute(
  installed: InstalledServer,
  rdb: Buffer,
  lines: readonly Line[],
): Promise<Server> {
  const primary = new Primary({ rdb });
  await primary.listen();
  const config = { replicaof: `127.0.0.1 ${primary.port}` };
  const server = await Server.start(installed, { config });
  await primary.wait(1, 20_000);
  for (const { db: database, cmd, args, tx } of lines) {
    if (tx?.mark === 'begin') primary.propagate(['MULTI']);
    primary.propagate([cmd, ...args.map(bytesOf)], { database });
    if (tx?.mark === 'end') primary.propagate(['EXEC']);
  }
  expect(await primary.wait(1, 20_000)).toBe(1);
  await server.command('REPLICAOF', 'NO', 'ONE');
  await primary.close();
  return server;
}

describe.each(installedServers())('$name', (installed) => {
  it(`${RESTARTS} restarts at any moment lose nothing: the base and the lines are the data set`, {
    timeout: 180_000,
  }, async () => {
    const random = randomFrom(runSeed());
    const where = `FOREBAY_SEED=${random.seed}`;
    await using primary = await Server.start(installed, {
      config: { 'repl-backlog-size': '64mb' },
    });
    const directory = await freshDirectory();
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(200);
    const follow = () => Daemon.follow(primary, directory);
    let daemon = follow();
    await daemon.prints(/full copy done/);
    const { rdb, place } = await baseOf(directory);

    const found = new Map<number, string>();
    const take = (life: Tailing) => {
      for (const line of life.lines) {
        expect(line.type, `${where}: ${JSON.stringify(line)}`).toBeUndefined();
        const text = timeless(line);
        expect(found.get(line.offset) ?? text, where).toBe(text);
        found.set(line.offset, text);
      }
    };
    const live = () => new Tailing(['--dir', directory, '--cursor', 'feed', '--since', place]);
    for (let restarts = 0; restarts < RESTARTS; restarts++) {
      const life = live();
      if (random.float() < 0.8) await life.begun();
      // What waits for a slow reader is lost with the process, and must not have been kept as written.
      if (random.float() < 0.5) life.pause();
      await pause(random.integer(0, 1200));
      await life.stop(random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM']));
      take(life);
      if (random.float() > 0.15) continue;
      await daemon.stop(random.pick(['SIGKILL', 'SIGTERM']));
      daemon = follow();
    }
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    await holdStill(primary);
    await primary.command('SET', 'the', 'last');
    const last = live();
    await last.until(() => last.lines.some(({ keys }) => keys?.[0] === 'the'));
    expect(await last.stop()).toBe(0);
    take(last);

    const all: string[] = [];
    for await (const item of feed({ dir: directory, from: place, follow: false })) {
      all.push(timeless(JSON.parse(formatLine(item))));
    }
    const lines = [...found].sort(([a], [b]) => a - b).map(([, text]) => text);
    expect(lines.length, where).toBe(all.length);
    expect(lines.join('\n') === all.join('\n'), where).toBe(true);

    await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
    await using copy = await execute(
      installed,
      rdb,
      lines.map((text) => JSON.parse(text)),
    );
    const names = { names: ['primary', 'copy'] as const };
    expect(await compareDataSets(primary.client, copy.client, names), where).toEqual([]);
    await daemon.stop();
  });

  it('from a server, from now on, and after a position', async () => {
    await using primary = await Server.start(installed);
    const first = new Tailing([primary.url, '--match', 'k*']);
    await first.begun();
    await primary.client.select(3);
    await primary.command('SET', 'other', '1');
    await primary.client.multi().set('k1', '1').set('other', '1').del('k1').exec();
    await first.until(() => first.lines.length === 2);
    const [set, del] = first.lines;
    const { id } = set!.tx!;
    expect(set).toMatchObject({
      db: 3,
      cmd: 'SET',
      keys: ['k1'],
      tx: { id, mark: 'begin' },
      time: expect.stringMatching(/Z$/),
    });
    expect(del).toMatchObject({ db: 3, cmd: 'DEL', keys: ['k1'], tx: { id, mark: 'end' } });
    expect(await first.stop()).toBe(0);

    await primary.command('SET', 'k2', '1');
    const since = `${del!.id}:${del!.offset}:${del!.db}`;
    const second = new Tailing([primary.url, '--since', since]);
    await second.until(() => second.lines.length === 1);
    expect(second.lines[0]).toMatchObject({ db: 3, cmd: 'SET', keys: ['k2'], tx: null });
    second.hangUp();
    await primary.command('SET', 'k3', '1');
    expect(await second.ended).toBe(0);
  });

  it('as it is, is what the log has', async () => {
    await using primary = await Server.start(installed);
    const directory = await freshDirectory();
    const daemon = Daemon.follow(primary, directory);
    await daemon.prints(/full copy done/);
    const { place } = await baseOf(directory);
    await primary.command('SET', 'a', '1');
    await primary.command('EVAL', "redis.call('set','b',1) redis.call('incr','b')", 0);
    await caughtUp(primary);
    await daemon.stop();
    const args = ['--dir', directory, '--since', place, '--no-follow', '--format', 'resp'];
    const tail = new Tailing(args);
    expect(await tail.ended).toBe(0);
    const text = tail.output.toString('latin1');
    expect(text).toMatch(/\*3\r\n\$3\r\nSET\r\n\$1\r\na\r\n\$1\r\n1\r\n/);
    expect(text).toMatch(/MULTI[\s\S]*\$4\r\nincr\r\n\$1\r\nb\r\n[\s\S]*EXEC/i);
    const select = encodeCommand(['SELECT', '0']);
    expect(tail.output.subarray(0, select.length)).toEqual(Buffer.from(select));
    const { master_repl_offset } = await primary.info('replication');
    const length = tail.output.length - select.length;
    expect(length).toBeLessThanOrEqual(Number(master_repl_offset));
  });
});

/** A line without its time: that of a line read again comes from the index, and was about the arrival before. */
function timeless(line: object): string {
  return JSON.stringify({ ...line, time: undefined });
}
