import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { Log } from '@forebay/log';
import { StreamTracker, startHistory } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from './daemon.ts';
import { printedInto, printedToFull } from './rdb/run.ts';

const bin = fileURLToPath(new URL('../bin/forebay.js', import.meta.url));

const ID = 'a'.repeat(40);
const RDB = Buffer.from('REDIS0009\xff\0\0\0\0\0\0\0\0', 'latin1');
const SET = '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n';
const END = 100 + 2 * SET.length;
/** Where the first value's first byte stands in its file: after the SELECT, and the command so far. */
const VALUE = 23 + SET.indexOf('value');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program, run to its end. */
async function forebay(...args: string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [bin, ...args])) };
  } catch (error) {
    return error as Ended;
  }
}

/** A log that begins at 100 and holds two commands, open. */
async function openLog(): Promise<{ directory: string; log: Log }> {
  const directory = await freshDirectory();
  const log = await Log.open(directory);
  const target = log.awaitBase();
  await writeFile(target.path, RDB);
  const base = { target, size: RDB.length, crc: crc32(RDB), history: startHistory(ID) };
  await log.beginHistory({ ...base, offset: 100, database: 0, reason: 'a test' });
  const stream = new StreamTracker({ offset: 100 });
  stream.push(Buffer.from(SET + SET));
  await log.append(Buffer.from(SET + SET), stream.boundary);
  return { directory, log };
}

async function madeLog(): Promise<string> {
  const { directory, log } = await openLog();
  await log.cursor('reader', { id: ID, offset: 100 });
  await log.close();
  return directory;
}

const streamOf = (directory: string) => join(directory, 'appendonlydir/appendonly.aof.2.incr.aof');

/** A log with a flipped bit in a value, or in more of its bytes. */
async function damagedLog(length = 1): Promise<string> {
  const directory = await madeLog();
  const path = streamOf(directory);
  const bytes = await readFile(path);
  for (let i = 0; i < length; i++) bytes[VALUE + i]! ^= 1;
  await writeFile(path, bytes);
  return directory;
}

describe('check', () => {
  it('says on standard output what was looked at, and that nothing is wrong', async () => {
    const { code, stdout, stderr } = await forebay('check', await madeLog());
    expect(code).toBe(0);
    expect(stderr).toMatch(/^\d\d:\d\d:\d\d read 80 B in \d\.\d s\n$/);
    expect(stdout).toBe('3 files, 80 B, 2 commands in 1 span: nothing is wrong\n');
  });

  it('names the first bad byte, and tells what to do', async () => {
    const directory = await damagedLog();
    const { code, stdout, stderr } = await forebay('check', directory, '--boot');
    expect(code).toBe(1);
    expect(stdout).toContain(
      `error: appendonlydir/appendonly.aof.2.incr.aof, byte ${VALUE} (offset ${100 + VALUE - 22}): offsets 101 to ${END} are not what was written: bit 0 of this byte is flipped\n`,
    );
    expect(stdout).toMatch(/: 1 error\n$/);
    expect(stderr).toMatch(/is damaged; no server was booted from it; --repair corrects/);
  });

  it('prints one object, with the same in it', async () => {
    const { code, stdout } = await forebay('check', await damagedLog(), '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      findings: [
        {
          ...{ severity: 'error', file: 'appendonlydir/appendonly.aof.2.incr.aof', place: VALUE },
          ...{ offset: 100 + VALUE - 22, what: expect.stringContaining('bit 0') },
        },
      ],
      counts: { files: 3, bytes: 80, commands: 2, spans: 1 },
    });
  });

  it('with --repair corrects a flipped bit, names it, and loses nothing', async () => {
    const directory = await damagedLog();
    const { code, stdout } = await forebay('check', directory, '--repair');
    expect(code).toBe(0);
    expect(stdout).toContain(
      `repaired: flipped bit 0 of byte ${VALUE} (offset ${100 + VALUE - 22}) of appendonly.aof.2.incr.aof back`,
    );
    expect(stdout).not.toMatch(/^lost/m);
    expect(stdout).toMatch(/nothing is wrong/);
    await using log = await Log.open(directory);
    expect(log.found).toMatchObject({ offset: END, history: { id: ID } });
    let read = '';
    for await (const item of log.read({ id: ID, offset: 100 }, { follow: false })) {
      if (item.type === 'stream') read += Buffer.from(item.bytes).toString('latin1');
    }
    expect(read).toBe(SET + SET);
  });

  it('with --repair tells what was done and lost, and leaves a log that passes', async () => {
    const directory = await damagedLog(2);
    const damaged = await readFile(streamOf(directory));
    const { code, stdout } = await forebay('check', directory, '--repair');
    expect(code).toBe(0);
    expect(stdout).toContain('repaired: the history ends at offset 100 now');
    expect(stdout).toContain(`lost: what came after ${ID}:100, up to ${ID}:${END}\n`);
    expect(stdout).toContain(`the files of before are in ${join(directory, 'damaged-1')}`);
    expect(stdout).toMatch(/nothing is wrong/);
    const aside = join(directory, 'damaged-1', 'appendonly.aof.2.incr.aof');
    expect(await readFile(aside)).toEqual(damaged);
    await using log = await Log.open(directory);
    expect(log.found).toMatchObject({ offset: 100, history: { id: ID } });
  });

  it('with --repair says what it cannot do, and does nothing', async () => {
    const directory = await madeLog();
    const path = join(directory, 'appendonlydir/appendonly.aof.1.base.rdb');
    await writeFile(path, RDB.subarray(0, 9));
    const { code, stdout, stderr } = await forebay('check', directory, '--repair');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^not repaired: no base .* is whole.*Put a copy of it back/);
    expect(stderr).toMatch(/could not be repaired/);
    expect(await readdir(directory)).not.toContain('damaged-1');
  });

  it('with --repair leaves alone what another process writes to, and without it does not mind', async () => {
    const { directory, log } = await openLog();
    await using _ = log;
    expect((await forebay('check', directory)).code).toBe(0);
    const { code, stderr } = await forebay('check', directory, '--repair');
    expect(code).toBe(78);
    expect(stderr).toMatch(/in use by another forebay/);
  });

  it('of a server that does not start is told by its last lines', async () => {
    const directory = await madeLog();
    const server = join(dirname(directory), 'server.sh');
    const lines =
      '#!/bin/sh\n[ "$1" = --version ] && { echo "Redis server v=7.0.0"; exit; }\necho Bad file format; exit 1\n';
    await writeFile(server, lines);
    await chmod(server, 0o700);
    const { code, stderr } = await forebay('check', directory, '--boot', '--server', server);
    expect(code).toBe(1);
    expect(stderr).toMatch(/server\.sh does not boot from what is held:\nBad file format/);
  });

  it('of what is no server is a matter of usage', async () => {
    const directory = await madeLog();
    const { code, stderr } = await forebay('check', directory, '--boot', '--server', '/bin/true');
    expect(code).toBe(64);
    expect(stderr).toMatch(/is no server/);
    const missing = await forebay('check', directory, '--boot', '--server', '/nowhere/server');
    expect(missing.code).toBe(64);
  });
});

describe('log', () => {
  it('lists what is held, for a person', async () => {
    const directory = await madeLog();
    const { code, stdout, stderr } = await forebay('log', directory);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/[\d.]+ \w+ free/, 'ROOM free')
      .split('\n');
    const [base, stream] = ['appendonly.aof.1.base.rdb', 'appendonly.aof.2.incr.aof'];
    const size = /, (\d+ B)$/.exec(lines[2]!)?.[1];
    const [, , , , , , , baseLine, streamLine] = lines;
    expect(lines).toEqual([
      `${directory}: 3 files, ${size}; ROOM free`,
      '',
      `segment 1, live, ${size}`,
      `  from    ${ID}:100`,
      `  to      ${ID}:${END}`,
      '  time    TIME to TIME',
      `  id      ${ID}  after 100`,
      baseLine,
      streamLine,
      '',
      'cursors',
      `  reader  ${ID}:100  readable  ${2 * SET.length} B behind`,
      '',
    ]);
    expect(baseLine?.split(/ {2,}/)).toEqual(['', 'base', base, 'at 100', '18 B', 'taken TIME']);
    expect(streamLine?.split(/ {2,}/).toSpliced(4, 1)).toEqual([
      '',
      'stream',
      stream,
      `100 to ${END}`,
      'TIME to TIME',
    ]);
    expect(baseLine?.indexOf('at 100')).toBe(streamLine?.indexOf(`100 to ${END}`));
  });

  it('prints one object with the same facts', async () => {
    const directory = await madeLog();
    const { code, stdout } = await forebay('log', directory, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ directory, files: 3, free: expect.any(Number) },
      segments: [
        {
          ...{ number: 1, state: 'live', ids: [{ id: ID, from: 100 }], from: 100, to: END },
          ...{ start: `${ID}:100`, end: `${ID}:${END}` },
          bases: [{ offset: 100, position: `${ID}:100` }],
        },
      ],
      cursors: [
        { name: 'reader', position: { id: ID, offset: 100 }, state: 'readable', behind: END - 100 },
      ],
    });
  });

  it('prints positions that --at and --since take as they are', async () => {
    const directory = await madeLog();
    const { stdout } = await forebay('log', directory, '--json');
    const [{ start, end, bases }] = JSON.parse(stdout).segments;
    for (const position of [start, end, bases[0].position]) {
      const restored = await forebay('restore', directory, '--dry-run', '--at', position);
      expect(restored).toMatchObject({ code: 0 });
      expect(restored.stdout).toContain(`position   ${position}\n`);
      const tail = ['tail', '--dir', directory, '--no-follow', '--since', position];
      expect(await forebay(...tail)).toMatchObject({ code: 0 });
    }
  });

  it('takes no lock and writes nothing while the log is written to', async () => {
    const { directory, log } = await openLog();
    await using _ = log;
    const before = await readdir(directory, { recursive: true });
    expect((await forebay('log', directory)).code).toBe(0);
    expect(await readdir(directory, { recursive: true })).toEqual(before);
  });

  it('of a directory without a log is a matter of configuration', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const { code, stderr } = await forebay('log', directory);
    expect(code).toBe(78);
    expect(stderr).toMatch(/holds no log/);
  });
});

describe('check of a directory without a log', () => {
  it('names the kind of the path, and reports no damage', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const file = join(directory, 'dump.rdb');
    const wrong = [
      [join(directory, 'none'), 'no such directory'],
      [directory, 'the directory is empty'],
      [file, 'not a directory'],
      [dirname(file), 'not a forebay directory'],
    ] as const;
    for (const [path, says] of wrong) {
      if (path === file) await writeFile(file, RDB);
      for (const flags of path === directory ? [[], ['--repair'], ['--json']] : [[]]) {
        const { code, stdout, stderr } = await forebay('check', path, ...flags);
        expect([flags, code, stdout]).toEqual([flags, 78, '']);
        expect(stderr).toContain(`${path} holds no log: ${says}`);
        expect(stderr).not.toMatch(/damaged/);
      }
    }
    expect(await readdir(directory)).toEqual(['dump.rdb']);
  });
});

describe('what is told of a log', () => {
  it('and nobody reads, is told by the exit code all the same', async () => {
    const [right, wrong] = [await madeLog(), await damagedLog()];
    for (const args of [['log'], ['log', '--json'], ['check'], ['check', '--json']]) {
      const { code, stderr } = await printedInto([...args, right], 'true');
      expect([args, code]).toEqual([args, 0]);
      expect(stderr).not.toMatch(/EPIPE/);
    }
    const out = join(dirname(right), 'out');
    expect((await printedInto(['restore', right, '--out', out], 'true')).code).toBe(0);
    expect(await readdir(out)).toEqual(['appendonlydir']);
    const repaired = await printedInto(['check', '--repair', wrong], 'true');
    expect(repaired.code).toBe(0);
    const damaged = await printedInto(['check', await damagedLog()], 'true');
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(/is damaged; --repair corrects/);
  });

  it('and cannot be written, is an error of the disk', async () => {
    const directory = await madeLog();
    for (const args of [['log'], ['check'], ['check', '--json'], ['restore', '--dry-run']]) {
      const { code, stderr } = await printedToFull([...args, directory]);
      expect([args, code]).toEqual([args, 74]);
      expect(stderr).toMatch(/(^|\n)\S+ standard output cannot be written to: ENOSPC\n$/);
    }
  });
});
