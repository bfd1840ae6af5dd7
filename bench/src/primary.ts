import { setTimeout as sleep } from 'node:timers/promises';
import type { InstalledServer } from '@forebay/conformance';
import { installedServers, Server } from '@forebay/conformance';

const POLL = 50;
/** Milliseconds after which a replica that has not acknowledged everything is given up. */
const LONGEST = 120_000;

/** The newest Redis there is: what the server as a peer is, and what both follow. */
export function newestRedis(): InstalledServer | undefined {
  return installedServers()
    .filter(({ flavour }) => flavour === 'redis')
    .at(-1);
}

/** A primary that never cuts a slow replica off, and sends nothing of its own into the stream. */
export function startPrimary(
  installed: InstalledServer,
  config: Readonly<Record<string, string | number>> = {},
): Promise<Server> {
  return Server.start(installed, {
    config: {
      'repl-backlog-size': '64mb',
      'client-output-buffer-limit': 'replica 0 0 0',
      'repl-ping-replica-period': 3600,
      ...config,
    },
  });
}

/** Waits until the one replica has acknowledged all there is. */
export async function untilAcknowledged(primary: Server): Promise<void> {
  for (const since = performance.now(); ; ) {
    const info = await primary.info('replication');
    const replica = /state=online,offset=(\d+)/.exec(info.slave0 ?? '');
    if (replica !== null && replica[1] === info.master_repl_offset) return;
    if (performance.now() - since > LONGEST) throw new Error(`no replica keeps up: ${info.slave0}`);
    await sleep(POLL);
  }
}

/** Waits until the primary has noticed that its replica is gone. */
export async function untilAlone(primary: Server): Promise<void> {
  while ((await primary.info('replication')).connected_slaves !== '0') await sleep(POLL);
}
