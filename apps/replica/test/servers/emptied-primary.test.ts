import { installedServers, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { caughtUp } from '../primary.ts';
import { forebay } from '../rdb/run.ts';

describe.each(installedServers())('$name', (installed) => {
  it('that restarts without its data is followed, and the command that restores the data is logged', async () => {
    const directory = await freshDirectory();
    const before = await Server.start(installed);
    const config = { port: String(before.port) };
    for (let i = 0; i < 100; i++) await before.command('SET', `key:${i}`, 'value');
    const daemon = Daemon.follow(before, directory);
    await daemon.prints(/full copy done/);
    await before.command('SET', 'one more', 'value');
    await caughtUp(before);
    await before.stop();
    await using after = await Server.start(installed, { config });
    await daemon.prints(
      /shares no history .*; it probably restarted without its data or from an AOF/,
    );
    await daemon.prints(
      /left less than half of the data set: 0 keys \(.*\), where 100 keys \(.*\) were held up to \w{40}:\d+; to restore/,
    );
    const [, at = ''] =
      /forebay restore \S+ --out OUT --at (\w{40}:\d+)/.exec(daemon.printed) ?? [];
    expect(Number((await after.command('DBSIZE')) as number)).toBe(0);
    expect(await daemon.stop()).toBe(0);
    const out = `${directory}-restored`;
    const { code, stdout } = await forebay(['restore', directory, '--out', out, '--at', at]);
    expect(stdout.toString()).toContain(`reached    ${at}`);
    expect(code).toBe(0);
  });
});
