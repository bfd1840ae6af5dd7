import type { InstalledServer, Server } from '@forebay/conformance';
import { compareDataSets, Server as Started } from '@forebay/conformance';
import { Primary } from '@forebay/primary';
import { Replica } from '@forebay/replica';
import { expect } from 'vitest';
import type { Change, Place } from '../src/index.ts';

/** A data set, and the place in the stream that it is of. */
export interface Snapshot {
  readonly rdb: Buffer;
  readonly place: Required<Place>;
}

/** Takes a snapshot of a server, and leaves it. */
export async function snapshotOf(url: string): Promise<Snapshot> {
  const pieces: Buffer[] = [];
  for await (const item of new Replica({ url })) {
    if (item.type === 'snapshot') pieces.push(Buffer.from(item.bytes));
    if (item.type !== 'snapshot-end') continue;
    const { history, offset, database } = item;
    return { rdb: Buffer.concat(pieces), place: { id: history.id, offset, database } };
  }
  throw new Error('no snapshot came');
}

/**
 * Starts an empty server, which is given the snapshot and then executes the changes: as a replica does,
 * for one that is its own master would delete by its own time what it should be told to.
 */
async function execute(
  installed: InstalledServer,
  rdb: Buffer,
  changes: readonly Change[],
): Promise<Server> {
  const primary = new Primary({ rdb });
  await primary.listen();
  const config = { replicaof: `127.0.0.1 ${primary.port}`, 'replica-read-only': 'no' };
  const server = await Started.start(installed, { config });
  await primary.wait(1, 20_000);
  for (const { database, command, args, tx } of changes) {
    if (tx?.mark === 'begin') primary.propagate(['MULTI']);
    primary.propagate([command, ...args], { database });
    if (tx?.mark === 'end') primary.propagate(['EXEC']);
  }
  expect(await primary.wait(1, 20_000)).toBe(1);
  await server.command('REPLICAOF', 'NO', 'ONE');
  await primary.close();
  return server;
}

/** Holds a server against one that was given a snapshot of it and the changes since. */
export async function expectEqualWhenExecuted(
  primary: Server,
  rdb: Buffer,
  changes: readonly Change[],
): Promise<void> {
  await using copy = await execute(primary.installed, rdb, changes);
  const names = { names: ['primary', 'copy'] as const };
  expect(await compareDataSets(primary.client, copy.client, names)).toEqual([]);
}
