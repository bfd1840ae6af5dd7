import type { InstalledServer } from '@forebay/conformance';
import { compareDataSets, installedServers, Server, seedDataSet } from '@forebay/conformance';
import { expect, onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { holdStill } from '../primary.ts';

/** Milliseconds that a replica needs, at the most, to be where it is awaited. */
const PATIENCE = 30_000;

export interface Chain {
  readonly primary: Server;
  readonly directory: string;
  readonly daemon: Daemon;
  readonly port: number;
}

/** A primary, and a daemon that follows it and serves. */
export async function chain(
  installed: InstalledServer,
  config: Record<string, string> = {},
  megabytes = 2,
  flags: readonly string[] = [],
): Promise<Chain> {
  const primary = await Server.start(installed, {
    config: { 'repl-backlog-size': '64mb', ...config },
  });
  onTestFinished(() => primary.stop());
  await seedDataSet(primary.client, { megabytes });
  const directory = await freshDirectory();
  const daemon = Daemon.follow(primary, directory, '--port', 'any', ...flags);
  await daemon.prints(/full copy done/);
  return { primary, directory, daemon, port: portOf(daemon) };
}

/** The same with a small data set, in a directory and with flags of the caller's. */
export async function chainOn(
  directory: string,
  installed: InstalledServer,
  ...flags: string[]
): Promise<Chain> {
  const primary = await Server.start(installed, { config: { 'repl-backlog-size': '64mb' } });
  onTestFinished(() => primary.stop());
  await primary.command('SET', 'first', '1');
  const daemon = Daemon.follow(primary, directory, '--port', 'any', ...flags);
  await daemon.prints(/full copy done/);
  return { primary, directory, daemon, port: portOf(daemon) };
}

export function portOf(daemon: Daemon): number {
  return Number(/replicas are served at 127\.0\.0\.1:(\d+)/.exec(daemon.printed)?.[1]);
}

export async function replicaOf(
  installed: InstalledServer,
  port: number,
  config: Record<string, string> = {},
): Promise<Server> {
  const server = await Server.start(installed, {
    config: { replicaof: `127.0.0.1 ${port}`, ...config },
  });
  onTestFinished(() => server.stop());
  return server;
}

/** Waits until a replica is where the primary is, by what both say. */
export async function expectCaughtUp(primary: Server, replica: Server): Promise<void> {
  const place = async (server: Server) => {
    const { master_replid, master_repl_offset } = await server.info('replication');
    return `${master_replid}:${master_repl_offset}`;
  };
  const same = async () => (await place(primary)) === (await place(replica));
  await expect.poll(same, { timeout: PATIENCE, interval: 50 }).toBe(true);
}

export async function expectEqual(primary: Server, replica: Server): Promise<void> {
  await holdStill(primary);
  await expectCaughtUp(primary, replica);
  const names = ['primary', 'replica'] as const;
  const options = { names, withinMs: PATIENCE };
  expect(await compareDataSets(primary.client, replica.client, options)).toEqual([]);
}

export function fullResyncs(replica: Server): number {
  return replica.log().match(/Full resync from/g)?.length ?? 0;
}

/** Those of these that are installed. */
export function serversNamed(...names: string[]): InstalledServer[] {
  return installedServers().filter(({ name }) => names.includes(name));
}

/** The oldest and the newest Redis, and the newest Valkey: where seven would tell no more than these. */
export function threeServers(): InstalledServer[] {
  return serversNamed('redis-6.0', 'redis-8.0', 'valkey-9.1');
}
