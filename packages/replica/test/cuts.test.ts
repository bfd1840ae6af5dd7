import { ScriptedPrimary } from '@forebay/conformance';
import { bytesOf, concatBytes, textOf } from '@forebay/testkit';
import { expect, it } from 'vitest';
import { counted, ID, marked, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RDB = rdb({ 'repl-stream-db': '3' });
const STREAM = stream('SELECT 3', 'MULTI', 'SET a 1', 'EXEC', 'PING', 'SET b 2');
const GREETING = bytesOf('+PONG\r\n+OK\r\n+OK\r\n+OK\r\n');

/** All that a primary says in a full resync, from its first byte. */
const FULL = {
  'with a length': concatBytes([
    GREETING,
    bytesOf(`+FULLRESYNC ${ID} 7\r\n`),
    counted(RDB),
    STREAM,
  ]),
  'with a mark': concatBytes([GREETING, bytesOf(`+FULLRESYNC ${ID} 7\r\n`), marked(RDB), STREAM]),
};

it.each(Object.entries(FULL))(
  'a full resync %s, cut at every byte, is taken in the end',
  async (_, full) => {
    const asked: string[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
      // The replies may be there before their questions: a link carries bytes, not turns.
      const whole = connection >= full.length - STREAM.length;
      await peer.send(whole ? full : full.subarray(0, connection));
      if (whole) asked.push((await peer.skipTo('PSYNC')).join(' '));
      else peer.end();
    });
    const backoff = { initialDelay: 1, maxDelay: 1 };
    await using taker = new Taker({ url: primary.url, backoff });
    await expect.poll(() => taker.stream.length).toBe(STREAM.length);
    expect(primary.connections).toBe(full.length - STREAM.length);
    expect(asked).toEqual(['PSYNC ? -1']);
    expect(taker.snapshot).toEqual(RDB);
    expect(taker.stream).toBe(textOf(STREAM));
    expect(taker.types.filter((type) => type === 'snapshot-end')).toHaveLength(1);
    expect(taker.item('stream')?.boundary).toEqual({ offset: 7 + STREAM.length, database: 3 });
  },
);

it('a stream cut at every byte goes on at each, and nothing comes twice', async () => {
  const asked: number[] = [];
  await using primary = await ScriptedPrimary.listen(async (peer) => {
    const { psync } = await peer.handshake();
    if (psync[1] === '?') {
      await peer.send(concatBytes([bytesOf(`+FULLRESYNC ${ID} 7\r\n`), counted(RDB)]));
      return peer.end();
    }
    const offset = Number(psync[2]);
    asked.push(offset);
    await peer.send(
      concatBytes([bytesOf('+CONTINUE\r\n'), STREAM.subarray(offset - 8, offset - 7)]),
    );
    peer.end();
  });
  const backoff = { initialDelay: 1, maxDelay: 1 };
  await using taker = new Taker({ url: primary.url, backoff });
  await expect.poll(() => taker.stream.length).toBe(STREAM.length);
  expect(taker.stream).toBe(textOf(STREAM));
  expect(asked.slice(0, STREAM.length)).toEqual(Array.from(STREAM, (_, i) => 8 + i));
  expect(taker.item('stream')?.boundary).toEqual({ offset: 7 + STREAM.length, database: 3 });
});
