import { shiftHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { describe, expect, it } from 'vitest';
import { Log } from '../src/index.ts';
import { A, append, B, collect, freshDirectory, giveBase, stepBack } from './directories.ts';

const [C, D] = ['c'.repeat(40), 'd'.repeat(40)];
const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'value']);
const OTHER = encodeCommand(['SET', 'key', 'other']);

const at = (offset: number, id = A) => ({ id, offset });

/** A log of `A` from 100 on, with a SET and a PING. */
async function filled(directory: string): Promise<Log> {
  const log = await Log.open(directory);
  await giveBase(log, 100);
  await append(log, SET);
  await append(log, PING);
  return log;
}

describe('a reader', () => {
  it('that is beyond a step back is told of it, and goes on with what came instead', async () => {
    await using log = await filled(await freshDirectory());
    const items = log.read(at(100));
    await items.next();
    const end = 100 + SET.length + PING.length;
    await stepBack(log, 100 + SET.length);
    expect((await items.next()).value).toMatchObject({
      type: 'rewound',
      from: at(end),
      to: at(100 + SET.length),
    });
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    await append(log, OTHER);
    expect((await items.next()).value).toMatchObject({ bytes: OTHER, id: B });
  });

  it('is given nothing of what goes, however late it asks', async () => {
    await using log = await filled(await freshDirectory());
    const items = log.read(at(100));
    await items.next();
    const stepped = stepBack(log, 100 + SET.length);
    const next = items.next();
    await stepped;
    await append(log, OTHER);
    expect((await next).value).toMatchObject({ type: 'rewound', to: at(100 + SET.length) });
    expect((await items.next()).value).toMatchObject({ bytes: OTHER });
  });

  it('is told of the place by the id that is left', async () => {
    await using log = await filled(await freshDirectory());
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    await append(log, OTHER);
    const items = log.read(at(100, B));
    for (let offset = 0; offset < log.written; ) {
      offset = ((await items.next()).value as { offset: number }).offset;
    }
    const end = log.written;
    await stepBack(log, 100 + SET.length);
    expect((await items.next()).value).toMatchObject({
      from: at(end, B),
      to: at(100 + SET.length, A),
    });
  });

  it('that was not there yet is told nothing', async () => {
    await using log = await filled(await freshDirectory());
    const items = log.read(at(100 + SET.length));
    await stepBack(log, 100 + SET.length);
    const next = items.next();
    await append(log, OTHER);
    expect((await next).value).toMatchObject({ type: 'stream', bytes: OTHER });
  });

  it('stepped back twice is told of the lower place', async () => {
    await using log = await filled(await freshDirectory());
    const items = log.read(at(100));
    await items.next();
    await stepBack(log, 100 + SET.length);
    await stepBack(log, 100);
    expect((await items.next()).value).toMatchObject({
      from: at(100 + SET.length + PING.length),
      to: at(100),
    });
  });

  it('may begin where a former id names the place', async () => {
    await using log = await filled(await freshDirectory());
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    await append(log, OTHER);
    const expected = Buffer.concat([PING, OTHER]).toString('latin1');
    for (const id of [A, B, A.toUpperCase()]) {
      const place = at(100 + SET.length, id);
      expect(await collect(log.read(place, { follow: false }))).toBe(expected);
    }
  });

  it('goes through files, and does not notice', async () => {
    await using log = await filled(await freshDirectory());
    const items = log.read(at(100), { follow: false });
    await log.rotate();
    await append(log, SET);
    await log.rotate();
    await append(log, PING);
    const expected = Buffer.concat([SET, PING, SET, PING]).toString('latin1');
    expect(await collect(items)).toBe(expected);
  });

  it('whose file is split while it reads goes on in the next', async () => {
    await using log = await filled(await freshDirectory());
    const items = log.read(at(100), { follow: false });
    const first = await items.next();
    expect(first.value).toMatchObject({ type: 'stream' });
    await append(log, SET);
    await log.splitFor(at(100 + SET.length));
    expect(await collect(items)).toBe(Buffer.from(SET).toString('latin1'));
  });
});

describe('a cursor', () => {
  it('is where it was left, after a restart', async () => {
    const directory = await freshDirectory();
    const log = await filled(directory);
    const cursor = await log.cursor('feed', at(100));
    await cursor.commit(at(100 + SET.length));
    await log.close();
    await using again = await Log.open(directory);
    const found = await again.cursor('feed');
    expect(found.position).toEqual(at(100 + SET.length));
    const rest = await collect(found.read({ follow: false }));
    expect(rest).toBe(Buffer.from(PING).toString('latin1'));
  });

  it('begins at the end unless told otherwise', async () => {
    await using log = await filled(await freshDirectory());
    const cursor = await log.cursor('new');
    expect(cursor.position).toEqual(at(log.written));
  });

  it('in what was rewound meanwhile begins by being told', async () => {
    const directory = await freshDirectory();
    const log = await filled(directory);
    const end = log.written;
    await log.cursor('feed', at(end));
    await stepBack(log, 100 + SET.length);
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    await append(log, OTHER);
    await append(log, OTHER);
    await log.close();
    await using again = await Log.open(directory);
    const items = (await again.cursor('feed')).read({ follow: false });
    expect((await items.next()).value).toMatchObject({
      type: 'rewound',
      from: at(end),
      to: at(100 + SET.length, B),
    });
    const expected = Buffer.concat([OTHER, OTHER]).toString('latin1');
    expect(await collect(items)).toBe(expected);
  });

  it('in the first of two tails goes back to the lower place', async () => {
    const directory = await freshDirectory();
    const log = await filled(directory);
    await log.cursor('feed');
    await stepBack(log, 100 + SET.length);
    await append(log, OTHER);
    await stepBack(log, 100);
    await append(log, OTHER);
    await log.close();
    await using again = await Log.open(directory);
    const items = (await again.cursor('feed')).read({ follow: false });
    expect((await items.next()).value).toMatchObject({ type: 'rewound', to: at(100) });
    expect(await collect(items)).toBe(Buffer.from(OTHER).toString('latin1'));
  });

  it('kept at the place that a step back told is there', async () => {
    await using log = await filled(await freshDirectory());
    const cursor = await log.cursor('feed');
    const items = cursor.read();
    const next = items.next();
    await stepBack(log, 100 + SET.length);
    const item = (await next).value;
    expect(item).toMatchObject({ type: 'rewound' });
    if (item?.type === 'rewound') await cursor.commit(item.to);
    await append(log, OTHER);
    expect((await (await log.cursor('feed')).read().next()).value).toMatchObject({ bytes: OTHER });
  });

  it('of one who still reads a replaced history of the same id is kept in that', async () => {
    await using log = await filled(await freshDirectory());
    const cursor = await log.cursor('feed', at(100));
    const items = cursor.read();
    await giveBase(log, 50, 0, A);
    await append(log, OTHER);
    await append(log, OTHER);
    await items.next();
    await cursor.commit(at(100 + SET.length));
    const again = (await log.cursor('feed')).read();
    expect((await again.next()).value).toMatchObject({ bytes: PING });
    expect((await again.next()).value).toMatchObject({ type: 'reset' });
  });

  it('is its own, though another is kept at the same time', async () => {
    await using log = await filled(await freshDirectory());
    const [one, two] = [await log.cursor('one'), await log.cursor('two')];
    await Promise.all([one.commit(at(100)), two.commit(at(100 + SET.length)), one.commit(at(100))]);
    expect((await log.cursor('one')).position).toEqual(at(100));
    expect((await log.cursor('two')).position).toEqual(at(100 + SET.length));
  });

  it('in a history that was replaced reads it to its end, and is told', async () => {
    await using log = await filled(await freshDirectory());
    const cursor = await log.cursor('feed', at(100 + SET.length));
    await giveBase(log, 7, 0, B);
    const items = cursor.read();
    expect((await items.next()).value).toMatchObject({ bytes: PING, id: A });
    expect((await items.next()).value).toMatchObject({ type: 'reset', to: at(7, B) });
  });

  it('after a full resync under the same id stays in the history that it was in', async () => {
    await using log = await filled(await freshDirectory());
    const cursor = await log.cursor('feed', at(100));
    await giveBase(log, 50, 0, A);
    await append(log, OTHER);
    await append(log, OTHER);
    const items = cursor.read();
    const end = 100 + SET.length + PING.length;
    expect((await items.next()).value).toMatchObject({ type: 'stream', offset: end });
    expect((await items.next()).value).toMatchObject({ type: 'reset', to: at(50) });
  });

  it('under an id that was given up before a byte came is where it was', async () => {
    await using log = await filled(await freshDirectory());
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    const cursor = await log.cursor('feed');
    expect(cursor.position).toEqual(at(log.written, B));
    await stepBack(log, log.written);
    expect(log.history?.id).toBe(A);
    await append(log, OTHER);
    expect((await cursor.read().next()).value).toMatchObject({ type: 'stream', bytes: OTHER });
  });

  it.each([false, true])(
    'in a tail that was let go of is told of the place all the same; under an id of the tail alone: %s',
    async (isOfTail) => {
      await using log = await filled(await freshDirectory());
      const first = log.written;
      await append(log, OTHER);
      if (isOfTail) {
        await log.setHistory(shiftHistory(log.history!, B, log.written));
        await append(log, OTHER);
      }
      const place = at(log.written, isOfTail ? B : A);
      await log.cursor('one', place);
      await stepBack(log, first);
      await log.setHistory(shiftHistory(log.history!, C, first));
      for (let i = 0; i < 4; i++) await append(log, SET);
      await log.retain({ size: 0 });
      const told = async () =>
        (await (await log.cursor('one')).read({ follow: false }).next()).value;
      expect(await told()).toEqual({
        ...{ type: 'rewound', from: place, to: at(first, C), segment: 1 },
      });
      // And back once more, to before that.
      await stepBack(log, 100 + SET.length);
      await log.setHistory(shiftHistory(log.history!, D, log.written));
      await log.retain({ size: 0 });
      expect(await told()).toMatchObject({ type: 'rewound', to: { offset: 100 + SET.length } });
    },
  );

  it('under an id that was given up before a byte came is told of what goes after that', async () => {
    await using log = await filled(await freshDirectory());
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    const cursor = await log.cursor('one', at(log.written, B));
    await log.stepBack(log.written, A);
    await stepBack(log, 100 + SET.length);
    await append(log, OTHER);
    expect((await cursor.read().next()).value).toMatchObject({
      ...{ type: 'rewound', to: at(100 + SET.length) },
    });
  });

  it('that is removed is forgotten', async () => {
    await using log = await filled(await freshDirectory());
    await (await log.cursor('feed', at(100))).remove();
    expect((await log.cursor('feed')).position).toEqual(at(log.written));
  });

  it.each(['', '../x', '.hidden', 'a b', 'x'.repeat(101)])('is not called %j', async (name) => {
    await using log = await filled(await freshDirectory());
    await expect(log.cursor(name)).rejects.toThrow(expect.objectContaining({ code: 'MISUSE' }));
  });

  it('is kept only at what is held', async () => {
    await using log = await filled(await freshDirectory());
    const cursor = await log.cursor('feed');
    for (const place of [at(log.written + 1), at(99), at(100, B)]) {
      await expect(cursor.commit(place)).rejects.toThrow(
        expect.objectContaining({ code: 'NOT_COVERED' }),
      );
    }
  });
});
