import { everyType, installedServers, mixedLoad, Server } from '@forebay/conformance';
import { runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { Change, FeedItem } from '../src/index.ts';
import { feed } from '../src/index.ts';
import { expectEqualWhenExecuted } from './executing.ts';
import { decodeAll, latin1, stream } from './streams.ts';

const COMMANDS = 4000;

/** Propagated as another command (DEL), or never. */
const WITHOUT_KEYS_KNOWN = new Set(['delifeq']);

/** Writes whose keys are not simply their first argument. */
const COMMANDS_WITH_KEYS = [
  ...['SORT l STORE d', 'SORT l BY w_* GET o_* GET # STORE d', 'SORT l LIMIT 0 5 DESC'],
  ...['SORT l BY nosort STORE d', 'SORT l STORE a STORE b', 'SORT l GET store STORE d'],
  ...['MSET a 1 b 2', 'MSETNX a 1 b 2', 'DEL a b c', 'RENAME a b', 'SMOVE a b m', 'COPY a b'],
  ...['ZUNIONSTORE d 2 a b WEIGHTS 1 2', 'ZINTERSTORE d 1 a', 'SDIFFSTORE d a b'],
  ...['BITOP AND d a b', 'PFMERGE d a b', 'EVAL code 2 a b c', 'RPOPLPUSH a b'],
  ...['LMOVE a b LEFT RIGHT', 'GEORADIUS k 0 0 1 m STORE d', 'XGROUP CREATE k g $'],
  ...['GEOSEARCHSTORE d k FROMMEMBER m BYRADIUS 1 m', 'ZRANGESTORE d k 0 1', 'SETEX k 1 v'],
];

describe.each(installedServers())('$name', (installed) => {
  it('keys are those that the server says', async () => {
    await using server = await Server.start(installed);
    for (const command of COMMANDS_WITH_KEYS) {
      const due = await server.command('COMMAND', 'GETKEYS', ...command.split(' ')).catch(() => []);
      const [change] = decodeAll([stream(command)]);
      // A command that it does not have.
      if ((due as string[]).length === 0) continue;
      expect([...new Set(change!.keys!.map(latin1))].sort(), command).toEqual(
        [...new Set(due as string[])].sort(),
      );
    }
  });

  it('of every command that writes it is known where keys are', async () => {
    await using server = await Server.start(installed);
    const table = (await server.command('COMMAND')) as unknown[][];
    const writes = table.filter(([, , flags]) =>
      (flags as unknown[]).map(String).includes('write'),
    );
    expect(writes.length).toBeGreaterThan(80);
    const unknown = writes
      .map(([name]) => String(name))
      .filter((name) => {
        const [change] = decodeAll([stream(`${name} a 1 b`)]);
        return change?.keys === undefined;
      });
    expect(unknown.filter((name) => !WITHOUT_KEYS_KNOWN.has(name))).toEqual([]);
  });

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
    const known = ['FLUSHALL', 'FLUSHDB', 'FUNCTION', 'PUBLISH', 'SCRIPT', 'SPUBLISH', 'SWAPDB'];
    expect(without.filter((command) => !known.includes(command))).toEqual([]);
  });
});
