import type { History } from '@forebay/psync';
import { startHistory } from '@forebay/psync';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { Lag } from '../../src/status/lag.ts';
import { LinkRecord } from '../../src/status/link-record.ts';

const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];

function setUp() {
  const clock = new SimulatedClock();
  const lag = new Lag(clock);
  const link = new LinkRecord(clock);
  link.entered('stream');
  const at = (written: number, history: History | undefined = startHistory(A)) =>
    lag.status(history, written, link);
  return { clock, lag, link, at };
}

describe('the lag', () => {
  it('is not known in bytes before the server has told its offset', () => {
    const { at } = setUp();
    expect(at(100)).toEqual({ offset: undefined, asked: undefined, bytes: undefined, seconds: 0 });
  });

  it('is nothing where all that the server had is here', () => {
    const { clock, lag, at } = setUp();
    lag.saw(100, A);
    expect(at(100)).toEqual({ offset: 100, asked: clock.now(), bytes: 0, seconds: 0 });
    expect(at(150)).toMatchObject({ bytes: 0, seconds: 0 });
  });

  it('counts from when the server was first seen ahead, place by place', async () => {
    const { clock, lag, at } = setUp();
    lag.saw(200, A);
    await clock.advance(3000);
    lag.saw(500, A);
    await clock.advance(1000);
    expect(at(100)).toMatchObject({ bytes: 400, seconds: 4 });
    // What it had at first is here; the rest it has had for a second.
    expect(at(200)).toMatchObject({ bytes: 300, seconds: 1 });
    expect(at(500)).toMatchObject({ bytes: 0, seconds: 0 });
  });

  it('says nothing in bytes of another history', () => {
    const { lag, at } = setUp();
    lag.saw(200, B);
    expect(at(100)).toMatchObject({ bytes: undefined, seconds: 0 });
    expect(at(100, undefined)).toMatchObject({ bytes: undefined });
    lag.saw(300, A);
    expect(at(100)).toMatchObject({ bytes: 200 });
  });

  it('is no less than the time that the link is down', async () => {
    const { clock, lag, link, at } = setUp();
    lag.saw(100, A);
    link.entered('waiting');
    await clock.advance(7000);
    expect(at(100)).toMatchObject({ bytes: 0, seconds: 7 });
    link.entered('stream');
    expect(at(100)).toMatchObject({ seconds: 0 });
  });

  it('keeps since when it is, however often the server is asked', async () => {
    const { clock, lag, at } = setUp();
    for (let i = 0; i < 1000; i++) {
      lag.saw(200 + i, A);
      await clock.advance(1000);
    }
    expect(at(100)).toMatchObject({ bytes: 1099, seconds: 1000 });
  });
});

describe('after a jump of the wall clock', () => {
  const HOUR = 3_600_000;

  it.each([-HOUR, HOUR])('by %d ms the lag still grows by the second', (jump) => {
    const { clock, lag, link, at } = setUp();
    lag.saw(200, A);
    clock.advance(3000);
    clock.jump(jump);
    expect(at(100)).toMatchObject({ seconds: 3, asked: clock.now() - 3000 });
    clock.advance(2000);
    expect(at(100)).toMatchObject({ seconds: 5 });
    link.entered('waiting');
    clock.jump(jump);
    clock.advance(4000);
    expect(at(200)).toMatchObject({ seconds: 4 });
  });

  it.each([-HOUR, HOUR])('by %d ms the dates of the link are those of the new time', (jump) => {
    const { clock, link } = setUp();
    link.entered('transfer');
    clock.advance(1000);
    link.heard(1);
    clock.advance(1000);
    clock.jump(jump);
    clock.advance(1000);
    const now = clock.now();
    expect(link.status).toMatchObject({
      since: now - 3000,
      lastIo: now - 2000,
      downSince: now - 3000,
    });
  });

  it('the dates of the link stay the same until the next jump', () => {
    const { clock, link } = setUp();
    const { since } = link.status;
    clock.jump(-50);
    clock.advance(5000.7);
    expect(link.status.since).toBe(since);
  });
});

describe('what came in', () => {
  it('is counted over sessions, and syncs by why', () => {
    const { link } = setUp();
    const first = { commands: 7 };
    link.began(first);
    link.heard(100);
    first.commands = 10;
    link.began({ commands: 5 });
    link.transferred({ total: 100, read: 40 });
    link.transferred({ total: 100, read: 100 });
    link.entered('stream');
    link.entered('transfer');
    link.transferred({ total: undefined, read: 30 });
    expect(link.status.received).toEqual({ stream: 100, commands: 15, snapshots: 130 });
    link.copied('backlog');
    link.copied('backlog');
    link.continued('new-id');
    link.attemptEnded('TIMEOUT');
    const { syncs, reconnects } = link.status;
    expect([...syncs.full]).toEqual([['backlog', 2]]);
    expect([...syncs.partial]).toEqual([['new-id', 1]]);
    expect([...reconnects]).toEqual([['TIMEOUT', 1]]);
  });
});
