import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { Server, Wire } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { ask, HTTP, urlOf } from '../http/http.ts';
import { SlowProxy } from '../http/slow-proxy.ts';
import { chain, portOf, replicaOf, serversNamed } from './chain.ts';
import { DaemonNode } from './nodes.ts';

const [some] = serversNamed('redis-7.0');
const SELF =
  /^-ERR cannot follow \S+: the server is this forebay itself; follow the primary instead$/;
const BELOW =
  /^-ERR cannot follow \S+: the server replicates from this forebay; follow the primary instead$/;

async function command(port: number, ...words: string[]): Promise<string> {
  const wire = await Wire.connect(port);
  try {
    return await wire.ask(...words);
  } finally {
    wire.close();
  }
}

/** Tells the daemon at `port` to follow `upstream`. */
function replicaof(port: number, upstream: number, host = '127.0.0.1'): Promise<string> {
  return command(port, 'REPLICAOF', host, String(upstream));
}

async function infoOf(port: number): Promise<string> {
  const wire = await Wire.connect(port);
  const text = await wire.askBulk('INFO', 'replication');
  wire.close();
  return text;
}

async function linkOf(port: number): Promise<string | undefined> {
  return /master_link_status:(\w+)/.exec(await infoOf(port))?.[1];
}

/** A daemon that follows a port of this machine, and serves. */
async function daemonAbove(upstream: number): Promise<{ daemon: Daemon; port: number }> {
  const daemon = Daemon.start([
    ...['replica', '--replicaof', '127.0.0.1', String(upstream)],
    ...['--dir', await freshDirectory(), '--port', 'any'],
  ]);
  await daemon.prints(/full copy done/);
  return { daemon, port: portOf(daemon) };
}

describe.skipIf(some === undefined)(
  'REPLICAOF is refused, and the link to the primary stays',
  () => {
    it('for the address of the daemon itself in every spelling, and through a port forward', async () => {
      const { daemon, port } = await chain(some!, {}, 0);
      await using forward = await SlowProxy.to({ host: '127.0.0.1', port });
      for (const host of ['127.0.0.1', 'localhost', '0.0.0.0', '127.1'])
        expect(await replicaof(port, port, host)).toMatch(SELF);
      expect(await replicaof(port, forward.port)).toMatch(SELF);
      // The name of this machine may lead to an address on which the daemon does not listen.
      const byName = await replicaof(port, port, hostname());
      if (!SELF.test(byName)) expect(byName).toBe('+OK');
      else expect(await linkOf(port)).toBe('up');
      expect(daemon.printed).not.toMatch(/closed the link/);
      await daemon.prints(
        /REPLICAOF refused: cannot follow 127\.0\.0\.1:\d+: the server is this forebay itself; /,
      );
    });

    it('for a daemon and for a server that replicate from it, directly or through others', async () => {
      const { port } = await chain(some!, {}, 0);
      const second = await daemonAbove(port);
      const third = await daemonAbove(second.port);
      const server = await replicaOf(some!, port);
      await expect
        .poll(async () => (await server.info('replication')).master_link_status)
        .toBe('up');
      for (const below of [second.port, third.port, server.port])
        expect(await replicaof(port, below)).toMatch(BELOW);
      expect(await replicaof(second.port, third.port)).toMatch(BELOW);
      expect(await linkOf(port)).toBe('up');
    });
  },
);

it.skipIf(some === undefined)(
  'of two REPLICAOF the later decides, also where the server of the earlier does not answer',
  async () => {
    const { primary, port } = await chain(some!, {}, 0);
    const silent = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const connected = once(silent, 'connection');
    const earlier = replicaof(port, (silent.address() as AddressInfo).port);
    await connected;
    expect(await replicaof(port, primary.port, 'localhost')).toBe('+OK');
    expect(await earlier).toBe('+OK');
    expect(await infoOf(port)).toMatch(/master_host:localhost\r/);
  },
);

describe.skipIf(some === undefined)('a daemon that is configured to follow', () => {
  it('itself says so, tries again with pauses, and is not ready', async () => {
    const { directory, daemon, port } = await chain(some!, {}, 0);
    await daemon.stop();
    for (const dir of [directory, await freshDirectory()]) {
      const flags = ['--replicaof', 'localhost', String(port), '--port', String(port)];
      const itself = Daemon.start(['replica', ...flags, '--dir', dir, ...HTTP]);
      const url = await urlOf(itself);
      await itself.prints(
        /cannot follow localhost:\d+: the server is this forebay itself.*trying again/,
        2,
      );
      expect((await ask(url, '/readyz')).status).toBe(503);
      expect(itself.printed).not.toMatch(/partial resync|full copy,/);
      expect(await itself.stop()).toBe(0);
    }
  });

  it('its own downstream logs the loop, and follows the primary again after REPLICAOF', async () => {
    const primary = await Server.start(some!);
    onTestFinished(() => primary.stop());
    const first = await DaemonNode.start(primary.port);
    const second = await DaemonNode.start(first.port);
    await first.follow(second.port);
    await first.daemon.prints(/cannot follow \S+: the server replicates from this forebay; /);
    expect(await first.place()).toBe('down');
    await first.follow(primary.port);
    await expect.poll(() => first.place(), { timeout: 20_000 }).not.toBe('down');
  });
});

describe.skipIf(some === undefined)('a circle that others close', () => {
  it('is detected while the link is up: the primary becomes a replica of the downstream daemon', async () => {
    const { primary, daemon, port } = await chain(some!, {}, 0);
    await primary.command('REPLICAOF', '127.0.0.1', port);
    await daemon.prints(/cannot follow \S+: the server replicates from this forebay; /);
    expect(await linkOf(port)).toBe('down');
  });
});
