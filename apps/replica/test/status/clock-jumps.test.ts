import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { StatusParts } from '../../src/daemon/status-source.ts';
import { statusSource } from '../../src/daemon/status-source.ts';
import { Pause } from '../../src/follow/pause.ts';
import { Stats } from '../../src/port/stats.ts';
import type { Reporter } from '../../src/reporter.ts';
import { History } from '../../src/status/history.ts';
import { Lag } from '../../src/status/lag.ts';
import { LinkRecord } from '../../src/status/link-record.ts';

const HOUR = 3_600_000;

function setUp() {
  const clock = new SimulatedClock();
  const link = new LinkRecord(clock);
  link.entered('stream');
  const follower = { upstream: {}, chain: {}, syncTimes: {}, lag: new Lag(clock), link };
  const parts = { follower, events: { all: [] }, backlogSize: 0 } as unknown as StatusParts;
  return { clock, link, status: statusSource(clock, () => parts) };
}

describe.each([-HOUR, HOUR])('after a jump of the wall clock by %d ms', (jump) => {
  it('the uptime is the time since the start', () => {
    const { clock, status } = setUp();
    clock.advance(5000);
    clock.jump(jump);
    clock.advance(2000);
    expect(status()).toMatchObject({ now: clock.now(), uptime: 7000 });
  });

  it('the rates of INFO are those of the last seconds', () => {
    const { clock, link, status } = setUp();
    const stats = new Stats(clock, status);
    stats.start();
    clock.advance(1000);
    clock.jump(jump);
    link.heard(3000);
    clock.advance(500);
    expect(stats.of(status()).rates.primaryInput).toBe(2000);
    stats.stop();
  });

  it('the duration of a pause is its elapsed time', () => {
    const { clock } = setUp();
    const reporter = { trouble: () => {} } as unknown as Reporter;
    const pause = new Pause(clock, reporter, () => {});
    pause.begin({ cause: 'max-disk', reason: 'no room', needed: 1 });
    clock.advance(5000);
    clock.jump(jump);
    pause.beginOrUpdate({ cause: 'max-disk', reason: 'no room', needed: 2 });
    clock.advance(1000);
    expect(pause.status).toMatchObject({ needed: 2, since: clock.now() - 6000 });
  });

  it('the times of the samples ascend', () => {
    const { clock, status } = setUp();
    const history = new History();
    for (let i = 0; i < 10; i++) {
      if (i === 5) clock.jump(jump);
      history.take(status());
      clock.advance(1000);
    }
    const times = history.samples.map(({ time }) => time as number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBe(clock.now() - 1000);
  });
});
