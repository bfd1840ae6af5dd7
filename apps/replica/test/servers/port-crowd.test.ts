import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { Server, Wire } from '@forebay/conformance';
import { expect, it, onTestFinished } from 'vitest';
import { Daemon, followArguments, freshDirectory } from '../daemon.ts';
import { caughtUp, loadOn, syncsOf } from '../primary.ts';
import { portOf, threeServers } from './chain.ts';

const [installed] = threeServers().slice(-1);

/** Ten thousand, or as many as the system lets us open. */
function crowdSize(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const most = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 1024);
  return Math.min(10_000, most - 500);
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function idleClients(port: number, count: number): Promise<Socket[]> {
  const all: Socket[] = [];
  while (all.length < count) {
    const some = await Promise.all(
      Array.from({ length: Math.min(100, count - all.length) }, async () => {
        const socket = await opened(port);
        socket.write('PING\r\n');
        await once(socket, 'data');
        return socket;
      }),
    );
    all.push(...some);
  }
  return all;
}

async function following(
  flags: readonly string[],
  options: { readonly openFiles?: number } = {},
): Promise<{ primary: Server; daemon: Daemon; port: number }> {
  const primary = await Server.start(installed!);
  onTestFinished(() => primary.stop());
  const args = followArguments(primary, await freshDirectory(), ['--port', 'any', ...flags]);
  const daemon = Daemon.start(args, options);
  await daemon.prints(/full copy done/);
  return { primary, daemon, port: portOf(daemon) };
}

it.skipIf(process.platform !== 'linux' || installed === undefined)(
  'ten thousand idle clients, and those that send a byte a second, are not noticed above',
  async () => {
    const count = crowdSize();
    const dribbling = 50;
    const { primary, daemon, port } = await following([
      // Our own link has it too, and is not to be lost where the machine is slow.
      ...['--maxclients', String(count), '--repl-timeout', '10'],
    ]);
    const load = loadOn(primary).start();
    const dribblers = await Promise.all(Array.from({ length: dribbling }, () => opened(port)));
    const gone = dribblers.map((socket) => once(socket, 'close'));
    const timer = setInterval(() => {
      for (const socket of dribblers) if (!socket.destroyed) socket.write('x');
    }, 500);
    onTestFinished(() => clearInterval(timer));
    const idle = await idleClients(port, count - dribbling - 1);
    // Who never says a whole word is let go, however often it is heard of.
    await Promise.all(gone);
    const [asker] = await idleClients(port, 1);
    asker!.write('INFO clients\r\n');
    const [text] = await once(asker!, 'data');
    // Ours above is none of them.
    expect(String(text)).toMatch(new RegExp(`^connected_clients:${count - dribbling}\\r$`, 'm'));
    expect(idle.every(({ destroyed }) => !destroyed)).toBe(true);
    await load.stop();
    await caughtUp(primary);
    expect(await syncsOf(primary)).toEqual({ full: 1, partial: 0 });
    expect(daemon.printed).not.toMatch(/trying again/);
    // And one more than there may be is told so.
    await idleClients(port, dribbling);
    const refused = await Wire.connect(port);
    expect(await refused.line()).toBe('-ERR max number of clients reached');
    await refused.ended();
  },
);

it.skipIf(process.platform !== 'linux' || installed === undefined)(
  'no more clients are let in than leave files for the log',
  async () => {
    const { primary, daemon, port } = await following([], { openFiles: 256 });
    await daemon.prints(/maxclients is 192 and not 10000: .*ulimit -n/);
    await idleClients(port, 192);
    expect(await (await Wire.connect(port)).line()).toMatch(/max number of clients/);
    const load = loadOn(primary).start();
    await expect.poll(() => load.commands).toBeGreaterThan(200);
    await load.stop();
    await caughtUp(primary);
    expect(await daemon.stop()).toBe(0);
  },
);
