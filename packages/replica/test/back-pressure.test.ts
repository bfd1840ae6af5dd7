import { createHash } from 'node:crypto';
import { type ScriptedPeer, ScriptedPrimary } from '@forebay/conformance';
import { encodeCommand } from '@forebay/resp';
import { concatBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { ReplicaItem } from '../src/index.ts';
import { Replica } from '../src/index.ts';
import { counted, fullResync, rdb, rdbOfString } from './payloads.ts';

const MIB = 1024 * 1024;
const RDB = rdb();
/** Far beyond what the two kernels' socket buffers take. */
const TOTAL = 48 * MIB;
const COMMAND = encodeCommand(['SET', 'key', 'x'.repeat(MIB - 37)]);

/** What a primary sends beyond the first payload, 1 MiB at a time, by number. */
function* commands(): Generator<Uint8Array> {
  for (let i = 0; i < TOTAL / MIB; i++) {
    const command = new Uint8Array(COMMAND);
    command.fill(0x61 + (i % 26), 100, -2);
    yield command;
  }
}

const SUM = [...commands()]
  .reduce((hash, command) => hash.update(command), createHash('sha256'))
  .digest('hex');
const LENGTH = COMMAND.length * (TOTAL / MIB);

/** A taker that takes nothing until `go`, and then everything. */
async function takeLate(replica: Replica, until: ReplicaItem['type'], go: () => Promise<void>) {
  const hash = createHash('sha256');
  let length = 0;
  for await (const item of replica) {
    if (item.type === until) {
      replica.progress({ written: 0 });
      await go();
    }
    if (item.type === 'stream') {
      hash.update(item.bytes);
      length += item.bytes.length;
      replica.progress({ written: item.offset });
      if (length === LENGTH) break;
    }
  }
  return hash.digest('hex');
}

describe('a taker that stops taking', () => {
  it('makes the socket pause, in little memory, while acknowledgements go on; then loses nothing', async () => {
    let sent = 0;
    let peerOf: ScriptedPeer | undefined;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      peerOf = peer;
      await peer.send(fullResync(0, counted(RDB)));
      for (const command of commands()) {
        await peer.send(command);
        sent += command.length;
      }
    });
    const bufferSize = MIB;
    // A paused link is not a silent one.
    const replica = new Replica({ url: primary.url, bufferSize, timeouts: { idle: 5000 } });
    const errors: unknown[] = [];
    replica.on('attempt-ended', (error) => errors.push(error));
    let before = 0;
    const sum = await takeLate(replica, 'snapshot-end', async () => {
      await expect.poll(() => replica.offset).toBeGreaterThan(bufferSize - 1);
      before = memory();
      // One a second.
      for (let acks = 0; acks < 7; acks++) await peerOf?.expect('REPLCONF', 'ACK', '0');
      // One read more than the limit, at most.
      expect(replica.offset).toBeLessThanOrEqual(bufferSize + 256 * 1024);
      expect(sent).toBeLessThan(TOTAL / 2);
      expect(memory() - before).toBeLessThan(8 * MIB);
    });
    expect(sum).toBe(SUM);
    expect(errors).toEqual([]);
  });

  it('is waited for over a new link, too', async () => {
    const all = concatBytes(commands());
    let asked = 0;
    await using primary = await ScriptedPrimary.listen(async (peer, n) => {
      const { psync } = await peer.handshake();
      asked = n === 1 ? 0 : Number(psync[2]) - 1;
      await peer.send(n === 1 ? fullResync(0, counted(RDB)) : '+CONTINUE\r\n');
      const sending = peer.send(all.subarray(asked)).catch(() => {});
      if (n > 1) return sending;
      for (let acks = 0; acks < 2; acks++) await peer.skipTo('REPLCONF', 'ACK', '0');
      peer.cut();
    });
    const bufferSize = MIB;
    const replica = new Replica({ url: primary.url, bufferSize, backoff: { initialDelay: 1 } });
    const sum = await takeLate(replica, 'snapshot-end', async () => {
      await primary.connected(2);
      await expect.poll(() => replica.state).toBe('stream');
      // Each link may bring one read more than the limit.
      expect(replica.offset).toBeLessThanOrEqual(bufferSize + 2 * 256 * 1024);
    });
    expect(asked).toBeGreaterThanOrEqual(bufferSize);
    expect(sum).toBe(SUM);
  });

  it('is waited for in a transfer, too', async () => {
    let newlines = 0;
    const payload = rdbOfString(TOTAL);
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      void peer.send(fullResync(0, counted(payload)));
      // One a second.
      await expect.poll(() => peer.newlines).toBeGreaterThan(6);
      newlines = peer.newlines;
    });
    const bufferSize = MIB;
    const replica = new Replica({ url: primary.url, bufferSize, timeouts: { transfer: 5000 } });
    let read = 0;
    replica.on('transfer', (progress) => {
      read = progress.read;
    });
    let taken = 0;
    for await (const item of replica) {
      if (item.type === 'full-resync') {
        await expect.poll(() => newlines).toBeGreaterThan(6);
        expect(read).toBeLessThanOrEqual(bufferSize + 256 * 1024);
      }
      if (item.type === 'snapshot') taken += item.bytes.length;
      if (item.type === 'snapshot-end') break;
    }
    expect(taken).toBe(payload.length);
  });

  it('is asked for little turns where it is busy: what came meanwhile is one item', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(0, counted(RDB)));
      await peer.skipTo('REPLCONF', 'ACK', '0');
      for (let i = 0; i < 100; i++) await peer.send(encodeCommand(['SET', 'key', String(i)]));
    });
    const replica = new Replica({ url: primary.url });
    const all = Array.from({ length: 100 }, (_, i) => encodeCommand(['SET', 'key', String(i)]));
    const length = concatBytes(all).length;
    let items = 0;
    for await (const item of replica) {
      if (item.type === 'snapshot-end') {
        replica.progress({ written: 0 });
        await expect.poll(() => replica.offset).toBe(length);
      }
      if (item.type === 'stream') {
        items++;
        expect(Buffer.from(item.bytes)).toEqual(Buffer.concat(all));
        break;
      }
    }
    expect(items).toBe(1);
  });
});

/** Bytes of memory outside of the heap, where bytes received lie. */
function memory(): number {
  return process.memoryUsage().arrayBuffers;
}
