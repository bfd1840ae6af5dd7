import { compareDataSets, installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { fillEveryType, saved } from './data-set.ts';
import { forebay, pipeInto } from './run.ts';

const oldest = installedServers()[0]!;

describe.each(installedServers())('a snapshot of $name as commands', (installed) => {
  it(`native commands give ${oldest.name} what it knows of, streams with their groups among that`, async () => {
    await using source = await Server.start(installed);
    await using target = await Server.start(oldest);
    await fillEveryType(source);
    await source.command('XACK', 'stream', 'group', '3-1');
    const made = await forebay(['rdb', 'resp', '-', '--plain'], await saved(source));
    expect(made.code).toBe(0);
    await pipeInto(target, made.stdout);
    const differences = await compareDataSets(source.client, target.client);
    const known = /function|field|entries-(added|read)|max-deleted|recorded-first|seen-time|lag/i;
    expect(differences.filter((difference) => !known.test(difference))).toEqual([]);
    const groups = (server: Server) => server.command('XINFO', 'GROUPS', 'stream');
    expect((await groups(target)) as unknown[]).toHaveLength(
      ((await groups(source)) as unknown[]).length,
    );
  });

  it.each([
    ['RESTORE', []],
    ['native commands', ['--plain']],
  ])('%s fill an empty server with an equal data set', async (_, flags) => {
    await using source = await Server.start(installed);
    await using target = await Server.start(installed);
    await fillEveryType(source);
    // A pending entry that is not in the stream any more cannot be made by commands since 7.0.
    if (flags.length > 0) await source.command('XACK', 'stream', 'group', '3-1');
    const rdb = await saved(source);
    const made = await forebay(['rdb', 'resp', '-', ...flags], rdb);
    expect(made.stderr).toBe('');
    expect(made.code).toBe(0);
    expect(await pipeInto(target, made.stdout)).toMatch(/errors: 0, replies: \d{2,}/);
    const differences = await compareDataSets(source.client, target.client);
    expect(differences).toEqual([]);
  });
});
