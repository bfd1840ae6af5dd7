import { Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { SlowProxy } from '../http/slow-proxy.ts';
import { cutReplicas } from '../primary.ts';
import { serversNamed } from './chain.ts';

const MEGABYTE = 1024 * 1024;
const CAUSE = /why \S+ closed the link: .*/;

/** Sets what was advised, word by word. */
async function obey(primary: Server, printed: string): Promise<void> {
  const [, name = '', value = ''] = /CONFIG SET (\S+) "?([^"\n]+)/.exec(printed) ?? [];
  await primary.command('CONFIG', 'SET', name, value);
}

// 6.0 and 7.0 count no such cuts, 9.1 does.
describe.each(serversNamed('redis-6.0', 'redis-7.0', 'valkey-9.1'))('$name', (installed) => {
  async function primaryWith(config: Record<string, string | number>): Promise<Server> {
    const primary = await Server.start(installed, {
      config: { 'repl-backlog-size': '16kb', ...config },
    });
    onTestFinished(() => primary.stop());
    return primary;
  }

  it('a stream cut at client-output-buffer-limit is explained, and the advised limit is enough', async () => {
    const primary = await primaryWith({ 'client-output-buffer-limit': 'replica 6mb 0 0' });
    const daemon = Daemon.follow(primary, await freshDirectory());
    await daemon.prints(/full copy done/);
    await primary.command('SET', 'key', 'x'.repeat(20 * MEGABYTE));
    await daemon.prints(CAUSE);
    const likely = installed.waitaof ? '' : 'possibly ';
    const unless = installed.waitaof
      ? ''
      : 'if the primary\'s log has "overcoming of output buffer limits", ';
    expect(daemon.printed).toMatch(
      new RegExp(
        `why \\S+ closed the link: ${likely}client-output-buffer-limit: the output buffer of this replica exceeded ` +
          `6.00 MiB; ${unless}on the primary: CONFIG SET client-output-buffer-limit "replica 24mb 0 0"`,
      ),
    );
    await daemon.prints(/full copy done/, 2);
    await obey(primary, daemon.printed);
    await primary.command('SET', 'key', 'y'.repeat(10 * MEGABYTE));
    await primary.command('SET', 'mark', 'after');
    expect(await primary.command('WAIT', 1, 20_000)).toBe(1);
    expect(
      daemon.printed.match(new RegExp(CAUSE, 'g')),
      daemon.printed + primary.log(),
    ).toHaveLength(1);
  });

  it('a transfer cut at client-output-buffer-limit is explained', async () => {
    const primary = await primaryWith({ 'client-output-buffer-limit': 'replica 1mb 0 0' });
    await seedDataSet(primary.client, { megabytes: 24, valueBytes: 10_000 });
    await using proxy = await SlowProxy.to(primary);
    proxy.rate = 2 * MEGABYTE;
    const flags = ['--replicaof', proxy.host, String(proxy.port), '--dir', await freshDirectory()];
    const daemon = Daemon.start(['replica', ...flags]);
    await daemon.prints(/full copy, /);
    await primary.command('SET', 'key', 'x'.repeat(4 * MEGABYTE));
    proxy.rate = 100 * MEGABYTE;
    await daemon.prints(CAUSE);
    expect(daemon.printed).toMatch(
      /why \S+ closed the link: (probably )?client-output-buffer-limit/,
    );
    await daemon.prints(/full copy cut short/);
  });

  it('a link closed by repl-timeout while this process was stopped is explained', async () => {
    const primary = await primaryWith({ 'repl-timeout': 3, 'repl-ping-replica-period': 1 });
    const daemon = Daemon.follow(primary, await freshDirectory());
    await daemon.prints(/full copy done/);
    daemon.signal('SIGSTOP');
    const attached = async () => (await primary.info('replication')).connected_slaves;
    await expect.poll(attached, { timeout: 20_000 }).toBe('0');
    daemon.signal('SIGCONT');
    await daemon.prints(CAUSE);
    expect(daemon.printed).toMatch(
      /closed the link: probably its repl-timeout of 3 s: this process did not run for \d+ s .*CONFIG SET repl-timeout \d+/,
    );
  });

  it.runIf(installed.waitaof)(
    'a link that an operator cut is not explained by a limit',
    async () => {
      const primary = await primaryWith({});
      const daemon = Daemon.follow(primary, await freshDirectory());
      await daemon.prints(/full copy done/);
      await cutReplicas(primary);
      await daemon.prints(/partial resync|full copy done/, 2);
      expect(daemon.printed).not.toMatch(CAUSE);
    },
  );
});
