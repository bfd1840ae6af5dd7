import { everyType, installedServers, mixedLoad, Server } from '@forebay/conformance';
import { runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Change, FeedItem } from '../src/index.ts';
import { feed } from '../src/index.ts';
import { expectEqualWhenExecuted } from './executing.ts';

const COMMANDS = 4000;

describe.each(installedServers())('$name', (installed) => {
  it('a snapshot and the changes since are the data set, under a load of all types', async () => {
    const config = { 'repl-backlog-size': '64mb' };
    await using primary = await Server.start(installed, { config });
    await everyType(primary.client);
    const seed = runSeed();
    const load = mixedLoad(primary.client, { seed, rate: 2000, absoluteTimes: true }).start();
    await expect.poll(() => load.commands).toBeGreaterThan(COMMANDS / 4);
    const items: FeedItem[] = [];
    const controller = new AbortController();
    const following = (async () => {
      const { signal } = controller;
      for await (const item of feed({ url: primary.url, snapshot: true, signal })) items.push(item);
    })();
    await expect.poll(() => load.commands).toBeGreaterThan(COMMANDS);
    expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
    // From here on nothing is deleted but what is told.
    await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
    await primary.command('SET', 'the', 'last');
    const changes = () => items.filter((item): item is Change => item.type === 'change');
    const last = () =>
      changes().some(({ keys }) => keys?.some((key) => `${key}` === '116,104,101'));
    await expect.poll(last).toBe(true);
    controller.abort();
    await following;

    await primary.command('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
    await expectEqualWhenExecuted(primary, items);

    const kinds = items.map(({ type }) => type);
    const end = kinds.indexOf('snapshot-end');
    expect(kinds[0]).toBe('snapshot');
    expect(new Set(kinds.slice(1, end))).toEqual(
      new Set(installed.functions ? ['function', 'key'] : ['key']),
    );
    expect(new Set(kinds.slice(end + 1))).toEqual(new Set(['change']));

    const seen = new Set(changes().map(({ command }) => command));
    for (const command of ['SET', 'DEL', 'HSET', 'XADD', 'ZADD', 'SADD']) {
      expect([...seen], `FOREBAY_SEED=${seed}`).toContain(command);
    }
    expect(new Set(changes().map(({ database }) => database)).size).toBe(4);
    const marks = new Set(changes().map(({ tx }) => tx?.mark));
    for (const mark of [undefined, 'begin', 'inside', 'end']) expect(marks).toContain(mark);
    const keyless = changes().filter(({ keys }) => keys === undefined || keys.length === 0);
    const without = [...new Set(keyless.map(({ command }) => command))].sort();
    const known = ['FLUSHALL', 'FLUSHDB', 'FUNCTION', 'PUBLISH', 'SCRIPT', 'SWAPDB'];
    expect(without.filter((command) => !known.includes(command))).toEqual([]);
  });
});
