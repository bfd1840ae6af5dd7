import type { ScriptedPeer } from '@forebay/conformance';
import { ScriptedPrimary } from '@forebay/conformance';
import { startHistory } from '@forebay/psync';
import { bytesOf, concatBytes, SimulatedClock } from '@forebay/testkit';
import { describe, type ExpectStatic, it } from 'vitest';
import type { ReplicaProgress } from '../src/index.ts';
import { Replica } from '../src/index.ts';
import { counted, fullResync, GETACK, ID, marked, OTHER_ID, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RDB = rdb();
const RESUME = { history: startHistory(ID), offset: 1000 };

/** The next acknowledgement: offsets as numbers, `[ack]` or `[ack, fack]`. */
async function acknowledgement(peer: ScriptedPeer): Promise<number[]> {
  const [, , ack, fack, synced] = await peer.expect('REPLCONF', 'ACK');
  return fack === undefined ? [Number(ack)] : [Number(ack), Number(synced)];
}

describe.concurrent('an acknowledgement', () => {
  it('comes every second, of what was told last', async ({ expect }) => {
    const heard: number[][] = [];
    let send = async (_: Uint8Array): Promise<void> => {};
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, counted(RDB), stream('PING')));
      send = (bytes) => peer.send(bytes);
      for (;;) heard.push(await acknowledgement(peer));
    });
    const clock = new SimulatedClock();
    await using taker = new Taker({ url: primary.url, clock });
    await expect.poll(() => taker.replica.offset).toBe(64);
    await expect.poll(() => heard.length).toBe(1);
    for (let second = 1; second <= 6; second++) {
      clock.advance(1000);
      await expect.poll(() => heard.length).toBe(1 + second);
      expect(heard.at(-1)).toEqual([64, 64]);
    }
    // Everything sent before is received before the answer to this.
    await send(GETACK);
    const end = 64 + GETACK.length;
    await expect.poll(() => heard.at(-1)).toEqual([end, end]);
    expect(heard).toHaveLength(8);
  });

  it('comes at once for each GETACK, which counts itself', async ({ expect }) => {
    let answered = 0;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send('+CONTINUE\r\n');
      let offset = 1000;
      await peer.skipTo('REPLCONF', 'ACK');
      for (; answered < 20; answered++) {
        const commands = concatBytes([stream('SET a 1'), GETACK]);
        offset += commands.length;
        await peer.send(commands);
        await peer.expect('REPLCONF', 'ACK', String(offset), 'FACK', String(offset));
      }
    });
    // Nothing comes by the clock's beat, which stands still.
    const clock = new SimulatedClock();
    await using _ = new Taker({ url: primary.url, resume: RESUME, clock });
    await expect.poll(() => answered).toBe(20);
  });

  it('answers a GETACK when what came up to it is written, at once and no sooner', async ({
    expect,
  }) => {
    const heard: number[] = [];
    const commands = concatBytes([stream('SET a 1'), GETACK]);
    let send = async (): Promise<void> => {};
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send('+CONTINUE\r\n');
      send = () => peer.send(commands);
      for (;;) heard.push((await acknowledgement(peer))[0]!);
    });
    // Nothing comes by the clock's beat, which stands still.
    const options = { url: primary.url, resume: RESUME, clock: new SimulatedClock() };
    await using taker = new Taker(options, { stores: false });
    await expect.poll(() => heard).toEqual([1000]);
    for (let offset = 1000; offset < 1000 + 20 * commands.length; offset += commands.length) {
      await send();
      const end = offset + commands.length;
      await expect.poll(() => taker.replica.offset).toBe(end);
      expect(heard.at(-1)).toBe(offset);
      taker.replica.progress({ written: end - 1 });
      taker.replica.progress({ written: end });
      await expect.poll(() => heard.at(-1)).toBe(end);
    }
    expect(heard).toHaveLength(21);
  });

  it('are sent once for each sync after a GETACK, until a sync reaches it', async ({ expect }) => {
    const heard: number[][] = [];
    const commands = concatBytes([stream('SET a 1'), GETACK]);
    let send = async (): Promise<void> => {};
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send('+CONTINUE\r\n');
      send = () => peer.send(commands);
      for (;;) heard.push(await acknowledgement(peer));
    });
    // Nothing comes by the clock's beat, which stands still.
    const clock = new SimulatedClock();
    const options = { url: primary.url, resume: RESUME, clock };
    await using taker = new Taker(options, { stores: false });
    const { replica } = taker;
    await expect.poll(() => heard).toEqual([[1000]]);
    await send();
    const end = 1000 + commands.length;
    await expect.poll(() => replica.offset).toBe(end);
    replica.progress({ written: end, synced: 1000 });
    replica.progress({ written: end, synced: 1000 });
    replica.progress({ written: end, synced: 1010 });
    replica.progress({ written: end, synced: end });
    const told = [[1000], [end, 1000], [end, 1010], [end, end]];
    await expect.poll(() => heard).toEqual(told);
    // Nobody asks: neither writes nor syncs are told before the beat.
    await send();
    await expect.poll(() => replica.offset).toBe(end + commands.length);
    replica.progress({ written: end + 1, synced: end });
    replica.progress({ written: end + 1, synced: end + 1 });
    replica.progress({ written: end + commands.length, synced: end + commands.length });
    await expect.poll(() => heard).toHaveLength(5);
    expect(heard.at(-1)).toEqual([end + commands.length, end + commands.length]);
  });

  it('comes right after a payload with a mark, before which there is no stream', async ({
    expect,
  }) => {
    const first: number[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, marked(RDB)));
      first.push(await acknowledgement(peer));
      await peer.send(stream('PING'));
    });
    // It does not wait for the timer: the clock stands still.
    await using taker = new Taker({ url: primary.url, clock: new SimulatedClock() });
    await expect.poll(() => taker.replica.offset).toBe(64);
    expect(first).toEqual([[50, 50]]);
  });

  it('is withheld until the snapshot is stored; newlines stand in', async ({ expect }) => {
    let atFirst = -1;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, marked(RDB)));
      await expect.poll(() => peer.newlines).toBeGreaterThan(1);
      atFirst = peer.newlines;
      expect(peer.tryCommand()).toBeUndefined();
      taker.replica.progress({ written: 50 });
      expect(await acknowledgement(peer)).toEqual([50]);
      await peer.send(stream('PING'));
    });
    await using taker = new Taker({ url: primary.url }, { stores: false });
    await expect.poll(() => taker.replica.offset).toBe(64);
    expect(atFirst).toBeGreaterThan(1);
  });

  it('may take longer than the time-out: the primary waits for us, not we for it', async ({
    expect,
  }) => {
    const clock = new SimulatedClock();
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, marked(RDB)));
      await expect.poll(() => taker.replica.offset).toBe(50);
      for (let second = 1; second <= 10; second++) {
        clock.advance(1000);
        await expect.poll(() => peer.newlines).toBeGreaterThanOrEqual(second);
      }
      taker.replica.progress({ written: 50 });
      expect(await acknowledgement(peer)).toEqual([50]);
      await peer.send(stream('PING'));
    });
    const options = { url: primary.url, timeouts: { idle: 5000 }, clock };
    await using taker = new Taker(options, { stores: false });
    await expect.poll(() => taker.replica.offset).toBe(64);
    expect(primary.connections).toBe(1);
  });

  it('has the synced offset where one was told, and never more than the written one', async ({
    expect,
  }) => {
    const heard: number[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, counted(RDB), stream('PING'), GETACK));
      for (;;) heard.push(await acknowledgement(peer));
    });
    await using taker = new Taker({ url: primary.url }, { stores: false });
    await expect.poll(() => taker.item('stream')?.offset).toBe(101);
    for (const [progress, expected] of [
      [{ written: 64 }, [64]],
      [{ written: 64, synced: 50 }, [64, 50]],
      [{ written: 101, synced: 64 }, [101, 64]],
      [{ written: 101, synced: 102 }, [101, 101]],
    ] as const) {
      taker.replica.progress(progress);
      await expect.poll(() => heard.at(-1)).toEqual(expected);
    }
  });
});

describe.concurrent('progress that is passed over', () => {
  /** A replica whose snapshot at 2000 of ID replaces the resume at 1000 of OTHER_ID, taken. */
  async function withNewHistory(
    expect: ExpectStatic,
    then: (taker: Taker, heard: number[][], newlines: () => number) => Promise<void>,
  ) {
    const heard: number[][] = [];
    let peerOf: ScriptedPeer | undefined;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      peerOf = peer;
      await peer.send(fullResync(2000, counted(RDB), stream('PING')));
      for (;;) heard.push(await acknowledgement(peer));
    });
    const resume = { history: startHistory(OTHER_ID), offset: 1000 };
    await using taker = new Taker({ url: primary.url, resume }, { stores: false });
    await expect.poll(() => taker.item('stream')?.offset).toBe(2014);
    await then(taker, heard, () => peerOf?.newlines ?? 0);
  }

  it.for<[string, ReplicaProgress]>([
    ['from before the snapshot', { written: 1999 }],
    ['of more than was received', { written: 2015 }],
  ])('%s: newlines are sent in its place', async ([_, progress], { expect }) => {
    await withNewHistory(expect, async (taker, heard, newlines) => {
      taker.replica.progress(progress);
      await expect.poll(newlines).toBeGreaterThan(1);
      expect(heard).toEqual([]);
      taker.replica.progress({ written: 2014 });
      await expect.poll(() => heard[0]).toEqual([2014]);
    });
  });

  it('of an earlier snapshot is none of the next, though id and offset would do', async ({
    expect,
  }) => {
    const heard: number[][] = [];
    let newlines = () => 0;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      newlines = () => peer.newlines;
      // The same id at an offset further back: the name led to another replica of one primary.
      const behind = stream(...Array.from({ length: 200 }, () => 'PING'));
      await peer.send(fullResync(3000, counted(RDB), behind));
      for (;;) heard.push(await acknowledgement(peer));
    });
    const resume = { history: startHistory(ID), offset: 5000 };
    const replica = new Replica({ url: primary.url, resume });
    const following = (async () => {
      for await (const item of replica) {
        if (item.type !== 'snapshot-end') continue;
        // All of the stream has come, while the snapshot is still being stored.
        await expect.poll(() => replica.offset).toBe(5800);
        await expect.poll(newlines).toBeGreaterThan(1);
        expect(heard).toEqual([]);
        replica.progress({ written: item.offset });
      }
    })();
    await expect.poll(() => heard[0]).toEqual([3000]);
    await replica.detach();
    await following;
  });

  it('is of what was taken, where more was received', async ({ expect }) => {
    const heard: number[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer, n) => {
      await peer.handshake();
      if (n === 1) {
        await peer.send('+CONTINUE\r\n');
        await peer.send(stream('PING'));
        return peer.end();
      }
      await peer.send(fullResync(500, counted(RDB), stream('SET a 1', 'SET b 2')));
      for (;;) heard.push(await acknowledgement(peer));
    });
    const resume = { history: startHistory(OTHER_ID), offset: 500 };
    const replica = new Replica({ url: primary.url, resume });
    const following = (async () => {
      for await (const item of replica) {
        if (item.type === 'stream' && item.offset === 514) {
          // The new history is received while the old stream is still being stored.
          await expect.poll(() => replica.history?.id).toBe(ID);
          replica.progress({ written: 514 });
        }
        if (item.type === 'snapshot-end') replica.progress({ written: item.offset });
      }
    })();
    // Said of the new history, 514 would have been acknowledged first.
    await expect.poll(() => heard[0]).toEqual([500]);
    await replica.detach();
    await following;
  });

  it('of the time before a shift of ids still counts', async ({ expect }) => {
    const heard: number[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(`+CONTINUE ${OTHER_ID}\r\n`);
      await peer.send(stream('PING'));
      for (;;) heard.push(await acknowledgement(peer));
    });
    await using taker = new Taker({ url: primary.url, resume: RESUME }, { stores: false });
    await expect.poll(() => taker.replica.offset).toBe(1014);
    taker.replica.progress({ written: 1000, synced: 1000 });
    await expect.poll(() => heard.at(-1)).toEqual([1000, 1000]);
  });

  it.for([Number.NaN, 0.5, 2 ** 53])('%d is no offset', (offset, { expect }) => {
    const replica = new Replica({ url: 'redis://127.0.0.1' });
    const refused = expect.objectContaining({ code: 'INVALID_OPTION' });
    expect(() => replica.progress({ written: offset })).toThrow(refused);
    expect(() => replica.progress({ written: 0, synced: offset })).toThrow(refused);
  });
});

describe.concurrent('newlines', () => {
  it('are sent while a payload is on its way', async ({ expect }) => {
    let seen = 0;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, counted(RDB).subarray(0, 20)));
      await expect.poll(() => peer.newlines).toBeGreaterThan(1);
      expect(peer.tryCommand()).toBeUndefined();
      seen = peer.newlines;
    });
    await using _ = new Taker({ url: primary.url });
    await expect.poll(() => seen).toBeGreaterThan(1);
  });

  it('take the place of acknowledgements where REPLCONF is not granted', async ({ expect }) => {
    const denied = "-NOPERM this user has no permissions to run the 'replconf' command";
    const seen: number[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      const options = { 'listening-port': denied, capa: denied, version: denied };
      await peer.handshake({ replconf: options });
      await peer.send(fullResync(50, counted(RDB), stream('PING'), GETACK));
      await expect.poll(() => peer.newlines).toBeGreaterThan(2);
      expect(peer.tryCommand()).toBeUndefined();
      seen.push(peer.newlines);
    });
    await using taker = new Taker({ url: primary.url });
    const refused: string[][] = [];
    taker.replica.on('option-refused', (option, reply) => refused.push([option, reply]));
    await expect.poll(() => seen.length).toBe(1);
    expect(refused).toEqual([
      ['listening-port', denied],
      ['capa', denied],
      ['version', denied],
    ]);
  });

  it('do not: an option that is not known is passed over', async ({ expect }) => {
    const heard: number[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      const version = '-ERR Unrecognized REPLCONF option: version';
      await peer.handshake({ replconf: { version } });
      await peer.send(fullResync(50, counted(RDB)));
      heard.push(await acknowledgement(peer));
    });
    await using _ = new Taker({ url: primary.url });
    await expect.poll(() => heard).toEqual([[50, 50]]);
  });

  it.for<[string, Uint8Array, number[] | undefined]>([
    ['a payload that names no offset', counted(rdb()), undefined],
    ['one that does', counted(rdb({ 'repl-id': ID, 'repl-offset': '77' })), [77, 77]],
    ['one with a mark', marked(rdb()), [0, 0]],
  ])('after SYNC and %s', async ([_, payload, expected], { expect }) => {
    const seen: unknown[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(bytesOf('-ERR unknown\r\n'));
      await peer.expect('SYNC');
      await peer.send(payload);
      if (expected === undefined) {
        await expect.poll(() => peer.newlines).toBeGreaterThan(1);
        seen.push(peer.tryCommand());
      } else seen.push(await acknowledgement(peer));
    });
    await using _taker = new Taker({ url: primary.url });
    await expect.poll(() => seen).toEqual([expected]);
  });
});
