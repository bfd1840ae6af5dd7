import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedServers, ScriptedPrimary, Server } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from './daemon.ts';
import { caughtUp } from './primary.ts';

const KIB = 1024;

describe('a disk that fills up', () => {
  it('under the stream: what was acknowledged is on it, and the daemon says what to do', async () => {
    const id = 'a'.repeat(40);
    const rdb = 'REDIS0009\xff\0\0\0\0\0\0\0\0';
    const set = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n${'x'.repeat(1000)}\r\n`;
    let acknowledged = 0;
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      await peer.handshake();
      await peer.send(`+FULLRESYNC ${id} 0\r\n$${rdb.length}\r\n${rdb}`);
      for (;;) {
        await peer.send(`${set}*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n`);
        const ack = await peer.skipTo('REPLCONF', 'ACK');
        acknowledged = Math.max(acknowledged, Number(ack[2]));
      }
    });
    const directory = await freshDirectory();
    const args = ['replica', '--replicaof', '127.0.0.1', String(primary.port), '--dir', directory];
    const daemon = Daemon.start(args, { fileLimit: 64 });
    await daemon.prints(/writing .* failed: EFBIG; replication paused until there is room/);
    expect(await daemon.stop()).toBe(0);
    const path = join(directory, 'appendonlydir', 'appendonly.aof.2.incr.aof');
    const held = (await readFile(path)).length - '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n'.length;
    expect(acknowledged).toBeGreaterThan(0);
    expect(acknowledged).toBeLessThanOrEqual(held);
  });
});

describe.each(installedServers().slice(0, 1))('a disk that fills up, on $name', (installed) => {
  it('under the full copy: what was held before stays, and is gone on from', async () => {
    await using primary = await Server.start(installed, { config: { 'repl-backlog-size': 16384 } });
    const directory = await freshDirectory();
    const first = Daemon.follow(primary, directory);
    await first.prints(/full copy done/);
    await caughtUp(primary);
    expect(await first.stop()).toBe(0);
    const [, held] = /stopped (at \w+:\d+)/.exec(first.printed) ?? [];

    for (let i = 0; i < 3; i++) await primary.command('SET', `k${i}`, 'x'.repeat(64 * KIB));
    const address = ['--replicaof', primary.host, String(primary.port)];
    const full = Daemon.start(['replica', ...address, '--dir', directory], { fileLimit: 2 });
    await full.prints(/EFBIG; replication paused/);
    expect(full.printed).toContain(`held up to ${held?.slice(3)}`);
    await full.raiseFileLimit();
    await full.prints(/full copy done/);
    await caughtUp(primary);
    expect(await full.stop()).toBe(0);
  });
});
