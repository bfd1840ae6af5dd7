import type { ScriptedPeer } from '@forebay/conformance';
import { freePort, ScriptedPrimary } from '@forebay/conformance';
import { startHistory } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import { Replica } from '../src/index.ts';
import { counted, fullResync, ID, marked, rdb, stream } from './payloads.ts';
import { Taker } from './taker.ts';

const RDB = rdb({ 'repl-stream-db': '3' });

describe('a snapshot alone', () => {
  it.each([
    ['of a length told', counted(RDB), '+OK'],
    ['with a mark', marked(RDB), '+OK'],
    ['of a server that goes on', counted(RDB), '-ERR Unrecognized REPLCONF option: rdb-only'],
  ])('%s is all that comes, and nothing is acknowledged', async (_, payload, told) => {
    let received = -1;
    let options: ReadonlyMap<string, string[]> = new Map();
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      options = (await peer.handshake({ replconf: { 'rdb-only': told } })).replconf;
      const before = peer.bytesReceived;
      await peer.send(fullResync(1000, payload, stream('SET a 1')));
      await peer.closed;
      received = peer.bytesReceived - before;
    });
    await using taker = new Taker({ url: primary.url, rdbOnly: true });
    expect(await taker.ended).toBeUndefined();
    expect(taker.types).toEqual(['full-resync', 'snapshot', 'snapshot-end']);
    expect(taker.snapshot).toEqual(RDB);
    expect(taker.item('full-resync')?.position).toEqual({ id: ID, offset: 1000 });
    expect(taker.item('snapshot-end')).toMatchObject({ offset: 1000, database: 3 });
    await expect.poll(() => received).toBe(0);
    expect(options.get('rdb-only')).toEqual(['1']);
    expect(primary.connections).toBe(1);
    expect(taker.replica.state).toBe('detached');
    expect(taker.errors).toEqual([]);
  });

  it.each<[string, (peer: ScriptedPeer) => Promise<void>, string]>([
    [
      'is cut midway',
      async (peer) => {
        await peer.handshake();
        await peer.send(fullResync(0, counted(RDB).subarray(0, -1)));
        peer.end();
      },
      'LINK_LOST',
    ],
    ['is not to be had yet', (peer) => peer.send('-LOADING\r\n'), 'TRY_LATER'],
    ['is denied', (peer) => peer.send('-NOAUTH\r\n'.repeat(9)), 'DENIED'],
  ])('that %s is not asked for again: the iteration throws', async (_, script, code) => {
    await using primary = await ScriptedPrimary.listen(script);
    await using taker = new Taker({ url: primary.url, rdbOnly: true });
    expect(await taker.ended).toMatchObject({ name: 'ReplicaError', code });
    expect(primary.connections).toBe(1);
    expect(taker.replica.state).toBe('detached');
  });

  it('of nobody is not asked for again either', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    await using taker = new Taker({ url, rdbOnly: true });
    expect(await taker.ended).toMatchObject({ code: 'UNREACHABLE' });
  });

  it('goes on from nothing', () => {
    const resume = { history: startHistory(ID), offset: 0 };
    const make = () => new Replica({ url: 'redis://127.0.0.1', rdbOnly: true, resume });
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
