import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Change, FeedItem, FeedOptions, Rewound } from '../src/index.ts';
import { feed, formatPlace } from '../src/index.ts';
import { freshDirectory, Writer } from './logs.ts';
import { A, B, inShort, stream } from './streams.ts';

const failing = (code: string) => expect.objectContaining({ code });
const at = (offset: number, id = A) => ({ id, offset });

const told = (item: FeedItem) => (item.type === 'change' ? inShort(item) : item.type);

/** All that a log at rest gives. */
async function held(
  options: Omit<Extract<FeedOptions, { dir: string }>, 'url'>,
): Promise<string[]> {
  const items: string[] = [];
  for await (const item of feed({ ...options, follow: false })) items.push(told(item));
  return items;
}

describe('a feed of a log', () => {
  it('begins with what comes from now on', async () => {
    await using log = await Writer.begin();
    await log.append('SELECT 4', 'SET before 1');
    await using changes = feed({ dir: log.directory });
    const next = changes.next();
    // What comes before the feed has looked is not "from now on".
    await expect
      .poll(async () => {
        await log.append('PING');
        await log.append('SET after 1');
        return Promise.race([next.then(() => true), new Promise((no) => setImmediate(no, false))]);
      })
      .toBe(true);
    expect((await next).value).toMatchObject({ database: 4, command: 'SET', id: A });
  });

  it('begins after a position, in the database that was selected there', async () => {
    await using log = await Writer.begin(9);
    const first = await log.append('SET a 1');
    const second = await log.append('SELECT 2', 'SET b 1');
    await log.rotate();
    await log.append('SET c 1');
    const dir = log.directory;
    expect(await held({ dir, from: at(100) })).toEqual(['9 SET a 1', '2 SET b 1', '2 SET c 1']);
    expect(await held({ dir, from: at(first) })).toEqual(['2 SET b 1', '2 SET c 1']);
    expect(await held({ dir, from: `${A}:${second}` })).toEqual(['2 SET c 1']);
  });

  it('begins in the middle of a transaction, or of a command, as if it had read what is before', async () => {
    await using log = await Writer.begin();
    const bytes = stream('SET a 1', 'MULTI', 'SELECT 3', 'SET b 1', 'SET c 1', 'EXEC');
    await log.appendBytes(bytes);
    const dir = log.directory;
    const setA = 100 + stream('SET a 1').length;
    const setB = setA + stream('MULTI', 'SELECT 3', 'SET b 1').length;
    expect(await held({ dir, from: at(setB) })).toEqual(['3 SET c 1 (only)']);
    const all = ['3 SET b 1 (begin)', '3 SET c 1 (end)'];
    expect(await held({ dir, from: at(setB - 1) })).toEqual(all);
    expect(await held({ dir, from: at(setA) })).toEqual(all);
    expect(await held({ dir, from: at(setA - 1) })).toEqual(['0 SET a 1', ...all]);
  });

  it('goes on with what is appended, in whatever pieces', async () => {
    await using log = await Writer.begin();
    await using changes = feed({ dir: log.directory, from: at(100) });
    const bytes = stream('SET a 1', 'SET b 2');
    await log.appendBytes(bytes.subarray(0, 30));
    expect((await changes.next()).value).toMatchObject({ offset: 100 + 27 });
    const next = changes.next();
    await log.appendBytes(bytes.subarray(30));
    expect((await next).value).toMatchObject({ offset: log.end });
  });

  it('tells of a step back, and goes on in the database of that place', async () => {
    await using log = await Writer.begin();
    const to = await log.append('SELECT 6', 'SET a 1');
    const from = await log.append('SELECT 7', 'SET b 1');
    await using changes = feed({ dir: log.directory, from: at(to) });
    await changes.next();
    await log.stepBack(to, B);
    await log.append('SET c 1');
    const { value } = await changes.next();
    // Either id names the place: it may have been seen before the new one was there.
    const rewound = { type: 'rewound', v: 1, from: at(from), to: { offset: to } };
    expect(value).toMatchObject(rewound);
    expect(changes.position).toEqual((value as Rewound).to);
    expect((await changes.next()).value).toMatchObject({ database: 6, id: B, offset: log.end });
  });

  it('tells of a full resync, and goes on in its database', async () => {
    await using log = await Writer.begin();
    await log.append('SELECT 6');
    await using changes = feed({ dir: log.directory, from: at(100) });
    const next = changes.next();
    // Torn: what replaces it does not complete it.
    await log.appendBytes(stream('SET a 1').subarray(0, 10));
    const end = log.end;
    await log.reset(7, B, 5);
    await log.append('SET b 1');
    expect((await next).value).toEqual({
      ...{ type: 'reset', v: 1, from: at(end), to: at(7, B), reason: 'a test' },
      time: expect.any(Number),
    });
    expect((await changes.next()).value).toMatchObject({ database: 5, id: B, offset: log.end });
  });

  it('ends when it is closed, when the signal is aborted, and when the loop is left', async () => {
    await using log = await Writer.begin();
    const ended = { done: true, value: undefined };
    const closed = feed({ dir: log.directory });
    const next = closed.next();
    await closed.close();
    expect(await next).toEqual(ended);
    const aborting = new AbortController();
    const aborted = feed({ dir: log.directory, signal: aborting.signal });
    const last = aborted.next();
    aborting.abort();
    expect(await last).toEqual(ended);
    expect(await feed({ dir: log.directory, signal: aborting.signal }).next()).toEqual(ended);
    await log.append('SET a 1');
    const left = feed({ dir: log.directory, from: at(100) });
    for await (const _ of left) break;
    expect(await left.next()).toEqual(ended);
  });

  it('that cannot be is refused', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    await expect(held({ dir, from: at(99) })).rejects.toThrow(failing('NOT_COVERED'));
    await expect(held({ dir, from: at(101) })).rejects.toThrow(failing('NOT_COVERED'));
    await expect(held({ dir, from: at(100, B) })).rejects.toThrow(failing('NOT_COVERED'));
    await expect(held({ dir, cursor: '../x' })).rejects.toThrow(failing('LOG'));
    await expect(held({ dir: await freshDirectory() })).rejects.toThrow(failing('LOG'));
    expect(() => feed({ dir: '' })).toThrow(failing('INVALID_OPTION'));
    expect(() => feed({ dir, from: 'x' })).toThrow(failing('INVALID_OPTION'));
    expect(() => feed({ dir, databases: [-1] })).toThrow(failing('INVALID_OPTION'));
  });
});

describe('a checkpoint', () => {
  it('is where the next feed of that name begins', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    await log.append('SELECT 1', 'SET a 1', 'SET b 2', 'SET c 3');
    await using first = feed({ dir, cursor: 'one', from: at(100) });
    await first.next();
    await first.next();
    await first.checkpoint();
    await first.next();
    expect(await held({ dir, cursor: 'one', from: at(100) })).toEqual(['1 SET c 3']);
    expect(await held({ dir, cursor: 'two' })).toEqual([]);
  });

  it('may be of an earlier position than the last change', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    await log.append('SET a 1', 'SET b 2');
    await using first = feed({ dir, cursor: 'one', from: at(100) });
    await first.next();
    const { position } = first;
    await first.next();
    await first.checkpoint(position);
    expect(await held({ dir, cursor: 'one' })).toEqual(['0 SET b 2']);
    expect(await held({ dir, from: formatPlace(position!) })).toEqual(['0 SET b 2']);
  });

  it('inside of a transaction is before it: it comes whole again', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    await log.append('SET a 1', 'MULTI', 'SET b 2', 'SET c 3', 'EXEC');
    await using first = feed({ dir, cursor: 'one', from: at(100) });
    await first.next();
    await first.next();
    await first.checkpoint();
    expect(await held({ dir, cursor: 'one' })).toEqual(['0 SET b 2 (begin)', '0 SET c 3 (end)']);
    await first.next();
    await first.checkpoint();
    expect(await held({ dir, cursor: 'one' })).toEqual([]);
  });

  it('moves over what the filter leaves out', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    await using changes = feed({ dir, cursor: 'one', from: at(100), commands: ['DEL'] });
    const next = changes.next();
    await log.append('SET a 1', 'SET b 2');
    await expect.poll(() => changes.position?.offset).toBe(log.end);
    await changes.checkpoint();
    expect(await held({ dir, cursor: 'one' })).toEqual([]);
    await log.append('DEL a');
    expect((await next).value).toMatchObject({ command: 'DEL' });
  });

  it('after a break is where that goes on', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    await log.append('SET a 1');
    await using changes = feed({ dir, cursor: 'one' });
    const next = changes.next();
    await expect.poll(() => changes.position).toBeDefined();
    await log.reset(7, B, 5);
    await log.append('SET b 1');
    expect((await next).value).toMatchObject({ type: 'reset' });
    await changes.checkpoint();
    expect(await held({ dir, cursor: 'one' })).toEqual(['5 SET b 1']);
  });

  it('in what was taken back since begins by being told', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    const to = await log.append('SET a 1');
    await log.append('SET b 1');
    await using first = feed({ dir, cursor: 'one', from: at(to) });
    await first.next();
    await first.checkpoint();
    await log.stepBack(to, B);
    await log.append('SELECT 2', 'SET c 1');
    expect(await held({ dir, cursor: 'one' })).toEqual(['rewound', '2 SET c 1']);
  });

  it('ahead of what is held, as after a power cut, waits until that has come again', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    const known = await log.append('SELECT 3', 'SET a 1');
    const lost = stream('SET b 1');
    await mkdir(join(dir, 'cursors'));
    const kept = `# forebay-cursor 1\nposition ${A}:${known + lost.length}\nsegment 1\n`;
    await writeFile(join(dir, 'cursors', 'one.cursor'), kept);
    await using changes = feed({ dir, cursor: 'one' });
    const next = changes.next();
    await log.appendBytes(lost);
    await log.append('SET c 1');
    expect((await next).value).toMatchObject({ database: 3, offset: log.end });
  });

  it('needs a cursor, and something to keep', async () => {
    await using log = await Writer.begin();
    const dir = log.directory;
    await log.append('SET a 1');
    const nameless = feed({ dir, from: at(100) });
    await nameless.next();
    await expect(nameless.checkpoint()).rejects.toThrow(failing('INVALID_OPTION'));
    await nameless.close();
    await expect(feed({ dir, cursor: 'one' }).checkpoint()).rejects.toThrow(
      failing('INVALID_OPTION'),
    );
  });
});

it('begun again and again anywhere, with checkpoints anywhere, misses nothing', async () => {
  const random = randomFrom(runSeed());
  await using log = await Writer.begin();
  const dir = log.directory;
  const sent: string[] = [];
  const write = async () => {
    const commands = [`SELECT ${random.integer(0, 3)}`];
    const transaction = random.float() < 0.3;
    const sets = Array.from({ length: random.integer(1, 4) }, () => `SET k v${sent.push('')}`);
    commands.push(...(transaction ? ['MULTI', ...sets, 'EXEC'] : sets));
    const bytes = stream(...commands);
    const cut = random.integer(0, bytes.length);
    await log.appendBytes(bytes.subarray(0, cut));
    if (random.float() < 0.2) await log.rotate();
    await log.appendBytes(bytes.subarray(cut));
  };
  let taken = 0;
  let life = feed({ dir, cursor: 'one', from: at(100) });
  for (let i = 0; i < 150; i++) {
    await write();
    for (let takes = random.integer(0, 4); takes > 0 && taken < sent.length; takes--) {
      const { value } = await life.next();
      const number = Number(Buffer.from((value as Change).args[1]!).subarray(1));
      expect(number, `FOREBAY_SEED=${random.seed}`).toBeLessThanOrEqual(taken + 1);
      taken = Math.max(taken, number);
    }
    if (random.float() < 0.4 && life.position !== undefined) await life.checkpoint();
    if (random.float() > 0.3) continue;
    await life.close();
    // Where to begin counts as long as nothing was read by that name.
    life = feed({ dir, cursor: 'one', from: at(100) });
  }
  while (taken < sent.length) {
    const { value } = await life.next();
    taken = Number(Buffer.from((value as Change).args[1]!).subarray(1));
  }
  await life.close();
});
