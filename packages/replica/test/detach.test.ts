import { freePort, type ScriptedPeer, ScriptedPrimary } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import type { ReplicaState } from '../src/index.ts';
import { Replica } from '../src/index.ts';
import { counted, fullResync, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RDB = rdb();

/** How far a primary goes, for the replica to be in that state. */
const SCRIPTS: Record<
  Exclude<ReplicaState, 'idle' | 'connect' | 'detached'>,
  (peer: ScriptedPeer) => Promise<void>
> = {
  handshake: async () => {},
  transfer: async (peer) => {
    await peer.handshake();
    await peer.send(fullResync(0, counted(RDB).subarray(0, -1)));
  },
  stream: async (peer) => {
    await peer.handshake();
    await peer.send(fullResync(0, counted(RDB)));
  },
  waiting: async (peer) => peer.cut(),
};
const STATES = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
const NEVER = { backoff: { initialDelay: 600_000, maxDelay: 600_000 } };

/** A primary by which replicas come into `state`, and what tells that its links are closed. */
async function primaryFor(state: keyof typeof SCRIPTS) {
  let open = 0;
  const primary = await ScriptedPrimary.listen(async (peer) => {
    open++;
    void peer.closed.then(() => open--);
    await SCRIPTS[state](peer);
  });
  return {
    url: primary.url,
    links: () => open,
    [Symbol.asyncDispose]: () => primary[Symbol.asyncDispose](),
  };
}

describe('detach', () => {
  it.each(STATES)('in state %s: the link is closed, the items end', async (state) => {
    await using primary = await primaryFor(state);
    await using taker = new Taker({ url: primary.url, ...NEVER });
    await expect.poll(() => taker.replica.state).toBe(state);
    if (state === 'transfer') await expect.poll(() => taker.snapshot.length).toBe(RDB.length - 1);
    await taker.replica.detach();
    expect(await taker.ended).toBeUndefined();
    expect(taker.replica.state).toBe('detached');
    await expect.poll(primary.links).toBe(0);
    expect(taker.states.at(-1)).toBe('detached');
    expect(taker.types.at(-1)).toBe(
      {
        handshake: undefined,
        transfer: 'snapshot-aborted',
        stream: 'snapshot-end',
        waiting: undefined,
      }[state],
    );
    if (state === 'transfer') {
      expect(taker.item('snapshot-aborted')?.error).toMatchObject({ code: 'STOPPED' });
    }
  });

  it('while connecting', async () => {
    // Of TLS the secured link is the connection: this primary never answers.
    await using primary = await primaryFor('handshake');
    await using taker = new Taker({ url: primary.url.replace('redis:', 'rediss:'), ...NEVER });
    await expect.poll(primary.links).toBe(1);
    expect(taker.replica.state).toBe('connect');
    await taker.replica.detach();
    expect(await taker.ended).toBeUndefined();
    await expect.poll(primary.links).toBe(0);
  });

  it('before it began: nothing is connected to, the items are none', async () => {
    await using primary = await primaryFor('stream');
    const replica = new Replica({ url: primary.url });
    await replica.detach();
    expect(replica.state).toBe('detached');
    for await (const item of replica) expect(item).toBeUndefined();
    expect(primary.links()).toBe(0);
  });

  it.each([...STATES, 'connect'] as const)(
    'by a listener, as state %s is entered',
    async (state) => {
      await using primary = await primaryFor(state === 'connect' ? 'stream' : state);
      const replica = new Replica({ url: primary.url, ...NEVER });
      let detached: Promise<void> | undefined;
      replica.on('state', (entered) => {
        if (entered === state) detached = replica.detach();
      });
      const types: string[] = [];
      for await (const { type } of replica) types.push(type);
      await detached;
      expect(replica.state).toBe('detached');
      await expect.poll(primary.links).toBe(0);
      expect(types).not.toContain('stream');
    },
  );

  it('by a listener, as a second attempt begins', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer, n) => {
      if (n === 1) peer.cut();
    });
    const replica = new Replica({
      url: primary.url,
      backoff: { initialDelay: 1, maxDelay: 1 },
    });
    let attempts = 0;
    let detached: Promise<void> | undefined;
    replica.on('state', (entered) => {
      if (entered === 'connect' && ++attempts === 2) detached = replica.detach();
    });
    for await (const item of replica) expect(item).toBeUndefined();
    await detached;
    expect([attempts, primary.connections]).toEqual([2, 1]);
    expect(replica.state).toBe('detached');
  });

  it('leaves what was received to be taken', async () => {
    const commands = stream('SET a 1');
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(fullResync(0, counted(RDB), commands));
    });
    const replica = new Replica({ url: primary.url });
    const types: string[] = [];
    for await (const item of replica) {
      if (types.length === 0) {
        await expect.poll(() => replica.offset).toBe(commands.length);
        await replica.detach();
      }
      types.push(item.type);
    }
    expect(types).toEqual(['full-resync', 'snapshot', 'snapshot-end', 'stream']);
  });

  it('may be called many times, at any time', async () => {
    await using primary = await primaryFor('stream');
    await using taker = new Taker({ url: primary.url });
    await expect.poll(() => taker.replica.state).toBe('stream');
    await Promise.all([taker.replica.detach(), taker.replica.detach()]);
    await taker.replica.detach();
    expect(await taker.ended).toBeUndefined();
    taker.replica.progress({ written: 0 });
    expect(taker.states.filter((state) => state === 'detached')).toHaveLength(1);
  });
});

describe('the end of the loop', () => {
  it('detaches', async () => {
    await using primary = await primaryFor('stream');
    const replica = new Replica({ url: primary.url });
    for await (const item of replica) if (item.type === 'snapshot-end') break;
    expect(replica.state).toBe('detached');
    await expect.poll(primary.links).toBe(0);
  });

  it('by an error of the taker detaches', async () => {
    await using primary = await primaryFor('stream');
    const replica = new Replica({ url: primary.url });
    const taking = (async () => {
      for await (const item of replica) throw new Error(item.type);
    })();
    await expect(taking).rejects.toThrow('full-resync');
    expect(replica.state).toBe('detached');
    await expect.poll(primary.links).toBe(0);
  });

  it('of the block that a replica is bound to detaches', async () => {
    await using primary = await primaryFor('stream');
    let kept: Replica | undefined;
    {
      await using replica = new Replica({ url: primary.url });
      kept = replica;
      const items = replica[Symbol.asyncIterator]();
      await items.next();
      expect(primary.links()).toBe(1);
    }
    expect(kept.state).toBe('detached');
    await expect.poll(primary.links).toBe(0);
  });

  it('by an error of a listener is told to who takes', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const replica = new Replica({ url });
    replica.on('attempt-ended', () => {
      throw new Error('from a listener');
    });
    await expect(replica[Symbol.asyncIterator]().next()).rejects.toThrow('from a listener');
  });
});

describe('the signal', () => {
  it.each(STATES)('stops everything at once in state %s', async (state) => {
    await using primary = await primaryFor(state);
    const controller = new AbortController();
    await using taker = new Taker({ url: primary.url, signal: controller.signal, ...NEVER });
    await expect.poll(() => taker.replica.state).toBe(state);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await taker.ended).toMatchObject({
      name: 'ReplicaError',
      code: 'STOPPED',
      cause: reason,
    });
    expect(taker.replica.state).toBe('detached');
    await expect.poll(primary.links).toBe(0);
  });

  it('that is aborted already lets nothing begin', async () => {
    await using primary = await primaryFor('stream');
    await using taker = new Taker({ url: primary.url, signal: AbortSignal.abort() });
    expect(await taker.ended).toMatchObject({ code: 'STOPPED' });
    expect(taker.states).toEqual(['detached']);
    expect(primary.links()).toBe(0);
  });

  it('drops what was not taken', async () => {
    await using primary = await primaryFor('stream');
    const controller = new AbortController();
    const replica = new Replica({ url: primary.url, signal: controller.signal });
    const items = replica[Symbol.asyncIterator]();
    expect((await items.next()).value).toMatchObject({ type: 'full-resync' });
    await expect.poll(() => replica.offset).toBe(0);
    controller.abort();
    await expect(items.next()).rejects.toMatchObject({ code: 'STOPPED' });
  });
});
