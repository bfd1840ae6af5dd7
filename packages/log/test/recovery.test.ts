import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { StreamTracker, shiftHistory, startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { concatBytes, randomFrom, SimulatedClock, SimulatedDisk } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { writeWhole } from '../src/disk/durable.ts';
import { check, Log } from '../src/index.ts';
import { decodeRecord, encodeRecord, RECORD_SIZE } from '../src/index-file/record.ts';
import { A, append, B, EMPTY_RDB, freshDirectory, giveBase, stepBack } from './directories.ts';

const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'x'.repeat(2000)]);
const SELECT = encodeCommand(['SELECT', '0']);
const STREAM = '/data/appendonlydir/appendonly.aof.2.incr.aof';
const INDEX = '/data/appendonlydir/appendonly.aof.2.index';

/** A log on a disk that loses what was not synced; it begins at offset 0, and syncs when told. */
class Machine {
  readonly clock = new SimulatedClock();
  readonly disk = new SimulatedDisk({ random: randomFrom(7), clock: this.clock, slowWriteRate: 0 });
  #stream = new StreamTracker({ offset: 0 });
  log!: Log;

  static async withBase(): Promise<Machine> {
    const machine = new Machine();
    await machine.open();
    await machine.giveBase(0);
    return machine;
  }

  /** A full resync. */
  async giveBase(offset: number): Promise<void> {
    const target = this.log.awaitBase();
    await writeWhole(this.disk.process, target.path, EMPTY_RDB);
    const base = { target, size: EMPTY_RDB.length, crc: crc32(EMPTY_RDB) };
    const start = { history: startHistory(A), offset, database: 0, reason: 'a test' };
    await this.log.beginHistory({ ...base, ...start });
  }

  async open(): Promise<Log> {
    const { clock, disk } = this;
    this.log = await Log.open('/data', { disk: disk.process, clock, fsync: 'no' });
    if (this.log.found !== undefined) this.#stream = this.log.found.stream;
    return this.log;
  }

  async append(...commands: Uint8Array[]): Promise<void> {
    const bytes = concatBytes(commands);
    this.#stream.push(bytes);
    await this.log.append(bytes, this.#stream.boundary);
  }

  crash(kind: 'process' | 'power'): void {
    this.disk.crash(kind);
    this.clock.clear();
  }

  /** Makes the index that of a version whose records note 16 bytes of the boot id, and no file. */
  forgetFiles(): void {
    const boot = createHash('sha256').update(this.disk.bootId).digest('hex').slice(0, 32);
    const bytes = this.disk.peek(INDEX);
    for (let at = 0; at < bytes.length; at += RECORD_SIZE) {
      const record = decodeRecord(bytes.subarray(at, at + RECORD_SIZE))!;
      bytes.set(encodeRecord({ ...record, boot, file: undefined }), at);
    }
    this.disk.poke(INDEX, bytes);
  }

  /** What someone else writes behind the file's end. */
  async writeForeign(bytes: Uint8Array): Promise<void> {
    const file = await this.disk.open(STREAM, 'write');
    await file.write(bytes, await file.size());
    await file.close();
  }
}

describe('after a kill', () => {
  it('all that was written is there, in the middle of a command', async () => {
    const machine = await Machine.withBase();
    await machine.append(SET, PING.subarray(0, 5));
    machine.crash('process');
    const { found } = await machine.open();
    expect(found).toMatchObject({ offset: SET.length + 5, dropped: 0 });
    expect(found?.stream.boundary).toEqual({ offset: SET.length, database: 0 });
  });

  it('a check accepts an index of an earlier version that was written since this boot', async () => {
    const machine = await Machine.withBase();
    await machine.append(SET, PING);
    await machine.log.sync();
    machine.crash('process');
    machine.forgetFiles();
    machine.disk.flipBit(STREAM, 40, 0);
    const { findings } = await check(machine.disk.process, '/data');
    expect(findings.map(({ severity }) => severity)).toEqual(['error']);
  });
});

describe('after a power cut', () => {
  it('a directory is there, though who made it died before its name was on the disk', async () => {
    const machine = new Machine();
    await machine.disk.process.makeDirectory('/data');
    machine.crash('process');
    await machine.open();
    await machine.giveBase(7);
    machine.crash('power');
    expect((await machine.open()).found?.offset).toBe(7);
  });

  it('what was synced is there, and of the rest only what its checksum confirms', async () => {
    const machine = await Machine.withBase();
    await machine.append(SET);
    await machine.log.sync();
    await machine.append(PING, SET);
    const size = machine.disk.peek(STREAM).length;
    machine.crash('power');
    // The length came to the disk, and of the bytes only zeros.
    const survived = new Uint8Array(size);
    survived.set(machine.disk.durable(STREAM)!.subarray(0, SELECT.length + SET.length));
    machine.disk.poke(STREAM, survived);
    const { found } = await machine.open();
    expect(found?.offset).toBe(SET.length);
    expect(found?.dropped).toBe(PING.length + SET.length);
    expect(machine.disk.peek(STREAM)).toHaveLength(SELECT.length + SET.length);
  });

  it('what was synced and is not there any more is told, and nothing is cut', async () => {
    const machine = await Machine.withBase();
    await machine.append(SET);
    await machine.log.sync();
    // Its record says what the sync before it has saved.
    await machine.append(PING);
    await machine.log.sync();
    machine.crash('power');
    machine.disk.poke(STREAM, machine.disk.peek(STREAM).slice(0, 500));
    await expect(machine.open()).rejects.toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    expect(machine.disk.peek(STREAM)).toHaveLength(500);
  });
});

describe('a cursor in what a power cut took', () => {
  /** A log that has lost a PING, which a cursor has read. */
  async function behindItsCursor(): Promise<{ machine: Machine; lost: number }> {
    const machine = await Machine.withBase();
    await machine.append(SET);
    await machine.log.sync();
    await machine.append(PING);
    const lost = machine.log.written;
    await machine.log.cursor('feed');
    const synced = machine.disk.durable(STREAM)!;
    machine.crash('power');
    machine.disk.poke(STREAM, synced);
    await machine.open();
    expect(machine.log.written).toBe(SET.length);
    return { machine, lost };
  }

  it('waits for it to come again', async () => {
    const { machine, lost } = await behindItsCursor();
    const next = (await machine.log.cursor('feed')).read().next();
    await machine.append(PING);
    await machine.append(PING);
    expect((await next).value).toMatchObject({ type: 'stream', offset: lost + PING.length });
  });

  it('is told of another history though nothing has come of that yet', async () => {
    const { machine, lost } = await behindItsCursor();
    await machine.log.setHistory(startHistory(B));
    const items = (await machine.log.cursor('feed')).read();
    expect((await items.next()).value).toMatchObject({ type: 'rewound', from: { offset: lost } });
  });

  it('is told when another history comes in its place', async () => {
    const { machine, lost } = await behindItsCursor();
    const next = (await machine.log.cursor('feed')).read().next();
    await machine.log.setHistory(startHistory(B));
    expect((await next).value).toMatchObject({
      type: 'rewound',
      from: { offset: lost },
      to: { offset: SET.length },
    });
  });
});

describe('a server that was booted after a crash', () => {
  it('is known by a SELECT that came later than anything of ours', async () => {
    const machine = await Machine.withBase();
    await machine.append(PING);
    machine.crash('process');
    machine.clock.advance(1000);
    await machine.writeForeign(concatBytes([SELECT, SET]));
    await expect(machine.open()).rejects.toThrow(
      expect.objectContaining({ code: 'FOREIGN', message: expect.stringContaining('a server') }),
    );
  });

  it('is known by a torn tail that it has cut off', async () => {
    const machine = await Machine.withBase();
    await machine.append(PING, SET.subarray(0, 100));
    machine.clock.advance(300);
    await machine.append(SET.subarray(100, 200));
    machine.crash('process');
    machine.disk.poke(STREAM, machine.disk.peek(STREAM).slice(0, SELECT.length + PING.length));
    await expect(machine.open()).rejects.toThrow(expect.objectContaining({ code: 'FOREIGN' }));
  });

  it('is known by a SELECT that came since the power was cut', async () => {
    const machine = await Machine.withBase();
    await machine.append(PING);
    await machine.log.sync();
    machine.crash('power');
    machine.clock.advance(1000);
    await machine.writeForeign(concatBytes([SELECT, SET]));
    await expect(machine.open()).rejects.toThrow(expect.objectContaining({ code: 'FOREIGN' }));
  });

  it('is not seen in what a power cut left without its record, however late that came', async () => {
    const machine = await Machine.withBase();
    await machine.append(PING);
    await machine.log.sync();
    machine.clock.advance(60_000);
    await machine.append(SELECT, SET);
    const [stream, index] = [machine.disk.peek(STREAM), machine.disk.durable(INDEX)!.slice()];
    machine.crash('power');
    machine.disk.poke(STREAM, stream);
    // As old as what is left in it.
    machine.clock.jump(-60_000);
    machine.disk.poke(INDEX, index);
    machine.clock.jump(60_000);
    expect((await machine.open()).found).toMatchObject({
      offset: PING.length,
      dropped: SELECT.length + SET.length,
    });
  });

  it('is not seen in a SELECT of the primary, nor in a clock that was set', async () => {
    for (const jump of [-5e6, 5e6]) {
      const machine = await Machine.withBase();
      await machine.append(PING);
      machine.clock.jump(jump);
      await machine.append(SELECT, SET);
      machine.crash('process');
      expect((await machine.open()).found?.dropped).toBe(0);
    }
  });
});

describe('a log of a version whose records note no file', () => {
  it('keeps every byte after a kill, and is no copy', async () => {
    const machine = await Machine.withBase();
    await machine.append(PING);
    machine.clock.advance(300);
    await machine.append(SET, PING.subarray(0, 5));
    machine.crash('process');
    machine.forgetFiles();
    const { found } = await machine.open();
    expect(found).toMatchObject({ offset: PING.length + SET.length + 5, dropped: 0 });
    expect(found?.copied).toBeUndefined();
  });

  it('keeps every byte after a clean close, and is no copy', async () => {
    const machine = await Machine.withBase();
    await machine.append(PING, SET);
    await machine.log.close();
    machine.forgetFiles();
    machine.crash('power');
    const { found } = await machine.open();
    expect(found).toMatchObject({ offset: PING.length + SET.length, dropped: 0 });
    expect(found?.copied).toBeUndefined();
  });

  it('ends after a power cut before the first span that is not whole', async () => {
    const machine = await Machine.withBase();
    for (const command of [PING, SET, PING]) {
      await machine.append(command);
      machine.clock.advance(300);
    }
    await machine.append(PING);
    machine.forgetFiles();
    machine.disk.poke(STREAM, withoutSpan(machine.disk.peek(STREAM)));
    const [stream, index] = [machine.disk.peek(STREAM), machine.disk.peek(INDEX)];
    machine.crash('power');
    machine.disk.poke(STREAM, stream);
    machine.disk.poke(INDEX, index);
    expect((await machine.open()).found).toMatchObject({ offset: PING.length });
  });

  it('is refused where a server was booted in it after a clean close', async () => {
    const machine = await Machine.withBase();
    await machine.append(PING);
    await machine.log.close();
    machine.forgetFiles();
    await machine.writeForeign(SET);
    await expect(machine.open()).rejects.toThrow(expect.objectContaining({ code: 'FOREIGN' }));
  });
});

/** The stream of the test above, with zeros in place of its SET. */
function withoutSpan(stream: Uint8Array): Uint8Array {
  const from = SELECT.length + PING.length;
  return stream.fill(0, from, from + SET.length);
}

describe('a failed sync', () => {
  it('ends the log, and what it did not save is not claimed when it is opened again', async () => {
    const machine = await Machine.withBase();
    await machine.append(SET);
    await machine.log.sync();
    await machine.append(PING);
    machine.disk.failNext('sync', 'EIO');
    await expect(machine.log.sync()).rejects.toThrow(expect.objectContaining({ errno: 'EIO' }));
    await expect(machine.append(PING)).rejects.toThrow(expect.objectContaining({ errno: 'EIO' }));
    await machine.log.close();
    expect((await machine.open()).found?.offset).toBe(SET.length);
  });
});

describe('a record that cannot be written', () => {
  it('ends the log, and takes back nothing of what was told to be written', async () => {
    const machine = await Machine.withBase();
    await machine.append(SET);
    await machine.log.sync();
    await machine.append(PING);
    const { written } = machine.log;
    machine.disk.failNext('write', 'ENOSPC');
    await expect(machine.log.sync()).rejects.toThrow(expect.objectContaining({ errno: 'ENOSPC' }));
    expect(machine.log.written).toBe(written);
    expect(machine.disk.peek(STREAM)).toHaveLength(SELECT.length + written);
    await machine.log.close().catch(() => {});
    expect((await machine.open()).found).toMatchObject({ offset: written, dropped: 0 });
  });
});

describe('a directory', () => {
  it('is of one process at a time, in this machine and over processes', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await expect(Log.open(directory)).rejects.toThrow(
      expect.objectContaining({ code: 'LOCKED', message: expect.stringContaining('is in use') }),
    );
    await log.close();
    await (await Log.open(directory)).close();
  });

  it('of a process that was killed is free at once', async () => {
    const directory = await freshDirectory();
    const source = `
      import { Log } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      await Log.open(${JSON.stringify(directory)});
      process.stdout.write('open');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source]);
    await once(child.stdout, 'data');
    await expect(Log.open(directory)).rejects.toThrow(/in use/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await Log.open(directory)).close();
  });
});

describe('a step back', () => {
  it('keeps what it takes away, and goes on under the new id over a restart', async () => {
    const directory = await freshDirectory();
    const log = await Log.open(directory);
    await giveBase(log, 0);
    await append(log, PING);
    await append(log, SET);
    const from = log.written;
    await stepBack(log, PING.length);
    expect(log.written).toBe(PING.length);
    await log.close();
    await using again = await Log.open(directory);
    expect(again.found).toMatchObject({ offset: PING.length, history: startHistory(A) });
    const files = (await readdir(join(directory, 'appendonlydir'))).filter((name) =>
      name.endsWith('.incr.aof'),
    );
    // What came before, what was taken away, and what is to come.
    expect(files).toHaveLength(3);
    expect(from).toBe(PING.length + SET.length);
  });

  it('to the beginning of an id goes on under that, where it is told to', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 5);
    await append(log, PING);
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    await append(log, SET);
    const { history } = await log.stepBack(5 + PING.length, B);
    expect([history.id, history.secondId]).toEqual([B, A]);
    const { history: older } = await log.stepBack(5 + PING.length);
    expect(older.id).toBe(A);
  });

  it('into a command goes to its beginning', async () => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 5);
    await append(log, PING);
    await append(log, SET);
    const { to, stream } = await log.stepBack(5 + PING.length + 3);
    expect([to.offset, stream.offset, log.written]).toEqual(Array(3).fill(5 + PING.length));
  });

  it.each([
    ['below the oldest base', 4],
    ['ahead', 10 * SET.length],
  ])('%s is refused, and changes nothing', async (_, offset) => {
    await using log = await Log.open(await freshDirectory());
    await giveBase(log, 5);
    await append(log, SET);
    await append(log, SET);
    await expect(log.stepBack(offset)).rejects.toThrow(
      expect.objectContaining({ code: 'NOT_COVERED' }),
    );
    await append(log, PING);
    expect(log.written).toBe(5 + 2 * SET.length + PING.length);
  });
});
