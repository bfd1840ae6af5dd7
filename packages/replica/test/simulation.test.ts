import { SimulatedClock, textOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import { counted, fullResync, marked, rdb, stream } from './payloads.ts';
import { simulatedTransport } from './simulated.ts';
import { Taker } from './taker.ts';

const GREETING = '+PONG\r\n+OK\r\n+OK\r\n+OK\r\n';
const RDB = rdb();

/** One who follows without a socket or a clock. */
function simulated() {
  const clock = new SimulatedClock();
  const { transport, links } = simulatedTransport();
  const backoff = { initialDelay: 100, maxDelay: 400, random: () => 1 };
  const url = 'redis://nowhere.invalid';
  const taker = new Taker({ url, transport, clock, backoff, timeouts: { idle: 5000 } });
  return { clock, links, taker, [Symbol.asyncDispose]: () => taker[Symbol.asyncDispose]() };
}

function acknowledgements(written: string): number {
  return written.split('\r\nACK\r\n').length - 1;
}

describe('without sockets and without a clock', () => {
  it('a link lives as it does with them', async () => {
    await using run = simulated();
    const { clock, links, taker } = run;
    await clock.pass(0);
    await links[0]!.send(GREETING, fullResync(50, counted(RDB), stream('SET a 1')));
    expect(links[0]!.written).toContain('PSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n');
    expect(taker.types).toEqual(['full-resync', 'snapshot', 'snapshot-end', 'stream']);
    expect(taker.stream).toBe(textOf(stream('SET a 1')));
    const before = acknowledgements(links[0]!.written);
    await clock.pass(4000);
    expect(acknowledgements(links[0]!.written)).toBe(before + 4);
    expect(taker.errors).toEqual([]);
    await clock.pass(2000);
    expect(taker.errors).toMatchObject([{ code: 'TIMEOUT' }]);
  });

  it('waits between attempts are as long as they are said to be', async () => {
    await using run = simulated();
    const { clock, links, taker } = run;
    for (const [n, delay] of [100, 200, 400, 400].entries()) {
      await clock.pass(0);
      expect(links).toHaveLength(n + 1);
      await links[n]!.cut();
      expect(taker.delays.at(-1)).toBe(delay);
      await clock.pass(delay - 1);
      expect(links).toHaveLength(n + 1);
      await clock.pass(1);
    }
    expect(links).toHaveLength(5);
  });

  it('nothing is left to be called after detach', async () => {
    const { clock, links, taker } = simulated();
    await clock.pass(0);
    await links[0]!.send(GREETING, fullResync(50, marked(RDB)));
    expect(clock.pending).toBeGreaterThan(0);
    await taker.replica.detach();
    expect(links[0]!.open).toBe(false);
    expect(clock.pending).toBe(0);
  });
});

describe('acknowledgements of a snapshot with a mark', () => {
  it('come ten times a second, and after five seconds once', async () => {
    await using run = simulated();
    const { clock, links } = run;
    await clock.pass(0);
    await links[0]!.send(GREETING, fullResync(50, marked(RDB)));
    expect(acknowledgements(links[0]!.written)).toBe(1);
    await clock.pass(5000);
    expect(acknowledgements(links[0]!.written)).toBe(1 + 50 + 5);
    links[0]!.listener.onBytes(stream('PING'));
    await clock.pass(3000);
    expect(acknowledgements(links[0]!.written)).toBe(1 + 50 + 8);
  });
});
