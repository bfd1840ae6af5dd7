import { installedServers, Server } from '@forebay/conformance';
import { SimulatedClock } from '@forebay/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DelayedResync, PrimaryOptions, ReplicaDescription } from '../src/index.ts';
import { Primary } from '../src/index.ts';
import { Peer } from './peer.ts';

/** Milliseconds that a server needs, at the most, to be where it is awaited. */
const PATIENCE = { timeout: 30_000 };
/** An RDB of a version that no server reads. */
const UNREADABLE = rdb('REDIS9999');
const READABLE = rdb('REDIS0009');

/** No keys, and no checksum. */
function rdb(magic: string): Uint8Array {
  return new Uint8Array([...Buffer.from(magic), 0xff, ...new Array<number>(8).fill(0)]);
}

interface Watched {
  readonly primary: Primary;
  /** The port of each replica that got a full resync, in their order. */
  readonly resyncs: number[];
  /** Full resyncs that were not loaded. */
  readonly failed: () => number;
  readonly delayed: (DelayedResync & Pick<ReplicaDescription, 'port' | 'version'>)[];
}

async function watched(options: PrimaryOptions = {}): Promise<Watched> {
  const resyncs: number[] = [];
  const delayed: Watched['delayed'] = [];
  let failed = 0;
  const events = {
    onFullResync: ({ port }: ReplicaDescription) => resyncs.push(port),
    onFullResyncDelayed: ({ port, version }: ReplicaDescription, delay: DelayedResync) =>
      delayed.push({ port, version, ...delay }),
    onGone: (_: ReplicaDescription, reason: string | undefined) => {
      if (reason === 'the replica did not load the full resync') failed++;
    },
  };
  const primary = new Primary({ rdb: UNREADABLE, resyncBackoff: {}, ...options, events });
  onTestFinished(() => primary.close());
  await primary.listen();
  return { primary, resyncs, failed: () => failed, delayed };
}

describe('replicas that cannot read the RDB', () => {
  it('get full resyncs with growing delays, and load one that they can read', async () => {
    const resyncBackoff = { initialDelay: 2000, maxDelay: 2000 };
    const { primary, resyncs, delayed } = await watched({ resyncBackoff });
    const config = { replicaof: `127.0.0.1 ${primary.port}` };
    const servers = await Promise.all(
      installedServers().map((installed) => Server.start(installed, { config })),
    );
    onTestFinished(async () => {
      await Promise.all(servers.map((server) => server.stop()));
    });
    const failures = (port: number) =>
      Math.max(0, ...delayed.filter((each) => each.port === port).map((each) => each.failures));
    await expect
      .poll(() => Math.min(...servers.map(({ port }) => failures(port))), PATIENCE)
      .toBeGreaterThanOrEqual(3);
    for (const { port } of servers) {
      // One for each failure, and perhaps one that is under way: none hurries.
      const count = resyncs.filter((each) => each === port).length;
      expect(count).toBeLessThanOrEqual(failures(port) + 1);
    }
    expect(delayed.map(({ format }) => format)).toEqual(delayed.map(() => 'REDIS9999'));
    for (const { port, installed } of servers) {
      const { version } = delayed.find((each) => each.port === port)!;
      const tells = installed.flavour === 'valkey';
      expect(version).toBe(tells ? installed.version : undefined);
    }
    primary.replaceSnapshot(READABLE);
    primary.propagate(['SET', 'k', 'v']);
    for (const server of servers) {
      await expect.poll(() => server.command('GET', 'k').catch(String), PATIENCE).toBe('v');
    }
  }, 120_000);
});

describe('a replica that does not load full resyncs', () => {
  /** A replica's connection, up to its PSYNC. */
  async function asks(
    { primary: { port } }: Watched,
    listeningPort: number,
    version = '8.1.0',
  ): Promise<Peer> {
    const peer = await Peer.connect(port);
    await peer.ask('REPLCONF', 'listening-port', String(listeningPort), 'capa', 'eof');
    await peer.ask('REPLCONF', 'version', version);
    peer.send('PSYNC', '?', '-1');
    return peer;
  }

  async function fails(watched: Watched, listeningPort: number, version?: string): Promise<void> {
    const due = watched.failed() + 1;
    const peer = await asks(watched, listeningPort, version);
    await expect.poll(() => peer.received, PATIENCE).toContain('REDIS9999');
    peer.close();
    await expect.poll(watched.failed, PATIENCE).toBe(due);
  }

  it('gets the second at once, and each further one after a doubled delay, up to the maximum', async () => {
    const clock = new SimulatedClock();
    const told = await watched({ clock, resyncBackoff: { initialDelay: 2000, maxDelay: 6000 } });
    await fails(told, 7000);
    await fails(told, 7000);
    for (const [i, delay] of [2000, 4000, 6000, 6000].entries()) {
      const peer = await asks(told, 7000);
      await expect.poll(() => told.delayed.length, PATIENCE).toBe(i + 1);
      expect(told.delayed.at(-1)).toMatchObject({ failures: i + 2, delay, version: '8.1.0' });
      // It is kept waiting as by a server that makes the snapshot.
      clock.advance(delay - 1);
      await expect.poll(() => peer.received, PATIENCE).toMatch(/^\n+$/);
      expect(told.resyncs).toHaveLength(i + 2);
      clock.advance(1);
      await expect.poll(() => peer.received, PATIENCE).toContain('REDIS9999');
      peer.close();
      await expect.poll(told.failed, PATIENCE).toBe(i + 3);
    }
  });

  it('has no delay after it loaded one, or with another version or port', async () => {
    const told = await watched({ clock: new SimulatedClock() });
    for (let i = 0; i < 2; i++) await fails(told, 7000);
    await fails(told, 7001);
    await fails(told, 7000, '9.1.0');
    const loads = await asks(told, 7000, '9.1.0');
    await expect.poll(() => loads.received, PATIENCE).toMatch(/\$EOF:(\w{40})\r\n.*\1$/s);
    loads.send('REPLCONF', 'ACK', '0');
    await expect.poll(() => told.primary.replicas[0]?.state, PATIENCE).toBe('online');
    loads.close();
    await expect.poll(() => told.primary.replicas, PATIENCE).toEqual([]);
    for (let i = 0; i < 2; i++) await fails(told, 7000, '9.1.0');
    expect(told.delayed).toEqual([]);
  });
});
