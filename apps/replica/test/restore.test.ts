import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { systemClock } from '@forebay/clock';
import type { LogOptions } from '@forebay/log';
import { Log } from '@forebay/log';
import { StreamTracker, startHistory } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import { momentOf } from '../src/commands/moment.ts';
import { Daemon, freshDirectory } from './daemon.ts';

const bin = fileURLToPath(new URL('../bin/forebay.js', import.meta.url));

const ID = 'a'.repeat(40);
const SET = '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n';
const EXPIRE = '*3\r\n$6\r\nEXPIRE\r\n$1\r\nk\r\n$3\r\n100\r\n';
const STREAM = SET + EXPIRE + SET;
const FIELD = '\xfa\x09redis-ver\x06';

/** A log that begins at 100, of a primary of some version. */
async function madeLog(
  version = '7.0.15',
  options: LogOptions = {},
): Promise<{ directory: string; out: string }> {
  const directory = await freshDirectory();
  await using log = await Log.open(directory, options);
  const target = log.awaitBase();
  const rdb = Buffer.from(`REDIS0009${FIELD}${version}\xff\0\0\0\0\0\0\0\0`, 'latin1');
  await writeFile(target.path, rdb);
  const base = { target, size: rdb.length, crc: crc32(rdb), history: startHistory(ID) };
  await log.beginHistory({ ...base, offset: 100, database: 3, reason: 'a test' });
  const stream = new StreamTracker({ offset: 100, database: 3 });
  stream.push(Buffer.from(STREAM));
  await log.append(Buffer.from(STREAM), stream.boundary);
  return { directory, out: join(dirname(directory), 'out') };
}

const restore = (...args: string[]) => Daemon.start(['restore', ...args]);

describe('restore', () => {
  it('shows on standard output what is read and reached, and how to boot it', async () => {
    const { directory, out } = await madeLog();
    const args = ['restore', directory, '--out', out, '--at', `${ID}:${100 + SET.length + 1}`];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, ...args]);
    expect(stdout.split('\n').map((line) => line.replace(/of \d{4}-.*Z$/, 'of …'))).toEqual([
      `directory  ${directory}`,
      `history    ${ID}`,
      'primary    redis 7.0.15',
      'base       appendonly.aof.1.base.rdb, 36 B, at 100, of …',
      `stream     appendonly.aof.2.incr.aof, 100 to ${100 + SET.length}`,
      'bytes      86 (86 B)',
      `position   ${ID}:${100 + SET.length}`,
      'database   3',
      expect.stringMatching(/^time {7}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      `written    ${out}, 86 bytes in appendonlydir/appendonly.aof.1.base.rdb, appendonlydir/appendonly.aof.2.incr.aof`,
      `reached    ${ID}:${100 + SET.length}`,
      `boot       redis-server --dir ${out} --appendonly yes --appenddirname appendonlydir`,
      '',
    ]);
    expect(stderr).toMatch(/^\d\d:\d\d:\d\d restored 86 B in \d\.\d s\n$/);
    const increment = join(out, 'appendonlydir', 'appendonly.aof.2.incr.aof');
    expect(await readFile(increment, 'latin1')).toBe(`*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n${SET}`);
  });

  it('with --dry-run shows the same, and writes nothing', async () => {
    const { directory, out } = await madeLog();
    const run = restore(directory, '--dry-run', '--out', out);
    expect(await run.exited).toBe(0);
    expect(run.printed).toContain(`position   ${ID}:${100 + STREAM.length}\n`);
    expect(run.printed).not.toContain('boot');
    expect(await readdir(dirname(directory))).toEqual(['data']);
  });

  it('warns if writes are left out because the clock stepped back', async () => {
    // The base is of 12 o'clock, and what comes after it of 11.
    const noon = Date.UTC(2026, 10, 29, 12);
    let clock = 0;
    const { directory } = await madeLog('7.0.15', {
      clock: { ...systemClock, now: () => (clock++ < 2 ? noon : noon - 3_600_000) },
    });
    const run = restore(directory, '--dry-run', '--at', '2026-11-29T12:00:00Z');
    expect(await run.exited).toBe(0);
    expect(run.printed).toContain(`position   ${ID}:100\n`);
    expect(run.printed).toMatch(
      /the clock stepped back: writes after this position .* are not restored/i,
    );
  });

  it('with --single writes the one file, and says what it did with relative times', async () => {
    const { directory, out } = await madeLog('6.0.16');
    const run = restore(directory, '--single', '--out', out);
    expect(await run.exited).toBe(0);
    expect(run.printed).toMatch(/^primary {4}redis 6.0.16, with relative times/m);
    expect(run.printed).toMatch(/^absolute {3}1 commands changed$/m);
    expect(run.printed).toMatch(/^boot .* --appendonly yes --appendfilename appendonly.aof$/m);
    expect(await readdir(out)).toEqual(['appendonly.aof']);
    expect(await readFile(join(out, 'appendonly.aof'), 'latin1')).toMatch(/PEXPIREAT\r\n\$1\r\nk/);
  });

  it('of relative times into many files says who does not boot from them', async () => {
    const { directory, out } = await madeLog('6.0.16');
    const run = restore(directory, '--out', out);
    expect(await run.exited).toBe(0);
    expect(run.printed).toMatch(/servers before 7.0 do not boot from this; --single/);
  });

  const usage: [what: string, args: (directory: string) => string[], says: RegExp][] = [
    ['no directory', () => ['--dry-run'], /missing required argument 'dir'/],
    ['a directory without a name', () => ['', '--dry-run'], /names no directory/],
    ['nowhere to write', (directory) => [directory], /--out is needed, or --dry-run/],
    ['a moment that is none', (d) => [d, '--dry-run', '--at', 'noon'], /Give a position/],
    ['a position that is none', (d) => [d, '--dry-run', '--at', `${ID}:x`], /is not <id>:<offset>/],
    [
      'a position that is not held',
      (directory) => [directory, '--dry-run', '--at', `${ID}:99`],
      /a:99 cannot be restored from .*, which covers a+:100 \(.*Z\) to the end/,
    ],
    [
      'a time that is not held',
      (directory) => [directory, '--dry-run', '--at', '2001-01-01'],
      /^[^ ]+ 200\d-.*Z cannot be restored from/,
    ],
    [
      'a time after the last arrival',
      (directory) => [directory, '--dry-run', '--at', '2999-01-01'],
      /cannot be restored from .*: the last byte arrived at 20.*Z\. Give that time or an earlier/,
    ],
    [
      'a number without a unit',
      (directory) => [directory, '--dry-run', '--at', '1700000000'],
      /A number alone is ambiguous: a time or an offset\. Give/,
    ],
  ];

  it.each(usage)('usage, 64: %s', async (_, args, says) => {
    const { directory } = await madeLog();
    const run = restore(...args(directory));
    expect(await run.exited).toBe(64);
    expect(run.printed).toMatch(says);
  });

  it('configuration, 78: a directory that holds no log', async () => {
    const directory = await freshDirectory();
    const run = restore(directory, '--dry-run');
    expect(await run.exited).toBe(78);
    expect(run.printed).toMatch(/holds no log/);
  });

  it('configuration, 78: a directory to write to that holds files, which stay', async () => {
    const { directory, out } = await madeLog();
    await mkdir(out);
    await writeFile(join(out, 'dump.rdb'), 'theirs');
    const run = restore(directory, '--out', out);
    expect(await run.exited).toBe(78);
    expect(run.printed).toMatch(/out is not empty: give a directory that is empty/);
    expect(await readdir(out)).toEqual(['dump.rdb']);
  });

  it('usage, 64: a path inside the directory of a log, also through symbolic links', async () => {
    const { directory, out } = await madeLog();
    const before = await readdir(directory, { recursive: true });
    await symlink(join(directory, 'appendonlydir'), out);
    const places = [directory, join(directory, 'copy'), join(directory, 'a/b'), out, `${out}/copy`];
    const rdb = join(directory, 'appendonlydir', 'appendonly.aof.1.base.rdb');
    for (const place of places) {
      const run = restore(directory, '--out', place);
      expect([place, await run.exited]).toEqual([place, 64]);
      expect(run.printed).toMatch(
        /is inside \/.*\/data, which is the directory of a log: give a path outside of it/,
      );
    }
    for (const place of [`${directory}/x.rdb`, `${out}/x.rdb`, rdb]) {
      const run = Daemon.start(['rdb', 'filter', rdb, '-o', place]);
      expect([place, await run.exited]).toEqual([place, 64]);
      expect(run.printed).toMatch(/which is the directory of a log: give a path outside of it/);
    }
    expect(await readdir(directory, { recursive: true })).toEqual(before);
  });

  it('disk, 74: a path that the system cannot create, at once', async () => {
    const { directory } = await madeLog();
    const run = restore(directory, '--out', '/proc/forebay/copy');
    expect(await run.exited).toBe(74);
    expect(run.printed).toMatch(/making the directory \/proc\/forebay\/copy.* failed: ENOENT/);
  });

  it('disk, 74: damage, with its file and place; nothing is left', async () => {
    const { directory, out } = await madeLog();
    const path = join(directory, 'appendonlydir', 'appendonly.aof.2.incr.aof');
    const bytes = await readFile(path);
    bytes[30]! ^= 4;
    await writeFile(path, bytes);
    const run = restore(directory, '--out', out);
    expect(await run.exited).toBe(74);
    expect(run.printed).toContain(
      `${path} does not hold what was written: offsets 101 to ${100 + STREAM.length}, from byte 23`,
    );
    expect(await readdir(dirname(directory))).toEqual(['data']);
  });

  it('disk, 74: no room; nothing is left', async () => {
    const { directory, out } = await madeLog();
    const run = Daemon.start(['restore', directory, '--out', out], { fileLimit: 0 });
    expect(await run.exited).toBe(74);
    expect(run.printed).toMatch(/writing .*base.rdb failed: EFBIG; make room/);
    expect(await readdir(dirname(directory))).toEqual(['data']);
  });
});

describe('a moment', () => {
  const local = (...parts: [number, number, ...number[]]) =>
    new Date(...(parts as [number, number])).getTime();

  const times: [text: string, time: number][] = [
    ['2024-05-31T14:05:09Z', Date.UTC(2024, 4, 31, 14, 5, 9)],
    ['2024-05-31t14:05:09.125z', Date.UTC(2024, 4, 31, 14, 5, 9, 125)],
    ['2024-05-31 14:05:09+02:00', Date.UTC(2024, 4, 31, 12, 5, 9)],
    ['2024-05-31T14:05-0330', Date.UTC(2024, 4, 31, 17, 35)],
    ['2024-05-31T14:05+02', Date.UTC(2024, 4, 31, 12, 5)],
    ['2024-05-31T14:05:09', local(2024, 4, 31, 14, 5, 9)],
    ['2024-05-31 14:05', local(2024, 4, 31, 14, 5)],
    ['2024-02-29', local(2024, 1, 29)],
  ];

  it.each(times)('%s is a time', (text, time) => {
    expect(momentOf(text)).toEqual({ time });
  });

  it('is a time before now too', () => {
    const now = Date.UTC(2024, 4, 31);
    expect(momentOf('-5m', now)).toEqual({ time: now - 300_000 });
    expect(momentOf('-1.5H', now)).toEqual({ time: now - 5_400_000 });
    expect(momentOf('-250ms', now)).toEqual({ time: now - 250 });
    expect(() => momentOf('-99999d', now)).toThrow(/before now/);
  });

  it.each(['1700000000', '1717164309.25', '0'])(
    '%s is refused, and the forms are named',
    (text) => {
      expect(() => momentOf(text)).toThrow(
        /A number alone .* <id>:<offset>.* 2024-05-31T14:05:09Z.* -5m/,
      );
    },
  );

  it('is a position too', () => {
    expect(momentOf(`${ID}:5`)).toEqual({ position: { id: ID, offset: 5 } });
  });

  it.each([
    ...[
      '',
      'now',
      '-5',
      '1e9',
      '-5x',
      '5m',
      '2024-02-30',
      '2023-02-29',
      '2024-13-01',
      '2024-05-31T25:00',
    ],
    ...['2024-05-31T14', '14:05', '2024-05-31T14:05:09 Z', '99999999999999999999', `${ID}:`, 'a:5'],
    ...[`${ID}:-1`, `${'0'.repeat(40)}:5`],
  ])('%j is none', (text) => {
    expect(() => momentOf(text)).toThrow(expect.objectContaining({ code: expect.any(String) }));
  });
});
