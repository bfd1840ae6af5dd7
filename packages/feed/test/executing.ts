import type { InstalledServer, Server } from '@forebay/conformance';
import { compareDataSets, Server as Started } from '@forebay/conformance';
import { Primary } from '@forebay/primary';
import { expect } from 'vitest';
import type { Change, FeedItem, SnapshotEntry } from '../src/index.ts';

/**
 * Starts an empty server that executes what a feed gave: as a replica does it, for one that is its own
 * master would delete by its own time what it should be told to.
 */
async function execute(installed: InstalledServer, items: readonly FeedItem[]): Promise<Server> {
  const primary = new Primary();
  await primary.listen();
  const config = { replicaof: `127.0.0.1 ${primary.port}`, 'replica-read-only': 'no' };
  const server = await Started.start(installed, { config });
  await primary.wait(1, 20_000);
  for (const item of items) {
    if (item.type === 'change') executeChange(primary, item);
    else if (item.type === 'key' || item.type === 'function') executeEntry(primary, item);
  }
  expect(await primary.wait(1, 20_000)).toBe(1);
  await server.command('REPLICAOF', 'NO', 'ONE');
  await primary.close();
  return server;
}

function executeChange(primary: Primary, { database, command, args, tx }: Change): void {
  if (tx?.mark === 'begin') primary.propagate(['MULTI']);
  primary.propagate([command, ...args], { database });
  if (tx?.mark === 'end') primary.propagate(['EXEC']);
}

function executeEntry(primary: Primary, entry: SnapshotEntry): void {
  if (entry.type === 'function') {
    primary.propagate(['FUNCTION', 'LOAD', entry.code]);
    return;
  }
  const { database, key, payload, expiresAt } = entry;
  const time = expiresAt === undefined ? ['0'] : [String(expiresAt), 'ABSTTL'];
  const [expiry = '0', ...options] = time;
  primary.propagate(['RESTORE', key, expiry, payload, ...options], { database });
}

/** Holds a server against one that was given a snapshot of it and the changes since. */
export async function expectEqualWhenExecuted(
  primary: Server,
  items: readonly FeedItem[],
): Promise<void> {
  await using copy = await execute(primary.installed, items);
  const names = { names: ['primary', 'copy'] as const };
  expect(await compareDataSets(primary.client, copy.client, names)).toEqual([]);
}
