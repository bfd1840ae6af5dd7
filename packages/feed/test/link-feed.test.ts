import { freePort, installedServers, ScriptedPrimary, Server } from '@forebay/conformance';
import { encodeCommand } from '@forebay/resp';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Change, Feed, FeedItem, FeedNotice, FeedOptions, Reset } from '../src/index.ts';
import { feed, formatPlace } from '../src/index.ts';
import { A, B, inShort, latin1, stream } from './streams.ts';

const failing = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

/** A feed of a server, with what it has noticed. */
function feedOf(url: string, options: Partial<FeedOptions> = {}) {
  const notices: FeedNotice[] = [];
  const onNotice = (notice: FeedNotice) => void notices.push(notice);
  const changes = feed({ ...options, url, onNotice } as FeedOptions);
  onTestFinished(() => changes.close());
  const begun = () => expect.poll(() => notices.some(({ type }) => type === 'begin')).toBe(true);
  return { changes, notices, begun };
}

async function take(changes: Feed, count: number): Promise<FeedItem[]> {
  const items: FeedItem[] = [];
  while (items.length < count) {
    const { value, done } = await changes.next();
    if (done) throw new Error(`the feed ended after ${items.length} of ${count}`);
    items.push(value);
  }
  return items;
}

const told = (item: FeedItem) => (item.type === 'change' ? inShort(item) : item.type);

describe.each(installedServers())('$name', (installed) => {
  /** Whether it leaves the snapshot away. */
  const leavesAway = installed.absoluteTimes;

  it('gives what is written from now on, with its database', async () => {
    await using primary = await Server.start(installed);
    await primary.client.select(3);
    await primary.command('SET', 'before', 'x'.repeat(100_000));
    const { changes, notices, begun } = feedOf(primary.url);
    const items = take(changes, 4);
    await begun();
    await primary.command('SET', 'a', '1');
    await primary.client.select(0);
    await primary.client.multi().set('b', '2').incr('c').exec();
    await primary.command('SET', 'late', 'x', 'PX', 1);
    expect((await items).map(told).slice(0, 3)).toEqual([
      ...['3 SET a 1', '0 SET b 2 (begin)', '0 INCR c (end)'],
    ]);
    const late = (await items)[3] as Change;
    expect(late).toMatchObject({ command: 'SET', database: 0 });
    expect(late.keys?.map(latin1)).toEqual(['late']);
    // What expires is seen as the delete it is.
    const [gone] = (await take(changes, 1)) as Change[];
    expect(gone?.command).toMatch(/^(DEL|UNLINK)$/);
    const { master_replid, master_repl_offset } = await primary.info('replication');
    expect(gone?.id).toBe(master_replid);
    expect(gone!.offset).toBeLessThanOrEqual(Number(master_repl_offset));
    const whole = notices.filter(({ type }) => type === 'whole-snapshot');
    expect(whole).toHaveLength(leavesAway ? 0 : 1);
    // It stores nothing, and is not counted as one that does.
    expect(await primary.command('WAIT', 1, 100)).toBe(0);
  });

  it('goes on after a position, in its database, and over a cut link', async () => {
    await using primary = await Server.start(installed);
    const first = feedOf(primary.url);
    const one = take(first.changes, 1);
    await first.begun();
    await primary.client.select(7);
    await primary.command('SET', 'a', '1');
    const [change] = (await one) as Change[];
    const { id, offset, database } = change!;
    await first.changes.close();
    await primary.command('SET', 'b', '2');

    const second = feedOf(primary.url, { from: formatPlace({ id, offset, database }) });
    expect((await take(second.changes, 1)).map(told)).toEqual(['7 SET b 2']);
    const next = take(second.changes, 1);
    await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
    await primary.command('SET', 'c', '3');
    expect((await next).map(told)).toEqual(['7 SET c 3']);
    await expect.poll(() => second.notices.map(({ type }) => type)).toContain('retry');
  });

  it('tells of a reset where the server cannot go on, and of what comes then', async () => {
    await using primary = await Server.start(installed);
    await primary.client.select(2);
    const { changes, begun } = feedOf(primary.url, { from: `${A}:5:0` });
    const items = take(changes, 2);
    await begun();
    await primary.command('SET', 'a', '1');
    const [reset, change] = await items;
    expect(reset).toMatchObject({ type: 'reset', from: { id: A, offset: 5 } });
    expect(told(change!)).toBe('2 SET a 1');
  });

  it('that is not read from is cut off by the server, and told that it has missed something', async () => {
    const limit = 'replica 1mb 1mb 1';
    const config = { 'client-output-buffer-limit': limit, 'repl-backlog-size': 16_384 };
    await using primary = await Server.start(installed, { config });
    const { changes, begun } = feedOf(primary.url);
    const first = take(changes, 1);
    await begun();
    await primary.command('SET', 'a', '1');
    await first;
    const value = 'v'.repeat(100_000);
    const cut = () => /output buffer limits/.test(primary.log());
    for (let i = 0; i < 2000 && !cut(); i++) await primary.command('SET', `k${i}`, value);
    expect(cut()).toBe(true);
    let reset: FeedItem | undefined;
    while (reset === undefined) {
      const [item] = await take(changes, 1);
      if (item?.type === 'reset') reset = item;
    }
    const { master_replid, master_repl_offset } = await primary.info('replication');
    expect(reset).toMatchObject({ to: { id: master_replid } });
    expect((reset as Reset).to.offset).toBeLessThanOrEqual(Number(master_repl_offset));
    expect((reset as Reset).from.offset).toBeLessThan((reset as Reset).to.offset);
  });

  it('of a replica begins in the database that its primary is in', async () => {
    await using primary = await Server.start(installed);
    const config = { replicaof: `127.0.0.1 ${primary.port}` };
    await using replica = await Server.start(installed, { config });
    await expect.poll(async () => (await replica.info()).master_link_status).toBe('up');
    await primary.client.select(5);
    await primary.command('SET', 'before', '1');
    const offsetOf = async (server: Server) => Number((await server.info()).master_repl_offset);
    const written = await offsetOf(primary);
    await expect.poll(() => offsetOf(replica)).toBeGreaterThanOrEqual(written);
    const { changes, begun } = feedOf(replica.url);
    const item = take(changes, 1);
    await begun();
    await primary.command('SET', 'after', '1');
    expect((await item).map(told)).toEqual(['5 SET after 1']);
  });
});

describe('a feed of a server', () => {
  it('takes over the id that a partial resync brings', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
      const { psync } = await peer.handshake();
      expect(psync).toEqual(['PSYNC', connection === 1 ? A : B, connection === 1 ? '6' : '33']);
      await peer.send(`+CONTINUE ${B}\r\n`);
      await peer.send(stream('SET a 1'));
      if (connection === 1) peer.end();
      await peer.closed;
    });
    const { changes } = feedOf(primary.url, { from: `${A}:5:4` });
    const items = (await take(changes, 2)) as Change[];
    expect(items.map(({ id, offset, database }) => [id, offset, database])).toEqual([
      [B, 5 + 27, 4],
      [B, 5 + 54, 4],
    ]);
  });

  it('that cannot begin says why, and is over', async () => {
    const port = await freePort();
    await expect(feedOf(`redis://127.0.0.1:${port}`).changes.next()).rejects.toThrow(
      failing('LINK', /cannot be reached: ECONNREFUSED/),
    );
    await using denying = await ScriptedPrimary.listen(async (peer) => {
      await peer.send('-NOAUTH Authentication required.\r\n'.repeat(9));
      await peer.closed;
    });
    await expect(feedOf(denying.url).changes.next()).rejects.toThrow(failing('LINK', /NOAUTH/));
    expect(() => feed({ url: 'http://x' })).toThrow(failing('INVALID_OPTION', /redis:/));
    expect(() => feed({ url: 'redis://x', from: `${A}:5` })).toThrow(
      failing('INVALID_OPTION', /<id>:<offset>:<db>/),
    );
  });

  it('has no place to keep', async () => {
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(`+CONTINUE\r\n`);
      await peer.send(encodeCommand(['SET', 'a', '1']));
      await peer.closed;
    });
    const { changes } = feedOf(primary.url, { from: `${A}:5:0` });
    await changes.next();
    await expect(changes.checkpoint()).rejects.toThrow(failing('INVALID_OPTION', /keeps no place/));
  });
});
