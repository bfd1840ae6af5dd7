import { writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { Wire } from '@forebay/conformance';
import { Log } from '@forebay/log';
import { ReplicationServer } from '@forebay/primary';
import { StreamTracker, startHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { bytesOf, concatBytes, SimulatedClock } from '@forebay/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FollowingSide } from '../src/serve/following-side.ts';
import { LogSource } from '../src/serve/log-source.ts';
import { freshDirectory } from './daemon.ts';

const ID = 'a'.repeat(40);
const PING = encodeCommand(['PING']);
const FOLLOWING: FollowingSide = {
  upstream: { host: '127.0.0.1', port: 6379, up: true },
  primary: undefined,
  catchingUp: false,
  lookAbove: async () => {},
  freshenBase: async () => {},
  cutLink: () => false,
};

/** An RDB made by a Redis of that version. */
function rdbOf(version: string): Uint8Array {
  const aux = bytesOf(`\xfa\x09redis-ver${String.fromCharCode(version.length)}${version}`);
  return concatBytes([bytesOf('REDIS0009'), aux, bytesOf('\xff\0\0\0\0\0\0\0\0')]);
}

/** A log of a primary of that version, with a base at 0 and a PING after it, and a source over it. */
async function sourceOver(version: string, refresh: (log: Log) => Promise<void>) {
  const clock = new SimulatedClock();
  const log = await Log.open(await freshDirectory(), { clock, fsync: 'no' });
  onTestFinished(() => log.close());
  const stream = new StreamTracker({ offset: 0 });
  await log.beginHistory({
    ...(await placed(log, version)),
    ...{ history: startHistory(ID), offset: 0, database: 0, reason: 'a test' },
  });
  stream.push(PING);
  await log.append(PING, stream.boundary);
  let asked = 0;
  const freshenBase = () => {
    asked++;
    return refresh(log);
  };
  const source = new LogSource({ ...FOLLOWING, freshenBase }, clock);
  source.serve(log);
  return { source, log, clock, asked: () => asked };
}

async function placed(log: Log, version: string) {
  const target = log.awaitBase();
  const rdb = rdbOf(version);
  await writeFile(target.path, rdb);
  return { target, size: rdb.length, crc: crc32(rdb) };
}

/** What fetching a base comes to: one where the stream has come to. */
async function refresh(log: Log): Promise<void> {
  await log.addBase({
    ...(await placed(log, '6.0.16')),
    position: { id: ID, offset: log.written },
  });
}

describe('a full copy out of the log', () => {
  it('is of the base that there is, where times in the stream are absolute', async () => {
    const { source, clock, asked } = await sourceOver('7.0.15', refresh);
    clock.jump(3_600_000);
    const snapshot = await source.openSnapshot({ alone: false });
    expect(snapshot).toMatchObject({ offset: 0, history: { id: ID } });
    expect(asked()).toBe(0);
    await snapshot.close();
  });

  it('is of a fresh base, where times would count anew', async () => {
    const { source, clock, asked } = await sourceOver('6.0.16', refresh);
    clock.jump(3_600_000);
    const snapshot = await source.openSnapshot({ alone: false });
    expect(snapshot.offset).toBe(PING.length);
    expect(asked()).toBe(1);
    await snapshot.close();
  });

  it('is of the last one, where that was fetched just now', async () => {
    const { source, asked } = await sourceOver('6.0.16', refresh);
    const snapshot = await source.openSnapshot({ alone: false });
    expect(snapshot.offset).toBe(0);
    expect(asked()).toBe(0);
    await snapshot.close();
  });

  it('is of a fresh base, where it is asked for without the stream', async () => {
    const { source, clock, asked } = await sourceOver('7.0.15', refresh);
    clock.jump(3_600_000);
    const snapshot = await source.openSnapshot({ alone: true });
    expect(snapshot.offset).toBe(PING.length);
    expect(asked()).toBe(1);
    await snapshot.close();
  });

  it('is refused, where no fresh base can be had', async () => {
    const { source, clock } = await sourceOver('6.0.16', async () => {});
    clock.jump(3_600_000);
    await expect(source.openSnapshot({ alone: false })).rejects.toThrow(
      /a fresh base could not be had/,
    );
  });
});

it('nothing is held before there is a log, or a base in it', async () => {
  const source = new LogSource(FOLLOWING, new SimulatedClock());
  expect(source.held).toBeUndefined();
  const log = await Log.open(await freshDirectory());
  source.serve(log);
  expect(source.held).toBeUndefined();
  await log.close();
});

it('what a replica needs is kept while it loads its copy, and while it lags behind another', async () => {
  const { source, log, clock } = await sourceOver('7.0.15', refresh);
  const server = new ReplicationServer(source, { backlogSize: 1 });
  onTestFinished(() => server.close());
  await server.listen();
  const wire = await Wire.connect(server.port);
  onTestFinished(() => wire.close());
  await wire.ask('REPLCONF', 'capa', 'eof');
  expect(await wire.ask('PSYNC', '?', '-1')).toBe(`+FULLRESYNC ${ID} 0`);
  const mark = (await wire.line()).slice('$EOF:'.length);
  await wire.bytes(rdbOf('7.0.15').length);
  expect(await wire.bytes(mark.length)).toBe(mark);
  // It loads: another base comes, and the past is let go of.
  clock.jump(3_600_000);
  await refresh(log);
  await log.retain({ time: 0 });
  wire.send('REPLCONF', 'ACK', '0');
  expect(await wire.bytes(PING.length)).toBe(Buffer.from(PING).toString('latin1'));
  // What it has taken is kept no longer.
  await log.retain({ time: 0 });
  await expect(log.read({ id: ID, offset: 0 }).next()).rejects.toThrow(/is not held/);
});

it('a replica under an id that a step back gave up is continued from what is still shared', async () => {
  const { source, log } = await sourceOver('7.0.15', refresh);
  const id = (digit: number) => String(digit).repeat(40);
  await log.setHistory(startHistory(id(5)));
  await append(log, PING);
  await log.stepBack(PING.length);
  for (const digit of [6, 7]) {
    await log.setHistory(startHistory(id(digit)));
    await append(log, PING);
  }
  const server = new ReplicationServer(source);
  onTestFinished(() => server.close());
  await server.listen();
  const answer = async (offset: number) => {
    const wire = await Wire.connect(server.port);
    onTestFinished(() => wire.close());
    await wire.ask('REPLCONF', 'capa', 'eof', 'capa', 'psync2');
    return wire.ask('PSYNC', id(5), String(offset));
  };
  expect(await answer(PING.length + 1)).toBe(`+CONTINUE ${id(7)}`);
  expect(await answer(1)).toBe(`+CONTINUE ${id(7)}`);
  expect(await answer(PING.length + 2)).toBe(`+FULLRESYNC ${id(7)} 0`);
});

async function append(log: Log, bytes: Uint8Array): Promise<void> {
  const offset = log.written + bytes.length;
  await log.append(bytes, { offset, database: 0 });
}
