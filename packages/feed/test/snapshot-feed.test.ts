import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ScriptedPrimary } from '@forebay/conformance';
import { LogView } from '@forebay/log';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FeedItem, FeedOptions } from '../src/index.ts';
import { feed, formatLine } from '../src/index.ts';
import { Writer } from './logs.ts';
import { rdbOf } from './snapshots.ts';
import { A, B, inShort, latin1, stream } from './streams.ts';

const failing = (code: string) => expect.objectContaining({ code });

function told(item: FeedItem): string {
  switch (item.type) {
    case 'change':
      return inShort(item);
    case 'key':
      return `${item.database} (${latin1(item.key)})`;
    case 'snapshot':
    case 'snapshot-end':
      return `${item.type} ${item.at?.id.slice(0, 1)}:${item.at?.offset}`;
    default:
      return item.type;
  }
}

async function held(options: Extract<FeedOptions, { dir: string }>): Promise<string[]> {
  const items: string[] = [];
  for await (const item of feed({ snapshot: true, ...options, follow: false }))
    items.push(told(item));
  return items;
}

/** Takes items until one is told like this, and tells all. */
async function upTo(changes: AsyncIterator<FeedItem>, last: string): Promise<string[]> {
  const items: string[] = [];
  for (;;) {
    const { value, done } = await changes.next();
    if (done) throw new Error(`it ended after ${items.join(', ')}`);
    items.push(told(value));
    if (items.at(-1) === last) return items;
  }
}

const cursorsOf = (dir: string) => readdir(join(dir, 'cursors')).catch(() => []);

describe('a feed of a log with a snapshot', () => {
  it('gives the keys of the newest base, and the changes since', async () => {
    await using log = await Writer.begin();
    await log.append('SET a 1', 'SELECT 3');
    await log.addBase(rdbOf('0 a 1', '3 b 2'));
    const base = log.end;
    const end = await log.append('SET c 3');
    const dir = log.directory;
    expect(await held({ dir })).toEqual([
      ...[`snapshot a:${base}`, '0 (a)', '3 (b)', `snapshot-end a:${base}`, '3 SET c 3'],
    ]);
    // A place goes before it.
    expect(await held({ dir, from: { id: A, offset: base } })).toEqual(['3 SET c 3']);
    expect(await held({ dir, from: { id: A, offset: end } })).toEqual([]);
  });

  it('has one where the place is not held any longer, or breaks off', async () => {
    await using log = await Writer.begin();
    await log.append('SET a 1');
    const before = { id: A, offset: log.end };
    const dir = log.directory;
    await using changes = feed({ dir, from: before, snapshot: true });
    const next = changes.next();
    await log.append('SET b 1');
    expect(told((await next).value!)).toBe('0 SET b 1');
    await log.reset(7, B, 2, rdbOf('0 z 1'));
    await log.append('SET c 1');
    expect(await upTo(changes, '2 SET c 1')).toEqual([
      ...['snapshot b:7', '0 (z)', 'snapshot-end b:7', '2 SET c 1'],
    ]);
    await log.retainNothing();
    expect(await held({ dir, from: before })).toEqual([
      ...['snapshot b:7', '0 (z)', 'snapshot-end b:7', '2 SET c 1'],
    ]);
    await expect(held({ dir, from: before, snapshot: false })).rejects.toThrow(
      failing('NOT_COVERED'),
    );
  });

  it('has its reason in its line', async () => {
    await using log = await Writer.begin();
    await using changes = feed({ dir: log.directory, snapshot: true });
    const first = (await changes.next()).value!;
    const reason = 'nothing was read before';
    expect(JSON.parse(formatLine(first))).toEqual({
      v: 1,
      type: 'snapshot',
      time: expect.stringMatching(/Z$/),
      at: `${A}:100`,
      reason,
    });
    const end = (await changes.next()).value!;
    expect(JSON.parse(formatLine(end))).toEqual({ v: 1, type: 'snapshot-end', at: `${A}:100` });
  });

  it('with a cursor begins anew until a place behind it is kept, and keeps what it needs', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    const base = await log.append('PING');
    await log.addBase(rdbOf('0 a 1', '0 b 1'));
    const options = { dir, cursor: 'one', snapshot: true };
    const first = feed(options);
    expect(await upTo(first, '0 (a)')).toEqual([`snapshot a:${base}`, '0 (a)']);
    expect(first.position).toBeUndefined();
    await expect(first.checkpoint()).rejects.toThrow(failing('INVALID_OPTION'));
    // What comes after the base is kept for it, whatever else is let go.
    expect(await cursorsOf(dir)).toEqual(['one~.cursor']);
    await log.append('SET c 1');
    await log.addBase(rdbOf('0 a 1', '0 b 1', '0 c 1'));
    await log.append('SET d 1');
    await log.retainNothing();
    expect(await upTo(first, '0 SET d 1')).toEqual([
      ...['0 (b)', `snapshot-end a:${base}`, '0 SET c 1', '0 SET d 1'],
    ]);
    await first.close();
    expect(await cursorsOf(dir)).toEqual([]);

    const second = feed(options);
    expect(await upTo(second, '0 SET d 1')).toHaveLength(6);
    await second.checkpoint();
    expect(await cursorsOf(dir)).toEqual(['one.cursor']);
    await second.close();

    const third = feed(options);
    onTestFinished(() => third.close());
    await log.append('SET e 1');
    expect(await upTo(third, '0 SET e 1')).toEqual(['0 SET e 1']);
    // While a snapshot is read, what was kept before it is what is begun at again.
    const before = third.position;
    await log.reset(9, B, 0, rdbOf('0 x 1', '0 y 1'));
    expect(await upTo(third, '0 (x)')).toEqual(['snapshot b:9', '0 (x)']);
    expect(third.position).toEqual(before);
    await third.checkpoint();
    await third.close();
    const fourth = feed(options);
    onTestFinished(() => fourth.close());
    expect(await upTo(fourth, 'snapshot-end b:9')).toEqual([
      ...['snapshot b:9', '0 (x)', '0 (y)', 'snapshot-end b:9'],
    ]);
  });

  it('has one where the log stepped back, for what came is no part of it', async () => {
    await using log = await Writer.begin();
    const to = await log.append('SET a 1');
    await log.append('SET b 1');
    await using changes = feed({ dir: log.directory, snapshot: true });
    await upTo(changes, '0 SET b 1');
    await log.stepBack(to, B);
    await log.append('SET c 1');
    expect(await upTo(changes, '0 SET c 1')).toEqual([
      ...['snapshot b:100', 'snapshot-end b:100', '0 SET a 1', '0 SET c 1'],
    ]);
  });

  it('that was killed in a snapshot leaves nothing behind for good', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    const view = await LogView.open(dir);
    await view.pin('one', { id: A, offset: 100 }, 1);
    await view.close();
    const plain = feed({ dir, cursor: 'one' });
    const next = plain.next();
    await expect.poll(() => cursorsOf(dir)).toEqual(['one.cursor']);
    await log.append('SET a 1');
    await next;
    await plain.close();
  });
});

describe('a feed of a server with a snapshot', () => {
  /** A primary that gives a full copy to each, cut off in the middle for the first. */
  const full = (rdb: Uint8Array, id = A) =>
    [`+FULLRESYNC ${id} 5\r\n$${rdb.length}\r\n`, rdb] as const;

  it('begins anew where the link was lost in the middle', async () => {
    const rdb = rdbOf('0 a 1', '0 b 1');
    await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
      await peer.handshake();
      const [head, bytes] = full(rdb);
      await peer.send(head);
      await peer.send(connection === 1 ? bytes.subarray(0, -15) : bytes);
      if (connection === 1) peer.end();
      else await peer.send(stream('SET c 1'));
      await peer.closed;
    });
    await using changes = feed({ url: primary.url, snapshot: true });
    const items = await upTo(changes, '0 SET c 1');
    const whole = ['snapshot a:5', '0 (a)', '0 (b)', 'snapshot-end a:5', '0 SET c 1'];
    expect(items.slice(-whole.length)).toEqual(whole);
    expect(items[0]).toBe('snapshot a:5');
    expect(items.length).toBeGreaterThan(whole.length);
  });

  it('goes on from a place, and where that cannot be has a snapshot and no reset', async () => {
    const rdb = rdbOf('0 a 1');
    await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
      const { psync } = await peer.handshake();
      if (connection === 1) {
        expect(psync).toEqual(['PSYNC', A, '6']);
        await peer.send('+CONTINUE\r\n');
        await peer.send(stream('SET b 1'));
        peer.end();
      } else {
        for (const part of full(rdb, B)) await peer.send(part);
        await peer.send(stream('SET c 1'));
      }
      await peer.closed;
    });
    await using changes = feed({ url: primary.url, from: `${A}:5:4`, snapshot: true });
    expect(await upTo(changes, '0 SET c 1')).toEqual([
      ...['4 SET b 1', 'snapshot b:5', '0 (a)', 'snapshot-end b:5', '0 SET c 1'],
    ]);
  });

  it('does not go on from before a snapshot that was begun', async () => {
    const rdb = rdbOf('0 a 1', '0 b 1');
    const asked: string[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer, connection) => {
      const { psync } = await peer.handshake();
      asked.push(psync.join(' '));
      const [head, bytes] = full(rdb, B);
      if (connection === 2) await peer.send('+CONTINUE\r\n');
      else {
        await peer.send(head);
        await peer.send(connection === 1 ? bytes.subarray(0, -15) : bytes);
      }
      if (connection === 1) peer.end();
      await peer.closed;
    });
    await using changes = feed({ url: primary.url, from: `${A}:5:0`, snapshot: true });
    const items = await upTo(changes, 'snapshot-end b:5');
    expect(items.slice(-4)).toEqual(['snapshot b:5', '0 (a)', '0 (b)', 'snapshot-end b:5']);
    expect(asked).toEqual([`PSYNC ${A} 6`, `PSYNC ${A} 6`, 'PSYNC ? -1']);
  });

  it('ends where its bytes are no RDB, and lets the server go', async () => {
    let gone: Promise<void> | undefined;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      gone = peer.closed;
      for (const part of full(Buffer.from('REDIS0011 and nothing that is known')))
        await peer.send(part);
      await peer.closed;
    });
    const changes = feed({ url: primary.url, snapshot: true });
    expect(told((await changes.next()).value!)).toBe('snapshot a:5');
    await expect(changes.next()).rejects.toThrow(failing('SNAPSHOT'));
    await gone;
  });
});
