import { describe, expect, it } from 'vitest';
import {
  atLeast,
  everyType,
  type InstalledServer,
  installedServers,
  Server,
} from '../src/index.ts';

/** The words of `OBJECT ENCODING` that a version has for what it keeps. */
function encodingsOf(installed: InstalledServer): string[] {
  const { flavour, version, fieldTtl } = installed;
  const small = atLeast(version, '7.0') ? 'listpack' : 'ziplist';
  return [
    ...['embstr', 'hashtable', 'int', 'intset', small, 'quicklist', 'raw', 'skiplist', 'stream'],
    ...(fieldTtl && flavour === 'redis' ? ['listpackex'] : []),
  ].sort();
}

describe.each(installedServers())('every type of $name', (installed) => {
  it('is there in every encoding, and in several databases', async () => {
    await using server = await Server.start(installed);
    await everyType(server.client);
    const keys = (await server.commandBuffer('KEYS', '*')) as Buffer[];
    const encodings = await Promise.all(
      keys.map((key) => server.command('OBJECT', 'ENCODING', key)),
    );
    expect([...new Set(encodings)].sort()).toEqual(expect.arrayContaining(encodingsOf(installed)));
    const types = await Promise.all(keys.map((key) => server.command('TYPE', key)));
    const due = ['hash', 'list', 'set', 'stream', 'string', 'zset'];
    expect([...new Set(types)].sort()).toEqual(due);
    expect(Object.keys(await server.info('keyspace'))).toEqual(['db0', 'db1', 'db9']);
  });
});
