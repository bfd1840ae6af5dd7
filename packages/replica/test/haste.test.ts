import { ScriptedPrimary } from '@forebay/conformance';
import { describe, it } from 'vitest';
import { counted, fullResync, marked, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RDB = rdb();

describe.concurrent('acknowledgements of a snapshot', () => {
  it('with a mark follow each other until the stream begins', async ({ expect }) => {
    const took: number[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, marked(RDB)));
      const since = performance.now();
      // A primary that has not yet seen the end of its child passes over the first ones.
      for (let i = 0; i < 15; i++) await peer.expect('REPLCONF', 'ACK', '50');
      took.push(performance.now() - since);
      await peer.send(stream('PING'));
      await peer.skipTo('REPLCONF', 'ACK', '64');
      const settled = performance.now();
      await peer.skipTo('REPLCONF', 'ACK', '64');
      await peer.skipTo('REPLCONF', 'ACK', '64');
      took.push(performance.now() - settled);
    });
    await using _ = new Taker({ url: primary.url });
    await expect.poll(() => took.length).toBe(2);
    // By the clock alone: 14 seconds, and then two.
    expect(took[0]).toBeLessThan(7000);
    // Timers of a busy machine are late, and the next is then early.
    expect(took[1]).toBeGreaterThan(900);
  });

  it('of a length told come by the clock alone', async ({ expect }) => {
    const took: number[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(50, counted(RDB)));
      await peer.expect('REPLCONF', 'ACK');
      const since = performance.now();
      await peer.expect('REPLCONF', 'ACK');
      await peer.expect('REPLCONF', 'ACK');
      took.push(performance.now() - since);
    });
    await using _ = new Taker({ url: primary.url });
    await expect.poll(() => took.length).toBe(1);
    expect(took[0]).toBeGreaterThan(900);
  });
});
