import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import type { ReplicaState } from '../src/index.ts';
import { Taker } from './taker.ts';

const SLOW_SNAPSHOT = { 'repl-diskless-sync': 'yes', 'rdb-key-save-delay': 1000 };

/** What brings a replica of a real server into a state, and keeps it there. */
const STATES: [state: ReplicaState, config: Record<string, string | number>][] = [
  ['handshake', {}],
  ['transfer', SLOW_SNAPSHOT],
  ['stream', {}],
  ['waiting', {}],
];

describe.each(installedServers())('detach, from $name', (installed) => {
  it.each(STATES)('in state %s', async (state, config) => {
    await using server = await Server.start(installed, { config });
    await seedDataSet(server.client, { megabytes: 1, valueBytes: 100 });
    const before = (await server.info('clients')).connected_clients;
    // A frozen server is connected to by the kernel, and says nothing.
    if (state === 'handshake') server.freeze();
    const { url } = server;
    if (state === 'waiting') await server.kill();
    const backoff = { initialDelay: 600_000, maxDelay: 600_000 };
    await using taker = new Taker({ url, backoff });
    await expect.poll(() => taker.replica.state).toBe(state);
    if (state === 'transfer') await expect.poll(() => taker.types).toContain('snapshot');

    await taker.replica.detach();
    expect(await taker.ended).toBeUndefined();
    expect(taker.replica.state).toBe('detached');
    // In the stream a PING may have come meanwhile.
    const expected = { transfer: 'snapshot-aborted', stream: 'snapshot-end' }[state as string];
    expect(taker.types.filter((type) => type !== 'stream').at(-1)).toBe(expected);
    if (state === 'waiting') return;
    server.thaw();
    await expect.poll(async () => (await server.info('replication')).connected_slaves).toBe('0');
    await expect.poll(async () => (await server.info('clients')).connected_clients).toBe(before);
  });
});
