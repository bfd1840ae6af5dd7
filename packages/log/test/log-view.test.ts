import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { shiftHistory } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import { concatBytes, randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Disk, LogItem } from '../src/index.ts';
import { Log, LogView, nodeDisk } from '../src/index.ts';
import {
  A,
  addBase,
  append,
  B,
  collect,
  EMPTY_RDB,
  freshDirectory,
  giveBase,
  stepBack,
} from './directories.ts';

const PING = encodeCommand(['PING']);
const SET = encodeCommand(['SET', 'key', 'value']);
const OTHER = encodeCommand(['SET', 'key', 'other']);
const SELECT = encodeCommand(['SELECT', '7']);
const MULTI = encodeCommand(['MULTI']);
const EXEC = encodeCommand(['EXEC']);

const at = (offset: number, id = A) => ({ id, offset });
const failing = (code: string) => expect.objectContaining({ code });

/** A log of `A` from 100 on, with a SET and a PING. */
async function filled(directory: string): Promise<Log> {
  const log = await Log.open(directory);
  await giveBase(log, 100);
  await append(log, SET);
  await append(log, PING);
  return log;
}

describe('a view of a log that is written to', () => {
  it('gives what is held, and what is appended from then on', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    expect(view.end).toEqual(at(log.written));
    const items = view.read(at(100));
    const held = concatBytes([SET, PING]);
    expect((await items.next()).value).toMatchObject({ bytes: held, offset: log.written, id: A });
    const next = items.next();
    await append(log, OTHER);
    expect((await next).value).toMatchObject({ type: 'stream', bytes: OTHER });
    await log.rotate();
    await append(log, PING);
    expect((await items.next()).value).toMatchObject({ bytes: PING, offset: log.written });
  });

  it('opens even if a rotation has replaced a file before it was read', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    let rotated = false;
    const disk: Disk = Object.assign(Object.create(nodeDisk), {
      async open(path: string, mode: 'read') {
        if (!rotated && path.endsWith('.index')) {
          rotated = true;
          await log.rotate();
          throw Object.assign(new Error('stale'), { code: 'ESTALE' });
        }
        return nodeDisk.open(path, mode);
      },
    });
    await using view = await LogView.open(directory, { disk });
    expect(view.end).toEqual(at(log.written));
  });

  it('gives nothing under an id that was given up between two looks at the disk', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    let meanwhile: (() => Promise<void>) | undefined;
    const disk: Disk = Object.assign(Object.create(nodeDisk), {
      stat: async (path: string) => {
        const run = meanwhile;
        meanwhile = undefined;
        await run?.();
        return nodeDisk.stat(path);
      },
    });
    await using view = await LogView.open(directory, { disk });
    const items = view.read(at(100));
    await items.next();
    const { written } = log;
    const more = items.next();
    // The manifest has been read, and how long the file is comes next.
    meanwhile = async () => {
      await log.setHistory(shiftHistory(log.history!, B, written));
      await append(log, OTHER);
    };
    expect((await more).value).toMatchObject({ type: 'stream', bytes: OTHER, id: B });
  });

  it('waits while nobody writes, and for whoever does so next', async () => {
    const directory = await freshDirectory();
    await (await filled(directory)).close();
    await using view = await LogView.open(directory);
    const items = view.read(view.end);
    const next = items.next();
    await using log = await Log.open(directory);
    await append(log, OTHER);
    expect((await next).value).toMatchObject({ bytes: OTHER });
  });

  it('tells of a step back, though the same id goes on', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    const end = log.written;
    const items = view.read(at(end));
    const next = items.next();
    await stepBack(log, 100 + SET.length);
    await append(log, OTHER);
    const to = at(100 + SET.length);
    expect((await next).value).toMatchObject({ type: 'rewound', from: at(end), to });
    expect((await items.next()).value).toMatchObject({ bytes: OTHER });
  });

  it('tells of one of which the tail is gone already, by the id', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    const end = log.written;
    const items = view.read(at(100));
    await items.next();
    await stepBack(log, 100 + SET.length);
    await log.setHistory(shiftHistory(log.history!, B, log.written));
    await log.retain({ size: 0, hardLimit: 0 });
    await append(log, OTHER);
    await append(log, OTHER);
    const to = at(100 + SET.length, B);
    expect((await items.next()).value).toMatchObject({ type: 'rewound', from: at(end), to });
    expect(await collect(view.read(to, { follow: false }))).toBe(
      Buffer.concat([OTHER, OTHER]).toString('latin1'),
    );
  });

  it('tells of a full resync when all before it is read', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    const items = view.read(at(log.written));
    const next = items.next();
    await append(log, OTHER);
    await giveBase(log, 7, 3, B);
    await append(log, PING);
    expect((await next).value).toMatchObject({ bytes: OTHER, id: A });
    const reset = { type: 'reset', to: at(7, B), reason: 'a test' };
    expect((await items.next()).value).toMatchObject(reset);
    expect((await items.next()).value).toMatchObject({ bytes: PING, id: B });
  });

  it('without a cursor is cut off by retention, and with one is kept what it needs', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await addBase(log, log.written);
    await append(log, OTHER);
    await using view = await LogView.open(directory);
    const cursor = await view.cursor('feed', at(100));
    await log.retain({ size: 0 });
    expect(await collect(cursor.read({ follow: false }))).toHaveLength(log.written - 100);
    await cursor.commit(at(log.written));
    await log.retain({ size: 0 });
    await expect(view.read(at(100)).next()).rejects.toThrow(failing('NOT_COVERED'));
    await expect(cursor.commit(at(100))).rejects.toThrow(failing('NOT_COVERED'));
  });

  it('sets and removes cursors that retention of the writer respects', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    await view.setCursor('reader', at(100));
    await addBase(log, log.written);
    await log.retain({ size: 0 });
    expect((await view.cursor('reader')).position).toEqual(at(100));
    await view.setCursor('reader', at(log.written));
    await log.retain({ size: 0 });
    await expect(view.setCursor('reader', at(100))).rejects.toThrow(failing('NOT_COVERED'));
    await view.pin('reader', at(log.written), 1);
    expect(await view.removeCursor('reader~')).toBe(true);
    expect(await view.removeCursor('reader')).toBe(true);
    expect(await view.removeCursor('reader')).toBe(false);
    expect(await view.keptCursor('reader')).toBeUndefined();
    for (const name of ['', '~', '../reader', 'reader~~']) {
      await expect(view.removeCursor(name)).rejects.toThrow(failing('MISUSE'));
    }
  });

  it('opens the newest base, whatever became of the one that was seen last', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    await append(log, OTHER);
    await addBase(log, log.written);
    await log.retain({ size: 0 });
    const base = await view.openBase();
    expect(base).toMatchObject({ position: at(log.written), segment: 1 });
    await append(log, PING);
    await view.look();
    expect(await collect(view.read(base.position, { follow: false }))).toHaveLength(PING.length);
    for await (const bytes of base.read()) expect(bytes).toEqual(EMPTY_RDB);
    await base.close();
  });

  it('finds a cursor where one was kept', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    expect(await view.keptCursor('feed')).toBeUndefined();
    await log.cursor('feed', at(100));
    expect((await view.keptCursor('feed'))?.position).toEqual(at(100));
  });

  it('has the cursors of the log', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    await using view = await LogView.open(directory);
    await (await view.cursor('feed')).commit(at(100 + SET.length));
    expect((await log.cursor('feed')).position).toEqual(at(100 + SET.length));
    const again = await (await LogView.open(directory)).cursor('feed');
    expect(await collect(again.read({ follow: false }))).toHaveLength(PING.length);
  });

  it('ends when it is closed, and when the signal is aborted', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    const view = await LogView.open(directory);
    const controller = new AbortController();
    const aborted = view.read(at(log.written), { signal: controller.signal }).next();
    const closed = view.read(at(log.written)).next();
    controller.abort();
    expect(await aborted).toEqual({ done: true, value: undefined });
    await view.close();
    expect(await closed).toEqual({ done: true, value: undefined });
  });

  it('says so when the log is damaged while it waits', async () => {
    const directory = await freshDirectory();
    const log = await filled(directory);
    await using view = await LogView.open(directory);
    const next = view.read(view.end).next();
    await log.close();
    await appendFile(join(directory, 'appendonlydir', 'appendonly.aof.2.incr.aof'), 'foreign');
    await expect(next).rejects.toThrow(failing('FOREIGN'));
  });
});

describe('where a stream may be cut', () => {
  it('is the last boundary up to a position, with its database', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    for (const bytes of [SELECT, MULTI, SET, EXEC, PING]) await append(log, bytes);
    await using view = await LogView.open(directory);
    const select = 100 + SET.length + PING.length;
    const multi = select + SELECT.length;
    const exec = multi + MULTI.length + SET.length + EXEC.length;
    expect(await view.boundaryAt(at(100))).toEqual({ offset: 100, database: 0 });
    expect(await view.boundaryAt(at(100 + 5))).toEqual({ offset: 100, database: 0 });
    expect(await view.boundaryAt(at(multi))).toEqual({ offset: multi, database: 7 });
    expect(await view.boundaryAt(at(exec - 1))).toEqual({ offset: multi, database: 7 });
    expect(await view.boundaryAt(at(exec))).toEqual({ offset: exec, database: 7 });
    expect(await view.boundaryAt(at(log.written + 1))).toBeUndefined();
    await expect(view.boundaryAt(at(99))).rejects.toThrow(failing('NOT_COVERED'));
    await expect(view.boundaryAt(at(100, B))).rejects.toThrow(failing('NOT_COVERED'));
  });

  it('is in the database that a history begins in', async () => {
    const directory = await freshDirectory();
    await using log = await Log.open(directory);
    await giveBase(log, 50, 9);
    await using view = await LogView.open(directory);
    expect(await view.boundaryAt(at(50))).toEqual({ offset: 50, database: 9 });
  });

  it('is not where the position was taken back', async () => {
    const directory = await freshDirectory();
    await using log = await filled(directory);
    const end = log.written;
    await stepBack(log, 100);
    await log.setHistory(shiftHistory(log.history!, B, 100));
    await append(log, OTHER);
    await using view = await LogView.open(directory);
    expect(await view.boundaryAt(at(end))).toBeUndefined();
    expect((await view.read(at(end)).next()).value).toMatchObject({ type: 'rewound' });
  });
});

describe('a directory', () => {
  it('without a log is refused', async () => {
    const directory = await freshDirectory();
    await expect(LogView.open(directory)).rejects.toThrow(failing('FOREIGN'));
    await mkdir(join(directory, 'appendonlydir'));
    await expect(LogView.open(directory)).rejects.toThrow(failing('FOREIGN'));
    await expect(LogView.open(join(directory, 'none'))).rejects.toThrow(failing('FOREIGN'));
  });
});

/** What a reader that believes every item has of the stream. */
class Copy {
  start: number;
  bytes: Uint8Array[] = [];

  constructor(start: number) {
    this.start = start;
  }

  take(item: LogItem): void {
    if (item.type === 'stream') this.bytes.push(item.bytes);
    else if (item.type === 'reset') [this.start, this.bytes] = [item.to.offset, []];
    else this.bytes = [concatBytes(this.bytes).subarray(0, item.to.offset - this.start)];
  }

  get text(): string {
    return Buffer.concat(this.bytes).toString('latin1');
  }
}

it('a view that follows a log through random changes reads what the log holds', async () => {
  const random = randomFrom(runSeed());
  const directory = await freshDirectory();
  let log = await Log.open(directory, { fsync: 'no' });
  await giveBase(log, 100);
  await using view = await LogView.open(directory, { lookEvery: 1 });
  const copy = new Copy(100);
  let end = at(100);
  const controller = new AbortController();
  const reading = (async () => {
    for await (const item of view.read(at(100), { signal: controller.signal })) {
      copy.take(item);
      end = item.type === 'stream' ? at(item.offset, item.id) : item.to;
      if (random.float() < 0.1) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  let ids = 0;
  const newId = () => String(++ids).padStart(40, 'c');
  const appendSome = async () => {
    for (let i = random.integer(1, 20); i > 0; i--) {
      const text = 'v'.repeat(random.integer(0, 3000));
      await append(log, encodeCommand(['SET', `key:${random.integer(0, 99)}`, text]));
    }
  };
  const changes = [
    appendSome,
    appendSome,
    appendSome,
    () => log.rotate(),
    async () => {
      await stepBack(log, random.integer(log.lowest!, log.written));
      await log.setHistory(shiftHistory(log.history!, newId(), log.written));
    },
    () => giveBase(log, random.integer(0, 5000), 0, newId()),
    async () => {
      await appendSome();
      await addBase(log, log.written);
    },
    async () => {
      await log.close();
      log = await Log.open(directory, { fsync: 'no' });
    },
  ];
  for (let i = 0; i < 300; i++) await random.pick(changes)();
  await append(log, PING);
  const last = at(log.written, log.history!.id);
  await expect.poll(() => end, { message: `FOREBAY_SEED=${random.seed}` }).toEqual(last);
  controller.abort();
  await reading;
  const held = await collect(log.read(at(copy.start, last.id), { follow: false }));
  expect(copy.text === held, `FOREBAY_SEED=${random.seed}`).toBe(true);
  await log.close();
}, 180_000);
