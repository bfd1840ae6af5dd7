import { ScriptedPrimary } from '@forebay/conformance';
import { BLANK_ID } from '@forebay/psync';
import { bytesOf, concatBytes, randomFrom, runSeed, splitAtRandom, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { counted, fullResync, ID, MARK, marked, OTHER_ID, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RDB = rdb({ 'redis-ver': '7.0.0', 'repl-stream-db': '3' });
const COMMANDS = stream('SELECT 3', 'SET key value', 'PING');

describe('a full resync', () => {
  it.each([
    ['of a length told', counted(RDB), RDB.length],
    ['with a mark', marked(RDB), undefined],
  ])('%s: line, payload and first commands in one segment', async (_, payload, length) => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      const { psync, replconf } = await peer.handshake();
      expect(psync).toEqual(['PSYNC', '?', '-1']);
      expect(replconf.get('capa')).toEqual(['eof', 'psync2']);
      await peer.send(fullResync(1000, payload, COMMANDS));
    });
    await using taker = new Taker({ url: primary.url });
    await expect.poll(() => taker.stream).toBe(textOf(COMMANDS));
    expect(taker.types).toEqual(['full-resync', 'snapshot', 'snapshot-end', 'stream']);
    expect(taker.snapshot).toEqual(RDB);
    expect(taker.item('full-resync')).toEqual({
      type: 'full-resync',
      length,
      position: { id: ID, offset: 1000 },
      cause: 'nothing-held',
      reason: 'nothing to go on from',
    });
    const history = { id: ID, secondId: BLANK_ID, secondIdLimit: -1 };
    expect(taker.item('snapshot-end')).toMatchObject({ history, offset: 1000, database: 3 });
    expect(taker.item('snapshot-end')?.aux.get('redis-ver')).toBe('7.0.0');
    const offset = 1000 + COMMANDS.length;
    expect(taker.item('stream')).toMatchObject({ offset, boundary: { offset, database: 3 } });
    expect(taker.states).toEqual(['connect', 'handshake', 'transfer', 'stream']);
    expect(taker.replica).toMatchObject({ state: 'stream', history, offset });
  });

  it('comes to the same however it is cut', async () => {
    const random = randomFrom(runSeed());
    const wire = fullResync(7, concatBytes([bytesOf('\n\n'), marked(RDB)]), COMMANDS);
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      for (const piece of splitAtRandom(wire, random, 40)) await peer.send(piece);
    });
    for (let i = 0; i < 20; i++) {
      await using taker = new Taker({ url: primary.url });
      await expect
        .poll(() => taker.stream, { message: `seed ${random.seed}` })
        .toBe(textOf(COMMANDS));
      expect(taker.snapshot, `seed ${random.seed}`).toEqual(RDB);
      expect(taker.item('snapshot-end')).toMatchObject({ offset: 7, database: 3 });
    }
  });

  it('is told of while it is awaited and while it comes', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      // A primary that reads the snapshot from its disk says so before it has made it.
      await peer.send(`\n+FULLRESYNC ${ID} 0\r\n\n\n`);
      await peer.send(counted(RDB));
    });
    await using taker = new Taker({ url: primary.url });
    let awaited = 0;
    const transfers: unknown[] = [];
    taker.replica.on('snapshot-awaited', () => awaited++);
    taker.replica.on('transfer', (progress) => transfers.push(progress));
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(awaited).toBe(3);
    expect(transfers[0]).toMatchObject({ total: RDB.length });
    expect(transfers.at(-1)).toEqual({ total: RDB.length, read: RDB.length });
  });

  it.each([
    ['an id too short', `+FULLRESYNC ${ID.slice(1)} 5`],
    ['no offset', `+FULLRESYNC ${ID}`],
    ['an offset that is none', `+FULLRESYNC ${ID} -5`],
    ['an offset beyond 2^53', `+FULLRESYNC ${ID} 9007199254740993`],
    ['nothing', '+FULLRESYNC'],
  ])('with %s goes on, and its history cannot be continued by that name', async (_, line) => {
    const asked: string[][] = [];
    await using primary = await ScriptedPrimary.listen(async (peer, n) => {
      asked.push((await peer.handshake()).psync);
      await peer.send(concatBytes([bytesOf(`${line}\r\n`), counted(RDB)]));
      await peer.send(COMMANDS);
      if (n === 1) await peer.skipTo('REPLCONF', 'ACK');
      if (n === 1) peer.cut();
    });
    await using taker = new Taker({ url: primary.url });
    await expect.poll(() => asked.length).toBe(2);
    expect(taker.snapshot).toEqual(RDB);
    expect(taker.item('full-resync')?.position).toBeUndefined();
    expect(taker.histories[0]?.id).not.toBe(ID);
    expect(asked[1]?.[1]).not.toBe(ID);
    expect(asked[1]?.[1]).not.toBe(BLANK_ID);
  });
});

describe('where PSYNC is not spoken', () => {
  /** Answers PSYNC with an error and SYNC with `payload`. */
  function oldPrimary(payload: Uint8Array) {
    return ScriptedPrimary.listen(async (peer) => {
      const { psync } = await peer.handshake();
      expect(psync[0]).toBe('PSYNC');
      await peer.send("-ERR unknown command 'PSYNC'\r\n");
      expect(await peer.command()).toEqual(['SYNC']);
      await peer.send(payload);
      await peer.closed;
    });
  }

  it('SYNC takes its place, id and offset are those of the RDB', async () => {
    const aux = { 'repl-stream-db': '9', 'repl-id': OTHER_ID, 'repl-offset': '123' };
    await using primary = await oldPrimary(concatBytes([counted(rdb(aux)), stream('PING')]));
    await using taker = new Taker({ url: primary.url });
    await expect.poll(() => taker.stream).toBe(textOf(stream('PING')));
    expect(taker.item('full-resync')?.reason).toContain('unknown command');
    expect(taker.item('full-resync')?.position).toBeUndefined();
    expect(taker.item('snapshot-end')).toMatchObject({
      history: { id: OTHER_ID },
      offset: 123,
      database: 9,
    });
    expect(taker.replica.offset).toBe(123 + 14);
  });

  it('and the RDB names none, the history is one of our own', async () => {
    await using primary = await oldPrimary(counted(rdb()));
    await using taker = new Taker({ url: primary.url });
    await expect.poll(() => taker.replica.state).toBe('stream');
    const end = taker.item('snapshot-end');
    expect(end).toMatchObject({ offset: 0, database: 0 });
    expect(end?.history.id).toMatch(/^[0-9a-f]{40}$/);
    expect(end?.history.id).not.toBe(BLANK_ID);
  });

  it('a payload with a mark is taken too', async () => {
    await using primary = await oldPrimary(marked(rdb()));
    await using taker = new Taker({ url: primary.url });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(textOf(taker.snapshot)).not.toContain(MARK);
  });
});
