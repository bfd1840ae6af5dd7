import { compareDataSets, installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { fillEveryType, saved } from '../rdb/data-set.ts';
import { linesOf, pipeInto } from '../rdb/run.ts';
import type { Line } from '../tailing.ts';
import { Tailing } from '../tailing.ts';

type Told = Line & Readonly<Record<string, unknown>>;

/** What `forebay rdb json` says of a server's snapshot, in the words of `forebay tail`. */
async function keysOf(server: Server): Promise<object[]> {
  const lines = (await linesOf(['rdb', 'json', '-'], await saved(server))) as Told[];
  return lines.map(({ type, ...rest }) => ({ ...rest, v: 1, type: 'key', dataType: type }));
}

const ofType = (tail: Tailing, type: string) => tail.lines.filter((line) => line.type === type);
const isLast = (line: Line) => line.args?.[0] === 'the last';

describe.each(installedServers())('$name', (installed) => {
  it('all keys come first, as rdb json has them, and then the changes', async () => {
    await using primary = await Server.start(installed);
    await fillEveryType(primary);
    const tail = new Tailing(['--snapshot', primary.url]);
    await tail.until(() => ofType(tail, 'snapshot-end').length === 1);
    await primary.command('SET', 'the last', '1');
    await tail.until(() => tail.lines.some(isLast));
    expect(await tail.stop()).toBe(0);
    const before = tail.lines.filter((line) => !isLast(line));
    expect(before[0]).toMatchObject({ type: 'snapshot' });
    expect(before.at(-1)).toMatchObject({ type: 'snapshot-end' });
    expect(ofType(tail, 'function')).toHaveLength(installed.functions ? 1 : 0);
    await primary.command('DEL', 'the last');
    const due = await keysOf(primary);
    const byKey = (lines: readonly object[]) => lines.map((line) => JSON.stringify(line)).sort();
    const inOrder = ({ v, type, db, key, dataType, encoding, ...rest }: Told) => {
      return { v, type, db, key, dataType, encoding, ...rest };
    };
    const given = ofType(tail, 'key').map((line) => inOrder(line as Told));
    expect(byKey(given)).toEqual(byKey(due.map((line) => inOrder(line as Told))));
  });

  it.each(['a server', 'a directory'])(
    'the commands of %s fill an empty server, and go on',
    async (source) => {
      await using primary = await Server.start(installed);
      await fillEveryType(primary);
      const directory = await freshDirectory();
      const from = source === 'a server' ? [primary.url] : ['--dir', directory];
      let daemon: Daemon | undefined;
      if (source !== 'a server') {
        daemon = Daemon.follow(primary, directory);
        await daemon.prints(/full copy done/);
      }
      const tail = new Tailing(['--snapshot', '--format', 'resp', ...from]);
      await tail.begun();
      await primary.client.select(9);
      await primary.command('RPUSH', 'the same key', 'more');
      await primary.command('SET', 'the last', '1');
      await tail.until(() => tail.output.includes('the last'));
      expect(await tail.stop()).toBe(0);
      await daemon?.stop();
      await using target = await Server.start(installed);
      expect(await pipeInto(target, tail.output)).toMatch(/errors: 0, replies: \d{2,}/);
      expect(await compareDataSets(primary.client, target.client)).toEqual([]);
    },
  );

  it('--plain makes commands that fill an empty server of the same version and of the oldest', async () => {
    const oldest = installedServers()[0]!;
    await using primary = await Server.start(installed);
    await fillEveryType(primary);
    const tail = new Tailing(['--snapshot', '--format', 'resp', '--plain', primary.url]);
    await tail.begun();
    await primary.command('SET', 'the last', '1');
    await tail.until(() => tail.output.includes('the last'));
    expect(await tail.stop()).toBe(0);
    expect(tail.output.includes('RESTORE')).toBe(false);
    await using target = await Server.start(installed);
    expect(await pipeInto(target, tail.output)).toMatch(/errors: 0, replies: \d{2,}/);
    expect(await compareDataSets(primary.client, target.client)).toEqual([]);
    await using old = await Server.start(oldest);
    await pipeInto(old, tail.output);
    const differences = await compareDataSets(primary.client, old.client);
    const known = /function|field|entries-(added|read)|max-deleted|recorded-first|seen-time|lag/i;
    expect(differences.filter((difference) => !known.test(difference))).toEqual([]);
  });

  it('the commands of a second run empty the target first, where they are to', async () => {
    await using primary = await Server.start(installed);
    await using target = await Server.start(installed);
    const copy = async (...flags: string[]) => {
      const tail = new Tailing(['--snapshot', '--format', 'resp', ...flags, primary.url]);
      await tail.begun();
      expect(await tail.stop()).toBe(0);
      return pipeInto(target, tail.output);
    };
    await fillEveryType(primary);
    expect(await copy()).toMatch(/errors: 0/);
    await primary.command('DEL', 'list small');
    await primary.command('SET', 'text é 漢 🂡', 'another');
    if (installed.functions) await primary.command('FUNCTION', 'FLUSH');
    expect(await copy()).toMatch(/BUSYKEY/);
    expect(await copy('--flush')).toMatch(/errors: 0/);
    expect(await compareDataSets(primary.client, target.client)).toEqual([]);
  });
});
