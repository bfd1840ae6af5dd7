import type { ScriptedPeer } from '@forebay/conformance';
import { ScriptedPrimary } from '@forebay/conformance';
import { StreamTracker, startHistory } from '@forebay/psync';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { DecideUpstream, ReplicaOptions, UpstreamDecision } from '../src/index.ts';
import { Replica } from '../src/index.ts';
import { counted, fullResync, ID, OTHER_ID, rdb, stream } from './payloads.ts';
import { answerInfo, infoOf } from './reports.ts';
import { Taker } from './taker.ts';

const RESUME = { history: startHistory(ID), offset: 1000 };
const RDB = rdb();
const ASK: UpstreamDecision = { type: 'ask' };

/** What PSYNC asked for on each link; `answer` says the rest. */
async function primaryWith(
  answer: (peer: ScriptedPeer, n: number) => Promise<void>,
  info: string = infoOf(),
) {
  const asked: string[][] = [];
  const primary = await ScriptedPrimary.listen(async (peer, n) => {
    await answerInfo(peer, info);
    asked.push((await peer.expect('PSYNC')).slice(1));
    await answer(peer, n);
  });
  return { asked, primary, [Symbol.asyncDispose]: () => primary[Symbol.asyncDispose]() };
}

function decided(decision: UpstreamDecision): Pick<ReplicaOptions, 'onUpstream'> {
  return { onUpstream: async () => decision };
}

describe('what is asked for', () => {
  it('is the next byte, where that was decided; the server has said what it is', async () => {
    const calls: Parameters<DecideUpstream>[] = [];
    await using script = await primaryWith((peer) => peer.send('+CONTINUE\r\n'));
    const { url, port } = script.primary;
    await using taker = new Taker({
      url,
      resume: RESUME,
      onUpstream: async (...call) => {
        calls.push(call);
        return ASK;
      },
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(script.asked).toEqual([[ID, '1001']]);
    const endpoint = { kind: 'tcp', host: '127.0.0.1', port };
    expect(calls).toMatchObject([
      [
        { role: 'primary', id: ID, offset: 5000 },
        { endpoint, reply: undefined },
      ],
    ]);
  });

  it('is what is held after a step back, which is all that is acknowledged', async () => {
    const acknowledged: string[][] = [];
    await using script = await primaryWith(async (peer) => {
      await peer.send(`+CONTINUE ${OTHER_ID}\r\n`);
      acknowledged.push(await peer.expect('REPLCONF', 'ACK'));
      await peer.send(stream('PING'));
    });
    const tracker = new StreamTracker({ offset: 900, database: 3 });
    const resume = { history: startHistory(ID), offset: 900, stream: tracker };
    await using taker = new Taker({
      url: script.primary.url,
      resume: RESUME,
      ...decided({ type: 'resume', resume }),
    });
    taker.replica.progress({ written: 1000, synced: 950 });
    await expect.poll(() => taker.replica.offset).toBe(914);
    expect(script.asked).toEqual([[ID, '901']]);
    expect(acknowledged).toEqual([['REPLCONF', 'ACK', '900', 'FACK', '900']]);
    const history = { id: OTHER_ID, secondId: ID, secondIdLimit: 901 };
    expect(taker.items[0]).toEqual({ type: 'continue', history, offset: 900 });
    await expect.poll(() => taker.item('stream')?.boundary.database).toBe(3);
  });

  it('is everything, where that was decided; what is held stays until it is there', async () => {
    await using script = await primaryWith(async (peer, n) => {
      await peer.send(fullResync(50, counted(RDB).subarray(0, n === 1 ? -1 : undefined)));
      if (n === 1) peer.end();
    });
    const held: (number | undefined)[] = [];
    await using taker = new Taker({
      url: script.primary.url,
      resume: RESUME,
      onUpstream: async () => {
        held.push(taker.replica.offset);
        return { type: 'full', reason: 'we have parted' };
      },
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(script.asked).toEqual([
      ['?', '-1'],
      ['?', '-1'],
    ]);
    expect(held).toEqual([1000, 1000]);
    expect(taker.item('full-resync')).toMatchObject({
      cause: 'decided',
      reason: 'we have parted',
    });
    expect(taker.replica.offset).toBe(50);
  });

  it('is the next byte, even at a server that reports no held id', async () => {
    // A forebay knows more ids than INFO has fields for.
    await using script = await primaryWith((peer) => peer.send(`+CONTINUE ${OTHER_ID}\r\n`));
    await using taker = new Taker({
      url: script.primary.url,
      resume: RESUME,
      ...decided({ type: 'full', cause: 'history', reason: 'its ids are others' }),
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(script.asked).toEqual([[ID, '1001']]);
    const history = { id: OTHER_ID, secondId: ID, secondIdLimit: 1001 };
    expect(taker.items[0]).toEqual({ type: 'continue', history, offset: 1000 });
  });

  it('is answered by a full resync if the server knows no held id', async () => {
    await using script = await primaryWith((peer) => peer.send(fullResync(50, counted(RDB))));
    await using taker = new Taker({
      url: script.primary.url,
      resume: RESUME,
      ...decided({ type: 'full', cause: 'history', reason: 'its ids are others' }),
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    const told = { cause: 'history', reason: 'its ids are others' };
    expect(taker.item('full-resync')).toMatchObject(told);
  });

  it('is nothing, where that is for later: the attempt has ended', async () => {
    let decisions = 0;
    const primary = await ScriptedPrimary.listen(async (peer, n) => {
      await answerInfo(peer, infoOf({ role: 'slave', offset: 900 }));
      if (n === 1) return void (await peer.closed);
      expect(await peer.expect('PSYNC')).toEqual(['PSYNC', ID, '1001']);
      await peer.send('+CONTINUE\r\n');
    });
    await using taker = new Taker({
      url: primary.url,
      resume: RESUME,
      onUpstream: async () => (++decisions === 1 ? { type: 'later', reason: 'it is behind' } : ASK),
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(taker.errors[0]).toMatchObject({ code: 'TRY_LATER' });
    expect(taker.errors[0]?.message).toContain('it is behind');
    expect(taker.delays).toEqual([1000]);
    await primary[Symbol.asyncDispose]();
  });

  it('is decided without a report where INFO is not granted', async () => {
    const refusal = "-NOPERM this user has no permissions to run the 'info' command";
    const calls: unknown[] = [];
    await using script = await primaryWith((peer) => peer.send('+CONTINUE\r\n'), `${refusal}\r\n`);
    await using taker = new Taker({
      url: script.primary.url,
      resume: RESUME,
      onUpstream: async (report, { reply }) => {
        calls.push([report, reply]);
        return ASK;
      },
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(calls).toEqual([[undefined, refusal]]);
  });

  it('is decided when nothing is held too, and a loop ends the attempt before PSYNC', async () => {
    let decisions = 0;
    const asked: unknown[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await answerInfo(peer, infoOf());
      asked.push(await peer.expect('PSYNC'));
      await peer.send(fullResync(50, counted(RDB)));
    });
    await using taker = new Taker({
      url: primary.url,
      onUpstream: async () => {
        return ++decisions > 1 ? ASK : { type: 'loop', reason: 'it follows us' };
      },
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(decisions).toBe(2);
    expect(asked).toEqual([['PSYNC', '?', '-1']]);
    const message = `cannot follow 127.0.0.1:${primary.port}: it follows us`;
    expect(taker.errors).toMatchObject([{ code: 'LOOP', message }]);
  });
});

describe('the decision', () => {
  it('comes when all items have been taken and done with', async () => {
    let stored = 0;
    const storedAtDecision: number[] = [];
    await using script = await primaryWith(async (peer, n) => {
      await peer.send('+CONTINUE\r\n');
      if (n > 1) return;
      await peer.send(stream('SET a 1'));
      peer.end();
    });
    const replica = new Replica({
      url: script.primary.url,
      resume: RESUME,
      onUpstream: async () => {
        storedAtDecision.push(stored);
        return ASK;
      },
    });
    for await (const item of replica) {
      if (item.type === 'stream') {
        // The second link waits for us.
        await script.primary.connected(2);
        await expect.poll(() => replica.state).toBe('handshake');
        expect(storedAtDecision).toHaveLength(1);
        stored = item.offset;
      }
      if (item.type === 'continue' && stored > 0) break;
    }
    expect(storedAtDecision).toEqual([0, stored]);
    expect(stored).toBe(1000 + stream('SET a 1').length);
  });

  it('may take longer than any time-out of the link', async () => {
    const clock = new SimulatedClock();
    await using script = await primaryWith((peer) => peer.send('+CONTINUE\r\n'));
    await using taker = new Taker({
      url: script.primary.url,
      resume: RESUME,
      clock,
      timeouts: { handshake: 4000 },
      onUpstream: async () => {
        await clock.pass(60_000);
        return ASK;
      },
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(taker.errors).toEqual([]);
  });

  it.each<[string, UpstreamDecision, string]>([
    ['to ask is dropped', ASK, '1001'],
    ['to step back still holds', { type: 'resume', resume: { ...RESUME, offset: 900 } }, '901'],
  ])('%s when the link has ended meanwhile', async (_, decision, next) => {
    const asked: string[] = [];
    let decisions = 0;
    let decide = (_: UpstreamDecision) => {};
    const deciding = new Promise<UpstreamDecision>((resolve) => {
      decide = resolve;
    });
    await using primary = await ScriptedPrimary.listen(async (peer, n) => {
      await answerInfo(peer, infoOf());
      if (n === 1) {
        await expect.poll(() => decisions).toBe(1);
        peer.cut();
        await peer.closed;
        // No further link is made while what is stored may change.
        expect(primary.connections).toBe(1);
        decide(decision);
        return;
      }
      asked.push((await peer.expect('PSYNC'))[2]!);
      await peer.send('+CONTINUE\r\n');
    });
    await using taker = new Taker({
      url: primary.url,
      resume: RESUME,
      onUpstream: () => (++decisions === 1 ? deciding : Promise.resolve(ASK)),
    });
    await expect.poll(() => taker.replica.state).toBe('stream');
    expect(asked).toEqual([next]);
    expect(decisions).toBe(2);
  });

  it.each<[string, DecideUpstream, object]>([
    ['that fails', async () => Promise.reject(new Error('disk full')), { message: 'disk full' }],
    [
      'that throws at once',
      () => {
        throw new Error('disk full');
      },
      { message: 'disk full' },
    ],
    [
      'for a place that is none',
      async () => ({ type: 'resume', resume: { ...RESUME, offset: -1 } }),
      { code: 'INVALID_OPTION' },
    ],
  ])('%s is thrown by the iteration', async (_, onUpstream, error) => {
    await using primary = await ScriptedPrimary.listen((peer) => answerInfo(peer, infoOf()));
    await using taker = new Taker({ url: primary.url, resume: RESUME, onUpstream });
    expect(await taker.ended).toMatchObject(error);
    expect(taker.replica.state).toBe('detached');
  });

  it('is not waited for by detach, nor are the items before it', async () => {
    await using primary = await ScriptedPrimary.listen((peer) => answerInfo(peer, infoOf()));
    let asked = 0;
    await using taker = new Taker({
      url: primary.url,
      resume: RESUME,
      onUpstream: () => {
        asked++;
        return new Promise(() => {});
      },
    });
    await expect.poll(() => asked).toBe(1);
    await taker.replica.detach();
    expect(await taker.ended).toBeUndefined();
  });
});
