import { ScriptedPrimary } from '@forebay/conformance';
import { SimulatedClock } from '@forebay/testkit';
import { describe, it } from 'vitest';
import { counted, fullResync, marked, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RDB = rdb();

describe.concurrent('acknowledgements of a snapshot', () => {
  it('with a mark follow each other every 100 ms until the stream begins, then every second', async ({
    expect,
  }) => {
    const heard: string[] = [];
    let send = async (_: Uint8Array): Promise<void> => {};
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, marked(RDB)));
      send = (bytes) => peer.send(bytes);
      // A primary that has not yet seen the end of its child passes over the first ones.
      for (;;) heard.push((await peer.expect('REPLCONF', 'ACK'))[2]!);
    });
    const clock = new SimulatedClock();
    await using taker = new Taker({ url: primary.url, clock });
    await expect.poll(() => heard).toEqual(['50']);
    for (let count = 2; count <= 10; count++) {
      clock.advance(100);
      await expect.poll(() => heard).toHaveLength(count);
    }
    await send(stream('PING'));
    await expect.poll(() => taker.replica.offset).toBe(64);
    const before = heard.length;
    for (let beat = 1; beat <= 3; beat++) {
      clock.advance(1000);
      await expect.poll(() => heard).toHaveLength(before + beat);
    }
    expect(heard.at(-1)).toBe('64');
  });

  it('of a length told come every second alone', async ({ expect }) => {
    const heard: string[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, counted(RDB)));
      for (;;) heard.push((await peer.expect('REPLCONF', 'ACK'))[2]!);
    });
    const clock = new SimulatedClock();
    await using taker = new Taker({ url: primary.url, clock });
    await expect.poll(() => taker.replica.state).toBe('stream');
    await expect.poll(() => heard).toHaveLength(1);
    for (let beat = 1; beat <= 3; beat++) {
      clock.advance(1000);
      await expect.poll(() => heard).toHaveLength(1 + beat);
    }
  });
});
