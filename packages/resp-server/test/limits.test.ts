import { dribble } from '@forebay/conformance';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { RespServerOptions } from '../src/index.ts';
import { listening, Peer } from './peer.ts';

describe('what a browser sends', () => {
  it.each<[what: string, head: string, options?: RespServerOptions]>([
    ['a form', 'POST / HTTP/1.1\r\nOrigin: http://page.example\r\n\r\n'],
    ['a link', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['a form, before the password', 'POST / HTTP/1.1\r\n\r\n', { requirepass: 'secret' }],
  ])('is taken for no command: %s', async (_, head, options = {}) => {
    const foreign: string[] = [];
    const onForeign = (address: string) => foreign.push(address);
    const server = await listening({ ...options, onForeign });
    const peer = await Peer.connect(server.port);
    peer.sendRaw(`${head}CLIENT KILL TYPE normal\r\n`);
    await expect.poll(() => peer.closed).toBe(true);
    expect(peer.received).not.toMatch(/^:/m);
    expect(foreign).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
  });
});

describe('a byte a second', () => {
  /** Sends a byte each second of the clock until it is let go; returns after how many. */
  async function dribbled(peer: Peer, clock: SimulatedClock, port: number): Promise<number> {
    const witness = await Peer.connect(port);
    expect(await witness.ask('AUTH', 'default', 'secret')).toBe('+OK');
    return dribble(peer, witness, clock);
  }

  it.each([
    ['from a client that sends nothing else', {}, ''],
    ['from a client that owes its password', { requirepass: 'secret' }, 'PING\r\n'],
    ['in the middle of a command', {}, 'PING\r\n*1\r\n$50\r\n'],
  ])('%s is no sign of life', async (_, options, first) => {
    const clock = new SimulatedClock();
    const server = await listening({ clock, timeout: 10_000, ...options });
    const peer = await Peer.connect(server.port);
    peer.sendRaw(first);
    const seconds = await dribbled(peer, clock, server.port);
    expect(seconds).toBeGreaterThanOrEqual(10);
    expect(seconds).toBeLessThan(15);
  });

  it('that becomes commands is, where no password is asked for', async () => {
    const clock = new SimulatedClock();
    const server = await listening({ clock, timeout: 10_000 });
    const peer = await Peer.connect(server.port);
    for (let second = 0; second < 30; second++) {
      for (const byte of 'PING\r\n') peer.sendRaw(byte);
      expect(await peer.line()).toBe('+PONG');
      clock.advance(1000);
    }
  });
});

it('requests that are not whole are held up to 64 MiB of all clients, and the largest goes', async () => {
  const server = await listening();
  const bulk = `$60000\r\n${'x'.repeat(60_000)}\r\n`;
  const peers = await Promise.all(Array.from({ length: 80 }, () => Peer.connect(server.port)));
  for (const peer of peers) peer.sendRaw(`*100\r\n${bulk.repeat(16)}`);
  const gone = () => peers.filter(({ closed }) => closed).length;
  // 64 MiB are 69 of them.
  await expect.poll(gone, { timeout: 10_000 }).toBeGreaterThanOrEqual(10);
  expect(gone()).toBeLessThan(15);
  expect(await (await Peer.connect(server.port)).ask('PING')).toBe('+PONG');
});

it('a configured password and limit apply to clients that connect from then on', async () => {
  const server = await listening();
  const first = await Peer.connect(server.port);
  expect(await first.ask('PING')).toBe('+PONG');
  server.configure({ requirepass: 'secret', maxClients: 2 });
  const second = await Peer.connect(server.port);
  expect(await second.ask('PING')).toBe('-NOAUTH Authentication required.');
  expect(await second.ask('AUTH', 'secret')).toBe('+OK');
  expect(await (await Peer.connect(server.port)).line()).toMatch(/^-ERR max number of clients/);
  server.configure({ requirepass: undefined, maxClients: 10 });
  expect(await (await Peer.connect(server.port)).ask('PING')).toBe('+PONG');
  expect(await first.ask('PING')).toBe('+PONG');
});
