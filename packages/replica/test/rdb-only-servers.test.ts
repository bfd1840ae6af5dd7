import { installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Taker } from './taker.ts';

describe.each(installedServers())('a snapshot of $name', (installed) => {
  it('is fetched beside a link that streams, which is not disturbed', async () => {
    await using server = await Server.start(installed);
    await seedDataSet(server.client, { megabytes: 4, valueBytes: 1000 });
    await using streaming = new Taker({ url: server.url });
    await expect.poll(() => streaming.replica.state).toBe('stream');
    const count = async (): Promise<number> => Number((await server.info('stats')).sync_full);
    const before = await count();

    const refused: string[] = [];
    await using fetching = new Taker({ url: server.url, rdbOnly: true });
    fetching.replica.on('option-refused', (option) => refused.push(option));
    let writes = 0;
    let ended = false;
    void fetching.ended.then(() => {
      ended = true;
    });
    while (!ended) await server.command('SET', 'key', `value ${writes++}`);
    expect(await fetching.ended).toBeUndefined();

    expect(fetching.types).toEqual(['full-resync', 'snapshot', 'snapshot-end']);
    expect(refused.includes('rdb-only')).toBe(!installed.since62);
    const { master_replid } = await server.info('replication');
    const end = fetching.item('snapshot-end')!;
    expect(end.history.id).toBe(master_replid);
    expect(fetching.item('full-resync')?.position).toEqual({
      id: master_replid,
      offset: end.offset,
    });
    expect(fetching.snapshot.length).toBeGreaterThan(4 * 1024 * 1024);
    expect(await count()).toBe(before + 1);
    await server.command('SET', 'key', 'after it');
    await expect.poll(() => streaming.stream).toContain('after it');
    expect(streaming.types.filter((type) => type === 'full-resync')).toHaveLength(1);
    expect(streaming.replica.offset).toBeGreaterThanOrEqual(end.offset);
    expect(streaming.errors).toEqual([]);
    await expect.poll(async () => (await server.info('replication')).connected_slaves).toBe('1');
  });

  it('is left empty where that is asked for, and known: the stream comes all the same', async () => {
    await using server = await Server.start(installed);
    await seedDataSet(server.client, { megabytes: 1, valueBytes: 1000 });
    const refused: string[] = [];
    await using taker = new Taker({ url: server.url, rdbFilterOnly: '' });
    taker.replica.on('option-refused', (option) => refused.push(option));
    await expect.poll(() => taker.replica.state).toBe('stream');
    await server.client.select(3);
    await server.command('SET', 'key', 'after it');
    await expect.poll(() => taker.stream).toContain('after it');
    expect(taker.stream).toMatch(/SELECT\r\n\$1\r\n3\r\n/i);
    const isKnown = installed.absoluteTimes;
    expect(refused.includes('rdb-filter-only')).toBe(!isKnown);
    if (isKnown) expect(taker.snapshot.length).toBeLessThan(1024);
    else expect(taker.snapshot.length).toBeGreaterThan(1024 * 1024);
  });
});
