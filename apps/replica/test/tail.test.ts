import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { freePort, ScriptedPrimary } from '@forebay/conformance';
import { nodeDisk, planRestore } from '@forebay/log';
import { shiftHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from './daemon.ts';
import { printedInto, printedToFull } from './rdb/run.ts';
import { A, B, EMPTY_RDB, newLog } from './small-log.ts';
import { Tailing } from './tailing.ts';

describe('forebay tail of a directory', () => {
  it('prints a line for each write from now on, while the log is written to', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    await append('SET', 'before', '1');
    const tail = new Tailing(['--dir', directory]);
    await tail.begun();
    await append('SELECT', '3');
    await append('SET', 'k', Buffer.from([0xff, 0x00]));
    await tail.until(() => tail.lines.length === 1);
    expect(tail.lines).toEqual([
      {
        ...{ v: 1, offset: log.written, id: A, db: 3, cmd: 'SET' },
        ...{ keys: ['k'], args: ['k', { base64: '/wA=' }], tx: null },
        time: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ]);
    expect(await tail.stop()).toBe(0);
    expect(tail.errors).toMatch(new RegExp(`^\\S+ begins after ${A}:\\d+:0\\n$`));
    await log.close();
  });

  it('begins after a position, filters, and ends at the end', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    await append('SET', 'user:0', '1');
    const since = `${A}:${log.written}`;
    await append('SET', 'user:1', '1');
    await append('DEL', 'user:2');
    await append('SELECT', '1');
    await append('SET', 'user:3', '1');
    await append('SET', 'other', '1');
    await log.close();
    const printed = async (...flags: string[]) => {
      const tail = new Tailing(['--dir', directory, '--no-follow', '--since', since, ...flags]);
      expect(await tail.ended).toBe(0);
      return tail.lines.map(({ args }) => args[0]);
    };
    expect(await printed()).toEqual(['user:1', 'user:2', 'user:3', 'other']);
    expect(await printed('--match', 'user:*')).toEqual(['user:1', 'user:2', 'user:3']);
    expect(await printed('--match', 'user:1', '--match', 'o*')).toEqual(['user:1', 'other']);
    expect(await printed('--command', 'set,flushdb', '--db', '1,7')).toEqual(['user:3', 'other']);
    expect(await printed('--command', 'DEL', '--command', 'GET')).toEqual(['user:2']);
  });

  it('has in each line the time of arrival, which a restore takes', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    const since = Date.now();
    await append('SET', 'a', '1');
    const between = log.written;
    await expect.poll(() => Date.now()).toBeGreaterThan(since + 300);
    await append('SET', 'b', '1');
    await log.close();
    const tail = new Tailing(['--dir', directory, '--no-follow', '--since', `${A}:0`]);
    expect(await tail.ended).toBe(0);
    const times = tail.lines.map(({ time }) => Date.parse(String(time)));
    expect(times[0]).toBeGreaterThanOrEqual(since);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(300);
    expect(times[1]).toBeLessThanOrEqual(Date.now());
    await using plan = await planRestore(nodeDisk, directory, { time: times[1]! - 1 });
    expect(plan.position.offset).toBe(between);
  });

  it('prints the stream as it is, after what selects its database', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    await append('SET', 'k', '1');
    await append('PING');
    await log.close();
    const args = ['--dir', directory, '--no-follow', '--since', `${A}:0`, '--format', 'resp'];
    const tail = new Tailing(args);
    expect(await tail.ended).toBe(0);
    const expected = [['SELECT', '0'], ['SET', 'k', '1'], ['PING']];
    expect(tail.output).toEqual(Buffer.concat(expected.map((words) => encodeCommand(words))));
  });

  it('prints a line where the stream broke off, and where it stepped back', async () => {
    const directory = await freshDirectory();
    const { log, append, begin } = await newLog(directory);
    await append('SET', 'a', '1');
    const to = log.written;
    await append('SET', 'b', '1');
    const end = log.written;
    const tail = new Tailing(['--dir', directory, '--since', `${A}:0`]);
    await tail.until(() => tail.lines.length === 2);
    await log.stepBack(to);
    await log.setHistory(shiftHistory(log.history!, B, to));
    await append('SET', 'c', '1');
    await tail.until(() => tail.lines.length === 4);
    const last = log.written;
    await begin(5, A);
    await append('SET', 'd', '1');
    await tail.until(() => tail.lines.length === 6);
    expect(tail.lines[2]).toMatchObject({ v: 1, type: 'rewound', from: `${A}:${end}` });
    expect(Date.parse(tail.lines[2]!.time!)).toBeGreaterThan(0);
    // Either id names the place: it may have been seen before the new one was there.
    expect([`${A}:${to}`, `${B}:${to}`]).toContain(tail.lines[2]?.to);
    expect(tail.lines[3]).toMatchObject({ id: B, args: ['c', '1'] });
    const time = expect.stringMatching(/Z$/);
    const places = { from: `${B}:${last}`, to: `${A}:5` };
    const reset = { v: 1, type: 'reset', ...places, reason: 'a test', time };
    expect(tail.lines[4]).toEqual(reset);
    expect(tail.lines[5]).toMatchObject({ id: A, args: ['d', '1'] });
    await log.close();
  });

  it('with a cursor goes on where it ended, and keeps what comes after it', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    for (let i = 0; i < 100; i++) await append('SET', `k${i}`, '1');
    const args = ['--dir', directory, '--cursor', 'feed', '--since', `${A}:0`];
    const first = new Tailing(args);
    await first.until(() => first.lines.length === 100);
    expect(await first.stop()).toBe(0);
    expect((await log.cursor('feed')).position).toEqual({ id: A, offset: log.written });
    for (let i = 100; i < 150; i++) await append('SET', `k${i}`, '1');
    const second = new Tailing(args);
    await second.until(() => second.lines.length === 50);
    expect(second.lines[0]).toMatchObject({ keys: ['k100'] });
    expect(await second.stop('SIGINT')).toBe(0);
    await log.close();
  });

  it('without a cursor may come too late, and says so', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    const value = 'v'.repeat(10_000);
    for (let i = 0; i < 1000; i++) await append('SET', `k${i}`, value);
    const tail = new Tailing(['--dir', directory, '--since', `${A}:0`]);
    tail.pause();
    await tail.begun();
    for (let i = 0; i < 3; i++) {
      const target = log.awaitBase();
      await writeFile(target.path, EMPTY_RDB);
      const base = { target, size: EMPTY_RDB.length, crc: crc32(EMPTY_RDB) };
      await log.addBase({ ...base, position: { id: A, offset: log.written } });
      await log.retain({ size: 0, hardLimit: 0 });
      await append('SET', 'k', value);
    }
    tail.resume();
    expect(await tail.ended).toBe(1);
    expect(tail.errors).toMatch(/is not held any longer in \S+: with a --cursor/);
    await log.close();
  });

  it('ends quietly when nobody reads any more', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    await append('SET', 'a', '1');
    const tail = new Tailing(['--dir', directory, '--since', `${A}:0`]);
    await tail.until(() => tail.lines.length === 1);
    tail.hangUp();
    await append('SET', 'b', '1');
    expect(await tail.ended).toBe(0);
    expect(tail.errors).toMatch(/^\S+ begins after \S+\n$/);
    await log.close();
  });

  it('waits for a slow reader, and then gives everything', async () => {
    const directory = await freshDirectory();
    const { log, append } = await newLog(directory);
    const value = 'v'.repeat(10_000);
    for (let i = 0; i < 1000; i++) await append('SET', `k${i}`, value);
    const args = ['--dir', directory, '--cursor', 'feed', '--since', `${A}:0`, '--no-follow'];
    const tail = new Tailing(args);
    tail.pause();
    const kept = async () => (await log.cursor('feed', { id: A, offset: 0 })).position.offset;
    await expect.poll(kept).toBeGreaterThan(0);
    expect(await kept()).toBeLessThan(log.written / 2);
    tail.resume();
    expect(await tail.ended).toBe(0);
    expect(await kept()).toBe(log.written);
    expect(tail.lines.map(({ keys }) => keys?.[0])).toEqual(
      Array.from({ length: 1000 }, (_, i) => `k${i}`),
    );
    await log.close();
  });
});

describe('forebay tail is refused', () => {
  it.each<[what: string, args: string[], code: number, says: RegExp]>([
    ['nothing to read', [], 64, /give the address of a server, or --dir/],
    [
      'two things to read',
      ['redis://x', '--dir', 'x'],
      64,
      /give the address of a server, or --dir/,
    ],
    ['a URL of another kind', ['http://x'], 64, /the address cannot be used: .*redis:/],
    [
      'a cursor of a server',
      ['redis://x', '--cursor', 'c'],
      64,
      /--cursor and --no-follow need --dir/,
    ],
    [
      'the end of a server',
      ['redis://x', '--no-follow'],
      64,
      /--cursor and --no-follow need --dir/,
    ],
    ['a position that is none', ['redis://x', '--since', 'x'], 64, /<id>:<offset>\[:<db>\]/],
    ['one without a database', ['redis://x', '--since', `${A}:1`], 64, /<id>:<offset>:<db>/],
    ['a database that is none', ['redis://x', '--db', 'x'], 64, /Databases are numbers/],
    ['commands that are none', ['redis://x', '--command', 'set,'], 64, /single words/],
    ['a database of a URL', ['redis://x/3'], 64, /a replica gets every database/],
    ['a format that is none', ['redis://x', '--format', 'xml'], 64, /json, resp/],
    [
      'a part of the stream as it is',
      ['--dir', 'x', '--format', 'resp', '--db', '1'],
      64,
      /whole stream/,
    ],
    ['certificates without TLS', ['redis://x', '--cacert', 'x'], 64, /need --tls/],
    ['a directory that is not there', ['--dir', '/no/such'], 78, /holds no log/],
  ])('%s', async (_, args, code, says) => {
    const tail = new Tailing(args);
    expect(await tail.ended).toBe(code);
    expect(tail.errors).toMatch(says);
    expect(tail.errors.trim().split('\n')).toHaveLength(1);
    expect(tail.output).toHaveLength(0);
  });

  it('a directory without a log, a position that is not held, a name that is none', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const empty = new Tailing(['--dir', directory]);
    expect(await empty.ended).toBe(78);
    expect(empty.errors).toMatch(/holds no log/);
    const { log } = await newLog(join(directory, 'log'));
    const args = ['--dir', log.directory];
    const unheld = new Tailing([...args, '--since', `${B}:5`]);
    expect(await unheld.ended).toBe(64);
    expect(unheld.errors).toMatch(/is not held in/);
    const misnamed = new Tailing([...args, '--cursor', '../x']);
    expect(await misnamed.ended).toBe(64);
    expect(misnamed.errors).toMatch(/cannot name a cursor/);
    await log.close();
  });

  it('by a server that is not there, one that wants a password, and one without TLS', async () => {
    const port = await freePort();
    const absent = new Tailing([`redis://127.0.0.1:${port}`]);
    expect(await absent.ended).toBe(69);
    expect(absent.errors).toMatch(/cannot be reached: ECONNREFUSED/);
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.send('-NOAUTH Authentication required.\r\n'.repeat(9));
      await peer.closed;
    });
    const denied = new Tailing([primary.url.replace('//', '//:secret@')]);
    expect(await denied.ended).toBe(77);
    expect(denied.errors).toMatch(/NOAUTH/);
    expect(denied.errors).not.toMatch(/secret/);
    const plain = new Tailing([primary.url.replace('redis:', 'rediss:')]);
    expect(await plain.ended).toBe(78);
    expect(plain.errors).toMatch(/does not speak TLS/);
  });
});

describe('forebay tail, where what it prints', () => {
  it.each(['json', 'resp'])('cannot be written, or is not read: %s', async (format) => {
    const { log, append } = await newLog(await freshDirectory());
    for (let i = 0; i < 100; i++) await append('SET', 'k', 'v'.repeat(10_000));
    await log.close();
    const args = ['tail', '--dir', log.directory, '--since', `${A}:0`, '--no-follow'];
    const full = await printedToFull([...args, '--format', format]);
    expect(full.code).toBe(74);
    expect(full.stderr).toMatch(
      /^\S+ begins after \S+\n\S+ standard output cannot be written to: ENOSPC\n$/,
    );
    const unread = await printedInto([...args, '--format', format], 'head -c 10');
    expect([unread.code, unread.stderr]).toEqual([
      0,
      expect.stringMatching(/^\S+ begins after \S+\n$/),
    ]);
  });
});
