import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ScriptedPrimary } from '@forebay/conformance';
import type { Disk } from '@forebay/log';
import { Log, LogError, nodeDisk } from '@forebay/log';
import { Primary } from '@forebay/primary';
import { Replica } from '@forebay/replica';
import { encodeCommand } from '@forebay/resp';
import { concatBytes } from '@forebay/testkit';
import { expect, it, onTestFinished } from 'vitest';
import type { FollowOptions, Resynced } from '../../src/follow-log/follow.ts';
import { follow } from '../../src/follow-log/follow.ts';
import { freshDirectory } from '../daemon.ts';

const SELECT = encodeCommand(['SELECT', 0]);
const set = (value: string) => encodeCommand(['SET', 'key', value]);

async function listening(): Promise<Primary> {
  const primary = new Primary({ pingPeriod: 0 });
  await primary.listen();
  onTestFinished(() => primary.close());
  return primary;
}

/** Follows a primary into a log, until `end` is called. */
function following(port: number, log: Log, options: FollowOptions = {}) {
  const replica = new Replica({
    url: { kind: 'tcp', host: '127.0.0.1', port },
    backoff: { random: () => 0 },
    ...(log.found === undefined ? {} : { resume: log.found }),
  });
  const resyncs: Resynced[] = [];
  const ended = follow(replica, log, {
    onResynced: (resynced) => resyncs.push(resynced),
    ...options,
  });
  // A failure before `end` is not an unhandled rejection.
  ended.catch(() => {});
  onTestFinished(() => replica.detach());
  const end = async (): Promise<void> => {
    await replica.detach();
    await ended;
  };
  return { replica, resyncs, ended, end };
}

async function streamOf(log: Log, after = 0): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const item of log.read({ id: log.history!.id, offset: after }, { follow: false })) {
    if (item.type === 'stream') pieces.push(item.bytes.slice());
  }
  return concatBytes(pieces);
}

/** The real disk, whose writes and syncs of the stream fail while `failing` says so. */
function failingDisk() {
  const failing = { write: false, sync: false };
  const full = () => Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const disk: Disk = Object.create(nodeDisk, {
    open: {
      value: async (path: string, mode: 'read' | 'write' | 'create') => {
        const file = await nodeDisk.open(path, mode);
        if (!path.endsWith('.incr.aof')) return file;
        return Object.create(file, {
          write: {
            value: async (bytes: Uint8Array, place: number) => {
              if (failing.write) throw full();
              return file.write(bytes, place);
            },
          },
          sync: { value: () => (failing.sync ? Promise.reject(full()) : file.sync()) },
          read: { value: (into: Uint8Array, place: number) => file.read(into, place) },
          size: { value: () => file.size() },
          truncate: { value: (size: number) => file.truncate(size) },
          close: { value: () => file.close() },
        });
      },
    },
  });
  return { disk, failing };
}

it('the log holds the snapshot and the stream, and the primary knows that both are synced', async () => {
  const primary = await listening();
  await using log = await Log.open(await freshDirectory(), { fsync: 'always' });
  const stored: Uint8Array[] = [];
  const { resyncs, end } = following(primary.port, log, {
    onStored: (bytes) => stored.push(bytes.slice()),
  });
  await expect.poll(() => resyncs).toMatchObject([{ type: 'full', replaced: undefined }]);
  primary.propagate(['SET', 'key', 'a']);
  const { offset } = primary.position;
  await expect.poll(() => primary.replicas[0]).toMatchObject({ offset, synced: offset });
  await end();
  expect(await streamOf(log)).toEqual(concatBytes([SELECT, set('a')]));
  expect(concatBytes(stored)).toEqual(await streamOf(log));
  expect(log.base).toMatchObject({ offset: 0 });
});

it('a log that is opened again continues with a partial resync, also under a new replication id', async () => {
  const primary = await listening();
  const directory = await freshDirectory();
  const first = await Log.open(directory);
  const before = following(primary.port, first);
  primary.propagate(['SET', 'key', 'a']);
  await expect.poll(() => first.written).toBe(primary.position.offset);
  await before.end();
  const { id } = primary.position;
  await first.close();
  primary.propagate(['SET', 'key', 'b']);
  primary.shiftId();
  await using log = await Log.open(directory);
  const { resyncs, end } = following(primary.port, log);
  await expect.poll(() => log.written).toBe(primary.position.offset);
  expect(resyncs).toMatchObject([
    { type: 'partial', previousId: id, history: { id: primary.position.id } },
  ]);
  expect(log.history).toMatchObject({ id: primary.position.id, secondId: id });
  await end();
  expect(await streamOf(log)).toEqual(concatBytes([SELECT, set('a'), set('b')]));
});

it('a full resync into a log with data reports the data set that it replaces', async () => {
  const primary = await listening();
  await using log = await Log.open(await freshDirectory());
  const first = following(primary.port, log);
  primary.propagate(['SET', 'key', 'a']);
  expect(await primary.wait(1, 5000)).toBe(1);
  await first.end();
  const { history, written } = log;
  const other = await listening();
  const { resyncs, end } = following(other.port, log);
  await expect
    .poll(() => resyncs)
    .toMatchObject([{ type: 'full', replaced: { history, offset: written, base: { offset: 0 } } }]);
  await end();
  expect(log.history?.id).toBe(other.position.id);
});

it('a snapshot that is cut short leaves the log as it was, and no file', async () => {
  const aborted: string[] = [];
  await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
    await peer.handshake();
    await peer.send(`+FULLRESYNC ${'a'.repeat(40)} 5\r\n$1000\r\nREDIS0009`);
    if (connection === 1) peer.end();
    await peer.closed;
  });
  const directory = await freshDirectory();
  await using log = await Log.open(directory);
  const { resyncs, end } = following(primary.port, log, {
    onSnapshotAborted: ({ code }) => aborted.push(code),
  });
  await expect.poll(() => aborted).toEqual(['LINK_LOST']);
  await end();
  expect([log.history, resyncs]).toEqual([undefined, []]);
  expect(await readdir(join(directory, 'appendonlydir'))).toEqual([]);
});

it('a history changes only within `changeHistory`', async () => {
  const primary = await listening();
  await using log = await Log.open(await freshDirectory());
  const ids: (string | undefined)[] = [];
  const { end } = following(primary.port, log, {
    changeHistory: async (change) => {
      ids.push(log.history?.id);
      const changed = await change();
      ids.push(log.history?.id);
      return changed;
    },
  });
  const { id } = primary.position;
  await expect.poll(() => ids).toEqual([undefined, id]);
  primary.shiftId();
  await expect.poll(() => ids).toEqual([undefined, id, id, primary.position.id]);
  await end();
});

it('an item waits until it is admitted, and meanwhile the primary is slowed down and keeps later bytes', async () => {
  const primary = await listening();
  await using log = await Log.open(await freshDirectory());
  let admit = (): void => {};
  const admitted = new Promise<boolean>((resolve) => {
    admit = () => resolve(true);
  });
  const { replica, resyncs, end } = following(primary.port, log, { admitStream: () => admitted });
  await expect.poll(() => resyncs.length).toBe(1);
  const value = 'x'.repeat(1024 * 1024);
  for (let i = 0; i < 20; i++) primary.propagate(['SET', 'key', value]);
  await expect.poll(() => replica.offset).toBeGreaterThan(value.length);
  expect(await primary.wait(1, 200)).toBe(0);
  expect(log.written).toBe(0);
  expect(replica.offset).toBeLessThan(10 * value.length);
  admit();
  expect(await primary.wait(1, 20_000)).toBe(1);
  expect(log.written).toBe(primary.position.offset);
  await end();
});

it('refused bytes are neither written nor acknowledged, and `follow` ends', async () => {
  const primary = await listening();
  await using log = await Log.open(await freshDirectory());
  let room = true;
  const { ended } = following(primary.port, log, {
    admitStream: () => (room ? undefined : Promise.resolve(false)),
  });
  primary.propagate(['SET', 'key', 'a']);
  expect(await primary.wait(1, 5000)).toBe(1);
  const { written } = log;
  room = false;
  primary.propagate(['SET', 'key', 'b']);
  await ended;
  expect(log.written).toBe(written);
});

it('a failed write ends `follow` with the error of the log', async () => {
  const { disk, failing } = failingDisk();
  const primary = await listening();
  const log = await Log.open(await freshDirectory(), { disk });
  const { resyncs, ended } = following(primary.port, log);
  await expect.poll(() => resyncs.length).toBe(1);
  failing.write = true;
  primary.propagate(['SET', 'key', 'a']);
  await expect(ended).rejects.toMatchObject({ name: 'LogError', code: 'IO', errno: 'ENOSPC' });
  failing.write = false;
  await log.close().catch(() => {});
});

it('a failed sync ends `follow` with the error of the log even if nothing more is received', async () => {
  const { disk, failing } = failingDisk();
  const primary = await listening();
  const log = await Log.open(await freshDirectory(), { disk, fsync: 'everysec' });
  const { resyncs, ended } = following(primary.port, log);
  await expect.poll(() => resyncs.length).toBe(1);
  failing.sync = true;
  primary.propagate(['SET', 'key', 'a']);
  await expect(ended).rejects.toBeInstanceOf(LogError);
  failing.sync = false;
  await log.close().catch(() => {});
});
