import { ScriptedPrimary } from '@forebay/conformance';
import { StreamTracker, startHistory } from '@forebay/psync';
import { concatBytes, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { counted, fullResync, GETACK, ID, OTHER_ID, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const START = 1000;
const RDB = rdb();
const RESUME = { history: startHistory(ID), offset: START };

/** What PSYNC asked for on each link, in order; `answer` says the rest. */
async function primaryWith(
  answer: (
    peer: Parameters<Parameters<typeof ScriptedPrimary.listen>[0]>[0],
    n: number,
  ) => Promise<void>,
) {
  const asked: string[][] = [];
  const primary = await ScriptedPrimary.listen(async (peer, n) => {
    asked.push((await peer.handshake()).psync.slice(1));
    await answer(peer, n);
  });
  return { asked, primary, [Symbol.asyncDispose]: () => primary[Symbol.asyncDispose]() };
}

const next = (offset: number): string => String(offset + 1);

describe('a partial resync', () => {
  it('goes on where an earlier run stored, and acknowledges that at once', async () => {
    let acknowledged: string[] = [];
    await using script = await primaryWith(async (peer) => {
      await peer.send(`+CONTINUE ${ID}\r\n`);
      acknowledged = await peer.expect('REPLCONF', 'ACK');
      await peer.send(stream('PING'));
    });
    await using taker = new Taker({ url: script.primary.url, resume: RESUME });
    expect(taker.replica).toMatchObject({ history: RESUME.history, offset: START });
    await expect.poll(() => taker.stream).toBe(textOf(stream('PING')));
    expect(script.asked).toEqual([[ID, next(START)]]);
    expect(acknowledged).toEqual(['REPLCONF', 'ACK', String(START)]);
    expect(taker.items[0]).toEqual({ type: 'continue', history: RESUME.history, offset: START });
    expect(taker.item('stream')?.offset).toBe(START + 14);
  });

  it('counts the commands that have come, and none of those that were held', async () => {
    const tracker = new StreamTracker({ offset: START });
    tracker.push(stream('SET a 1', 'SET b 2'));
    await using script = await primaryWith(async (peer, n) => {
      if (n === 1) {
        await peer.send('+CONTINUE\r\n');
        await peer.send(stream('PING', 'SET a 1', 'SET a 2'));
        await peer.expect('REPLCONF', 'ACK');
        await peer.end();
      } else {
        await peer.send(fullResync(5000, counted(RDB), stream('PING', 'PING')));
      }
    });
    const resume = { history: RESUME.history, offset: tracker.offset, stream: tracker };
    await using taker = new Taker({ url: script.primary.url, resume });
    expect(taker.replica.commands).toBe(0);
    await expect.poll(() => taker.replica.commands).toBe(5);
  });

  it('goes on in the database and the transaction that the stream was in', async () => {
    const before = stream('SELECT 7', 'MULTI', 'SET a 1');
    const tracker = new StreamTracker({ offset: START, database: 2 });
    tracker.push(before);
    const offset = START + before.length;
    await using script = await primaryWith(async (peer) => {
      await peer.send('+CONTINUE\r\n');
      await peer.send(stream('PING'));
    });
    const resume = { history: RESUME.history, offset, stream: tracker };
    await using taker = new Taker({ url: script.primary.url, resume });
    await expect.poll(() => taker.item('stream')?.offset).toBe(offset + 14);
    const select = START + stream('SELECT 7').length;
    expect(taker.item('stream')?.boundary).toEqual({ offset: select, database: 7 });
  });

  it.each([
    ['+CONTINUE', 'keeps the history', { ...RESUME.history }],
    [`+CONTINUE ${ID}`, 'keeps the history', { ...RESUME.history }],
    ['+CONTINUE short', 'keeps the history', { ...RESUME.history }],
    [
      `+CONTINUE ${OTHER_ID}`,
      'shifts it',
      { id: OTHER_ID, secondId: ID, secondIdLimit: START + 1 },
    ],
  ])('%s %s', async (line, _, history) => {
    await using script = await primaryWith(async (peer, n) => {
      await peer.send(`${line}\r\n`);
      if (n === 1) await peer.skipTo('REPLCONF', 'ACK');
      if (n === 1) peer.end();
    });
    await using taker = new Taker({ url: script.primary.url, resume: RESUME });
    await expect.poll(() => script.asked.length).toBe(2);
    expect(taker.histories[0]).toEqual(history);
    expect(script.asked[1]).toEqual([history.id, next(START)]);
  });

  it('asks for the exact next byte, in the middle of a command too', async () => {
    const commands = stream('SELECT 5', 'SET key value', 'MULTI', 'SET a b', 'EXEC', 'PING');
    const all = textOf(commands);
    const cuts = [1, 30, 31, 70, 71, 72, all.length];
    await using script = await primaryWith(async (peer, n) => {
      const from = cuts[n - 2] ?? 0;
      const to = cuts[n - 1] ?? all.length;
      if (n === 1) await peer.send(fullResync(START, counted(RDB)));
      else await peer.send(`+CONTINUE ${ID}\r\n`);
      await peer.send(commands.subarray(from, to));
      if (n < cuts.length) peer.end();
    });
    await using taker = new Taker({ url: script.primary.url });
    await expect.poll(() => taker.stream).toBe(all);
    expect(script.asked).toEqual([
      ['?', '-1'],
      ...cuts.slice(0, -1).map((cut) => [ID, next(START + cut)]),
    ]);
    const offset = START + all.length;
    expect(taker.item('stream')).toMatchObject({ offset, boundary: { offset, database: 5 } });
    expect(taker.types.filter((type) => type === 'full-resync')).toHaveLength(1);
  });

  it('is asked for again after a link that said "later", a second later at the earliest', async () => {
    const times: number[] = [];
    await using script = await primaryWith(async (peer, n) => {
      times.push(performance.now());
      if (n === 1)
        await peer.send("-NOMASTERLINK Can't SYNC while not connected with my master\r\n");
      else await peer.send('+CONTINUE\r\n');
    });
    await using taker = new Taker({ url: script.primary.url, resume: RESUME });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(script.asked).toEqual([
      [ID, next(START)],
      [ID, next(START)],
    ]);
    expect(taker.errors[0]).toMatchObject({ code: 'TRY_LATER' });
    expect(taker.delays).toEqual([1000]);
    expect(times[1]! - times[0]!).toBeGreaterThan(990);
  });
});

describe('the offset of a full resync', () => {
  it.each([
    ['in the payload', fullResync(5000, counted(RDB).subarray(0, -1)), true],
    ['in its header', fullResync(5000, counted(RDB).subarray(0, 2)), false],
    ['before it', fullResync(5000, new Uint8Array(0)), false],
  ])('is not adopted when the link is cut %s', async (_, wire, begun) => {
    await using script = await primaryWith(async (peer, n) => {
      if (n > 1) await peer.send('+CONTINUE\r\n');
      else {
        await peer.send(wire.slice().fill(0x62, 12, 52));
        peer.end();
      }
    });
    await using taker = new Taker({ url: script.primary.url, resume: RESUME });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(script.asked).toEqual([
      [ID, next(START)],
      [ID, next(START)],
    ]);
    expect(taker.types).toEqual(
      begun ? ['full-resync', 'snapshot', 'snapshot-aborted', 'continue'] : ['continue'],
    );
    expect(taker.replica.history).toEqual(RESUME.history);
    if (begun) expect(taker.item('snapshot-aborted')?.error).toBe(taker.errors[0]);
    expect(taker.errors[0]).toMatchObject({ code: 'LINK_LOST' });
  });

  it('is adopted when the payload is whole, whatever comes after it', async () => {
    await using script = await primaryWith(async (peer, n) => {
      if (n === 1) await peer.send(fullResync(5000, counted(RDB)).fill(0x62, 12, 52));
      if (n === 1) peer.end();
    });
    await using taker = new Taker({ url: script.primary.url, resume: RESUME });
    await expect.poll(() => script.asked.length).toBe(2);
    expect(script.asked[1]).toEqual([OTHER_ID, next(5000)]);
    expect(taker.item('full-resync')?.reason).toBe('the primary does not go on after 1000');
  });
});

describe('a stream that turns into something else', () => {
  it.each([
    ['an error', '-ERR no'],
    ['text', 'hello\r\n'],
    ['a number of arguments that is none', '*x'],
    ['a length beyond all', '*1\r\n$99999999999999999999\r\n'],
  ])('%s: its history is forgotten', async (_, junk) => {
    await using script = await primaryWith(async (peer, n) => {
      if (n > 1) return peer.send(fullResync(0, counted(RDB)));
      await peer.send('+CONTINUE\r\n');
      await peer.send(GETACK);
      await peer.skipTo('REPLCONF', 'ACK', String(START + 37));
      await peer.send(`${junk}\r\n`);
    });
    await using taker = new Taker({ url: script.primary.url, resume: RESUME });
    await expect.poll(() => script.asked.length).toBe(2);
    expect(script.asked[1]).toEqual(['?', '-1']);
    expect(taker.stream).toBe(textOf(GETACK));
    expect(taker.errors[0]).toMatchObject({ code: 'DESYNCHRONIZED' });
    expect(taker.errors[0]?.message).toContain(String(START + 37));
    await expect
      .poll(() => taker.types)
      .toEqual(['continue', 'stream', 'full-resync', 'snapshot', 'snapshot-end']);
  });
});

describe('resume', () => {
  it('of bytes that were stored in pieces needs no tracker at a boundary', async () => {
    const commands = concatBytes([stream('SET a 1'), stream('SET b 2')]);
    await using script = await primaryWith(async (peer) => {
      await peer.send('+CONTINUE\r\n');
      await peer.send(commands);
    });
    await using taker = new Taker({ url: script.primary.url, resume: RESUME });
    await expect.poll(() => taker.stream).toBe(textOf(commands));
    const offset = START + commands.length;
    expect(taker.item('stream')?.boundary).toEqual({ offset, database: 0 });
  });
});
