import { describe, expect, it } from 'vitest';
import type { Reporter } from '../src/reporter.ts';
import { AnnouncedPort } from '../src/serve/announced-port.ts';

function announcing(hosts: readonly string[]) {
  const said: string[] = [];
  const reporter = { step: (message: string) => said.push(message) } as unknown as Reporter;
  const places = hosts.map((host) => ({ host, port: 6380 }));
  const port = new AnnouncedPort(reporter);
  return { over: (local: string | undefined) => port.over(local, places), said };
}

describe('the port that is announced to a primary', () => {
  it.each<[hosts: string[], local: string | undefined, port: number]>([
    [['127.0.0.1'], '127.0.0.1', 6380],
    [['127.0.0.1'], '::ffff:127.0.0.1', 6380],
    [['127.0.0.1'], '10.0.0.5', 0],
    [['127.0.0.1', '::1'], '::1', 6380],
    [['127.0.0.1', '::1'], '2001:db8::5', 0],
    [['127.0.0.1', '10.0.0.5'], '10.0.0.5', 6380],
    [['localhost'], '127.0.0.1', 6380],
    [['localhost'], '10.0.0.5', 0],
    [['0.0.0.0'], '10.0.0.5', 6380],
    [['0.0.0.0'], '2001:db8::5', 0],
    [['::'], '10.0.0.5', 6380],
    [['::'], '2001:db8::5', 6380],
    [['a.name'], '10.0.0.5', 6380],
    // A primary that is reached by a unix socket is on this machine.
    [['127.0.0.1'], undefined, 6380],
    [[], '127.0.0.1', 0],
  ])('listening on %j, over a link that leaves from %s, is %i', (hosts, local, expected) => {
    const { over, said } = announcing(hosts);
    expect(over(local)).toBe(expected);
    expect(said.length).toBe(expected === 0 && hosts.length > 0 ? 1 : 0);
  });

  it('is logged once for each address if it is not announced', () => {
    const { over, said } = announcing(['127.0.0.1']);
    for (const local of ['10.0.0.5', '10.0.0.5', '10.0.0.6']) over(local);
    expect(said).toEqual([
      expect.stringMatching(
        /^port 6380 is not announced to the primary: the local address of the link is 10\.0\.0\.5, .* only at 127\.0\.0\.1; set --bind/,
      ),
      expect.stringMatching(/address of the link is 10\.0\.0\.6/),
    ]);
  });
});
