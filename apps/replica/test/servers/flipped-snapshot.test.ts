import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { everyType, installedServers, Server } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { expectBootsEqual } from '../primary.ts';

/** A place in the snapshot, which is of some four million bytes. */
const PLACE = 1_000_000;

/** Passes everything on, and flips one bit of what the server sends, once. Returns its port. */
async function flippingProxy(target: Server): Promise<number> {
  let flipped = false;
  const proxy = createServer((client) => {
    const upstream = connect(target.port, target.host);
    let sent = 0;
    upstream.on('data', (bytes) => {
      const at = PLACE - sent;
      if (!flipped && at >= 0 && at < bytes.length) {
        bytes[at]! ^= 4;
        flipped = true;
      }
      sent += bytes.length;
      client.write(bytes);
    });
    client.pipe(upstream);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  onTestFinished(() => void proxy.close());
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return (proxy.address() as AddressInfo).port;
}

/** One that sends its snapshot from the disk, and one that sends it with a mark. */
const servers = installedServers();

describe.each([servers[0], servers.at(-1)].filter((each) => each !== undefined))(
  '$name',
  (installed) => {
    it('sends a snapshot with one flipped bit: it is refused, and the next one is adopted', async () => {
      const config = { 'repl-diskless-sync-delay': '0' };
      await using primary = await Server.start(installed, { config });
      await everyType(primary.client);
      const address = ['127.0.0.1', String(await flippingProxy(primary))];
      const directory = await freshDirectory();
      const daemon = Daemon.start(['replica', '--replicaof', ...address, '--dir', directory]);
      await daemon.prints(/ refused: .*; next attempt in/);
      await daemon.prints(/full copy done/);
      expect(await daemon.stop()).toBe(0);
      await expectBootsEqual(primary, directory);
    });
  },
);
