import { installedServers, Server } from '@forebay/conformance';
import { matchesGlob } from '@forebay/resp';
import { randomFrom, runSeed } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';

const LETTERS = ['a', 'b', 'c', '-', '[', ']', '^', '*', '?', '\\', '\xff'];

describe.each(installedServers())('globs of $name', (installed) => {
  it('match what they match there', async () => {
    await using server = await Server.start(installed);
    const random = randomFrom(runSeed());
    const text = (most: number) => {
      const length = random.integer(0, most);
      return Buffer.from(Array.from({ length }, () => random.pick(LETTERS)).join(''), 'latin1');
    };
    const keys = Array.from({ length: 300 }, () => text(4));
    for (const key of keys) await server.command('SET', key, 1);
    const names = [...new Set(keys.map((key) => key.toString('latin1')))];
    for (let i = 0; i < 300; i++) {
      const glob = text(6);
      const there = (await server.commandBuffer('KEYS', glob)) as Buffer[];
      const due = there.map((key) => key.toString('latin1')).sort();
      const ours = names.filter((name) => matchesGlob(glob, Buffer.from(name, 'latin1'))).sort();
      expect([glob.toString('latin1'), ours]).toEqual([glob.toString('latin1'), due]);
    }
  });
});
