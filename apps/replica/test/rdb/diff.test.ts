import { writeFile } from 'node:fs/promises';
import { installedServer, installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { fillEveryType, freshFile, saved } from './data-set.ts';
import { forebay, printedInto } from './run.ts';

const noServer = installedServers().length === 0;

describe.each(installedServers())('two snapshots of $name', (installed) => {
  it('that are of one data set do not differ; what is changed is told', async () => {
    await using one = await Server.start(installed);
    await using other = await Server.start(installed, { config: { 'list-max-ziplist-size': 2 } });
    for (const server of [one, other]) await fillEveryType(server);
    // Times of delivery are those of each server's own clock, and relative times to live too.
    for (const server of [one, other]) {
      for (const key of ['stream', 'expires']) await server.command('DEL', key);
      await server.command('XADD', 'stream', '1-1', 'a', 'b');
      await server.command('XGROUP', 'CREATE', 'stream', 'group', '$');
    }
    const first = await freshFile('first.rdb');
    await writeFile(first, await saved(one));
    const same = await forebay(['rdb', 'diff', first, '-'], await saved(other));
    expect([same.stdout.toString(), same.stderr, same.code]).toEqual(['', '', 0]);

    await one.command('SET', 'only here', 1);
    await one.command('LSET', 'list large', 1500, 'another');
    await one.command('HSET', 'hash large', 'field 7', 'value 8');
    await one.command('ZADD', 'zset small', 7, 'm1');
    await one.command('XGROUP', 'CREATE', 'stream', 'another', '$');
    await one.command('PERSIST', 'number 0');
    await other.command('SADD', 'set large', 'one more');
    await other.command('DEL', 'compressed');
    await other.command('RPUSH', 'compressed', 1);
    await other.command('SELECT', 9);
    await other.command('SET', 'only there', 1);
    const changes = [
      '!\t0\t"compressed"\ttype,value',
      '!\t0\t"hash large"\tvalue',
      '!\t0\t"list large"\tvalue',
      '!\t0\t"number 0"\tttl',
      '!\t0\t"set large"\tvalue',
      '!\t0\t"stream"\tvalue',
      '!\t0\t"zset small"\tvalue',
    ];
    await writeFile(first, await saved(one));
    const changed = await saved(other);
    const there = await forebay(['rdb', 'diff', first, '-'], changed);
    expect(there.code).toBe(1);
    expect(there.stderr).toMatch(
      /not the same: 1 only in .*, 1 only in -, 7 differ, \d+ are equal\n$/,
    );
    const lines = there.stdout.toString().trimEnd().split('\n').sort();
    expect(lines).toEqual([...changes, '+\t9\t"only there"', '-\t0\t"only here"']);
    const back = await forebay(['rdb', 'diff', '-', first], changed);
    const mirrored = back.stdout.toString().trimEnd().split('\n').sort();
    expect(mirrored).toEqual([...changes, '+\t0\t"only here"', '-\t9\t"only there"']);
  });
});

it.skipIf(noServer)('snapshots of one data set by two versions do not differ', async () => {
  await using old = await Server.start(installedServer('redis-6.0'));
  await using young = await Server.start(installedServer('valkey-9.1'));
  for (const { command } of [old, young].map((server) => ({
    command: server.command.bind(server),
  }))) {
    await command('RPUSH', 'list', ...Array.from({ length: 300 }, (_, i) => i));
    await command('ZADD', 'zset', 0.1, 'a', -1e300, 'b', 'inf', 'c');
    await command('HSET', 'hash', 'a', 1, 'b', 2);
    await command('SADD', 'set', 'a', 1, 'b', 2);
    await command('XADD', 'stream', '5-1', 'a', 'b');
    await command('XADD', 'stream', '5-2', 'a', 'b');
    await command('XDEL', 'stream', '5-1');
  }
  const file = await freshFile('old.rdb');
  await writeFile(file, await saved(old));
  const { stdout, code } = await forebay(['rdb', 'diff', file, '-'], await saved(young));
  expect([stdout.toString(), code]).toEqual(['', 0]);
});

it('that nobody reads what differs is no sign that nothing does', async () => {
  const [one, other] = [await freshFile('one.rdb'), await freshFile('other.rdb')];
  await writeFile(one, 'REDIS0003\xff', 'latin1');
  await writeFile(other, 'REDIS0003\xfe\0\0\x01k\x01v\xff', 'latin1');
  const unread = await printedInto(['rdb', 'diff', one, other], 'true');
  expect([unread.code, unread.stderr]).toEqual([1, '']);
  const same = await printedInto(['rdb', 'diff', one, one], 'true');
  expect([same.code, same.stderr]).toEqual([0, '']);
});

it('functions are compared where keys are not chosen', async () => {
  const [one, other] = [await freshFile('one.rdb'), await freshFile('other.rdb')];
  await writeFile(one, 'REDIS0003\xff', 'latin1');
  await writeFile(other, 'REDIS0003\xf5\x0d#!lua name=mi\xff', 'latin1');
  const all = await forebay(['rdb', 'diff', one, other]);
  expect([all.code, all.stdout.toString()]).toEqual([1, '+\tfunction\t"mi"\n']);
  for (const chosen of [
    ['--match', '*'],
    ['--type', 'list'],
    ['--db', '0'],
  ]) {
    const { code, stdout } = await forebay(['rdb', 'diff', one, other, ...chosen]);
    expect([chosen, code, stdout.toString()]).toEqual([chosen, 0, '']);
  }
});
