import { startHistory } from '@forebay/psync';
import { expect, it, onTestFinished } from 'vitest';
import type { Source } from '../src/index.ts';
import { Primary, ReplicationServer } from '../src/index.ts';
import { Peer } from './peer.ts';

const PIECE = 100_000;

/** A stream of which each byte tells where it is; another under each `salt`. */
function stretch(after: number, length: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = ((after + i) * 2_654_435_761 + salt) >>> 24;
  return bytes;
}

/** Keeps nothing: what is asked for is made again. Counts what it was asked for. */
class MadeStream implements Source {
  readonly history = startHistory('a'.repeat(40));
  offset = 0;
  salt = 0;
  bytesRead = 0;

  get held() {
    return { history: this.history, firstByte: 1, offset: this.offset };
  }

  next(length: number): Uint8Array {
    const bytes = stretch(this.offset, length, this.salt);
    this.offset += length;
    return bytes;
  }

  async openSnapshot() {
    return {
      ...{ history: this.history, offset: 0, length: 18 },
      async *read() {
        yield new Uint8Array(18);
      },
      close: async () => {},
    };
  }

  async *read(after: number) {
    for (let at = after; at < this.offset; ) {
      const length = Math.min(PIECE, this.offset - at);
      // As a disk takes its time.
      await new Promise((resolve) => setImmediate(resolve));
      this.bytesRead += length;
      yield stretch(at, length, this.salt);
      at += length;
    }
  }
}

async function serving(source: Source, backlogSize: number): Promise<ReplicationServer> {
  const server = new ReplicationServer(source, { backlogSize });
  onTestFinished(() => server.close());
  await server.listen();
  return server;
}

/** One who has the stream up to `offset`, and goes on. */
async function replicaAt({ port }: ReplicationServer, offset: number): Promise<Peer> {
  const peer = await Peer.connect(port);
  expect(await peer.ask('PSYNC', 'a'.repeat(40), String(offset + 1))).toBe('+CONTINUE');
  return peer;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

it('replicas at every pace get each byte as it was, out of memory that is used again', async () => {
  const source = new MadeStream();
  const server = await serving(source, 64 * 1024);
  const peers = await Promise.all(Array.from({ length: 3 }, () => replicaAt(server, 0)));
  // Each in its turn does not read, for longer than the system keeps for it.
  for (const { socket } of peers) {
    socket.pause();
    for (const until = source.offset + 12e6; source.offset < until; ) {
      server.propagate(source.next(1 + (source.offset % 60_000)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.replicas.some(({ behind }) => behind > 1e6)).toBe(true);
    socket.resume();
  }
  const expected = text(stretch(0, source.offset));
  // Compared as a whole: what differs would be millions of characters of a message.
  for (const peer of peers) expect((await peer.bytes(source.offset)) === expected).toBe(true);
});

it('what is on its way to one that is let go is not written over', async () => {
  const source = new MadeStream();
  const server = await serving(source, 64 * 1024);
  const peer = await replicaAt(server, 0);
  peer.socket.pause();
  while (server.replicas[0]?.behind === 0) server.propagate(source.next(50_000));
  const sent = source.offset - server.replicas[0]!.behind;
  peer.sendRaw('*x\r\n');
  const other = await replicaAt(server, source.offset);
  for (let i = 0; i < 40; i++) server.propagate(source.next(50_000));
  await other.bytes(40 * 50_000);
  peer.socket.resume();
  await peer.ended();
  // The stream, and no word of why.
  expect(peer.received === text(stretch(0, sent))).toBe(true);
});

it('those who are behind together cost the source one reading', async () => {
  const source = new MadeStream();
  const server = await serving(source, 64 * 1024);
  server.propagate(source.next(20e6));
  const peers = await Promise.all(Array.from({ length: 8 }, () => replicaAt(server, 0)));
  const expected = text(stretch(0, source.offset));
  for (const peer of peers) expect((await peer.bytes(source.offset)) === expected).toBe(true);
  expect(source.bytesRead).toBeLessThan(1.5 * source.offset);
});

it('what was propagated in little pieces is fetched without standing still', async () => {
  const primary = new Primary({ pingPeriod: 0 });
  onTestFinished(() => primary.close());
  await primary.listen();
  for (let i = 0; i < 200_000; i++) primary.propagate(['SET', 'k', 'v']);
  const { id, offset } = primary.position;
  const peer = await Peer.connect(primary.port);
  // By the time that we run, not by the clock: a machine may stand still too.
  let [longest, looked] = [0, process.cpuUsage()];
  const watching = setInterval(() => {
    const { user, system } = process.cpuUsage(looked);
    longest = Math.max(longest, (user + system) / 1000);
    looked = process.cpuUsage();
  }, 5);
  onTestFinished(() => clearInterval(watching));
  expect(await peer.ask('PSYNC', id, '1')).toBe('+CONTINUE');
  expect(await peer.bytes(offset)).toHaveLength(offset);
  expect(longest).toBeLessThan(1000);
});

it('one who lags is continued over a snapshot that lets go of what came before it', async () => {
  const primary = new Primary({ pingPeriod: 0, backlogSize: 16_384 });
  onTestFinished(() => primary.close());
  await primary.listen();
  const peer = await Peer.connect(primary.port);
  expect(await peer.ask('PSYNC', primary.position.id, '1')).toBe('+CONTINUE');
  primary.stall(primary.replicas[0]!.id);
  const value = 'x'.repeat(50_000);
  for (let i = 0; i < 100; i++) primary.propagate(['SET', 'k', value]);
  const reading = primary.position.offset;
  primary.resume(primary.replicas[0]!.id);
  // It has begun to read, and is not done with it.
  await peer.bytes(100_000);
  primary.replaceSnapshot(Buffer.from('REDIS0009\xff\0\0\0\0\0\0\0\0', 'latin1'));
  for (let i = 0; i < 100; i++) primary.propagate(['SET', 'k', value]);
  expect(primary.position.offset).toBeGreaterThan(reading);
  await peer.bytes(primary.position.offset - 100_000);
  expect(primary.replicas).toMatchObject([{ behind: 0 }]);
});

it('one who was cut off by a restart is sent nothing that was read before it', async () => {
  const source = new MadeStream();
  const server = await serving(source, 64 * 1024);
  server.propagate(source.next(5e6));
  expect(await (await replicaAt(server, 0)).bytes(5e6)).toBe(text(stretch(0, 5e6)));
  source.salt = 99;
  server.restart();
  const again = await (await replicaAt(server, 0)).bytes(5e6);
  expect(again === text(stretch(0, 5e6, 99))).toBe(true);
});
