import { compareDataSets, installedServers, Server } from '@forebay/conformance';
import { RdbWriter, type WritableEvent } from '@forebay/rdb';
import { describe, expect, it } from 'vitest';
import { fillEveryType, saved } from './data-set.ts';
import { forebay, pipeInto } from './run.ts';

const oldest = installedServers()[0]!;

describe.each(installedServers())('a snapshot of $name as commands', (installed) => {
  it(`native commands give ${oldest.name} what it knows of, streams with their groups among that`, async () => {
    await using source = await Server.start(installed);
    await using target = await Server.start(oldest);
    await fillEveryType(source);
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

  it('keep pending entries whose messages were deleted, and consumers that have no others', async () => {
    await using source = await Server.start(installed);
    await using target = await Server.start(installed);
    for (const key of ['some', 'all']) {
      for (let i = 1; i <= 9; i++) await source.command('XADD', key, `${i}-1`, 'field', i);
      const group = (name: string) => source.command('XGROUP', 'CREATE', key, name, 0);
      for (const name of ['g', 'h']) await group(name);
      const read = (name: string, consumer: string, count: number) =>
        source.command('XREADGROUP', 'GROUP', name, consumer, 'COUNT', count, 'STREAMS', key, '>');
      await read('g', 'both', 3);
      await read('g', 'deleted only', 2);
      await read('g', 'held only', 1);
      await read('h', 'ahead', 9);
      await source.command('XREADGROUP', 'GROUP', 'h', 'idle', 'STREAMS', key, '0');
    }
    await source.command('XDEL', 'some', '1-1', '4-1', '5-1', '9-1');
    await source.command('XTRIM', 'all', 'MAXLEN', 0);
    const made = await forebay(['rdb', 'resp', '-', '--plain'], await saved(source));
    expect(made).toMatchObject({ stderr: '', code: 0 });
    expect(await pipeInto(target, made.stdout)).toMatch(/errors: 0,/);
    expect(await compareDataSets(source.client, target.client)).toEqual([]);
    const pending = (server: Server) =>
      server.command('XPENDING', 'all', 'h', '-', '+', 10, 'ahead') as Promise<unknown[]>;
    const idOf = (entries: unknown[]) => entries.map((entry) => (entry as unknown[])[0]);
    expect(idOf(await pending(target))).toEqual(idOf(await pending(source)));
    expect(await pending(target)).toHaveLength(9);
  });

  it.each([
    ['RESTORE', []],
    ['native commands', ['--plain']],
  ])('%s fill an empty server with an equal data set', async (_, flags) => {
    await using source = await Server.start(installed);
    await using target = await Server.start(installed);
    await fillEveryType(source);
    const rdb = await saved(source);
    const made = await forebay(['rdb', 'resp', '-', ...flags], rdb);
    expect(made.stderr).toBe('');
    expect(made.code).toBe(0);
    expect(await pipeInto(target, made.stdout)).toMatch(/errors: 0, replies: \d{2,}/);
    const differences = await compareDataSets(source.client, target.client);
    expect(differences).toEqual([]);
  });
});

it('pending entries that consumers released are left out of plain commands, and their number is reported', async () => {
  const name = Buffer.from('g');
  const events: WritableEvent[] = [
    { type: 'key', key: Buffer.from('k'), dataType: 'stream', valueType: 27 },
    { type: 'entry', id: '1-1', fields: [Buffer.from('a'), Buffer.from('b')] },
    {
      type: 'stream',
      length: 1,
      lastId: '1-1',
      firstId: '1-1',
      maxDeletedId: '0-0',
      entriesAdded: 1n,
    },
    { type: 'group', name, lastId: '9-9', entriesRead: undefined },
    { type: 'pending', id: '1-1', deliveredAt: 5, deliveries: 6 },
    { type: 'negative', id: '1-1' },
    { type: 'idempotence', duration: 100, most: 100 },
    { type: 'idempotence-counts', counts: [0n, 0n] },
    { type: 'key-end' },
    { type: 'end' },
  ];
  const writer = new RdbWriter({ magic: 'REDIS', version: 14 });
  for (const event of events) writer.write(event);
  const made = await forebay(['rdb', 'resp', '-', '--plain'], writer.take());
  expect(made.code).toBe(0);
  expect(made.stderr).toMatch(
    /^\S+ 1 pending entries left out that consumers released \(XNACK\): no command sets them\n$/,
  );
  expect(made.stdout.toString()).not.toMatch(/XCLAIM/);
});
