import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { InstalledServer } from '@forebay/conformance';
import { compareDataSets, installedServers, Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PrimaryOptions } from '../src/index.ts';
import { Primary } from '../src/index.ts';

const run = promisify(execFile);
/** Milliseconds that a server needs, at the most, to be where it is awaited. */
const PATIENCE = 20_000;

async function listening(options: PrimaryOptions = {}): Promise<Primary> {
  const primary = new Primary(options);
  onTestFinished(() => primary.close());
  await primary.listen();
  return primary;
}

async function replicaOf(
  installed: InstalledServer,
  { port }: Primary,
  config: Record<string, string> = {},
): Promise<Server> {
  const server = await Server.start(installed, {
    config: { replicaof: `127.0.0.1 ${port}`, ...config },
  });
  onTestFinished(() => server.stop());
  return server;
}

/** Waits until a replica has all that its primary has, by what it says itself. */
async function caughtUp(server: Server, primary: Primary): Promise<void> {
  const place = async () => {
    const { master_link_status, master_replid, slave_repl_offset } =
      await server.info('replication');
    return { status: master_link_status, id: master_replid, offset: Number(slave_repl_offset) };
  };
  const { id, offset } = primary.position;
  await expect.poll(place, { timeout: PATIENCE }).toEqual({ status: 'up', id, offset });
}

describe.each(installedServers())('$name as a replica', (installed) => {
  it.each(['disabled', 'on-empty-db'])(
    'takes an empty data set and the stream, with repl-diskless-load %s, and is counted by WAIT',
    async (load) => {
      const primary = await listening();
      const server = await replicaOf(installed, primary, { 'repl-diskless-load': load });
      primary.propagate(['SET', 'k', 'v']);
      primary.propagate(['SET', 'elsewhere', 1], { database: 3 });
      await caughtUp(server, primary);
      expect(await primary.wait(1, PATIENCE)).toBe(1);
      expect(await server.command('GET', 'k')).toBe('v');
      expect(await server.info('keyspace')).toMatchObject({
        db0: expect.stringMatching(/^keys=1,/),
        db3: expect.stringMatching(/^keys=1,/),
      });
      expect(primary.replicas).toMatchObject([{ port: server.port, state: 'online' }]);
      await server.waitForLog(/sync: Finished with success/);
    },
  );

  it('takes the data set of another server, equal in every value', async () => {
    await using origin = await Server.start(installed);
    await seedDataSet(origin.client, { megabytes: 2 });
    await origin.command('SAVE');
    const { dbfilename } = await config(origin, 'dbfilename');
    const rdb = await readFile(join(origin.directory, dbfilename!));
    const primary = await listening({ rdb });
    const server = await replicaOf(installed, primary);
    await caughtUp(server, primary);
    expect(
      await compareDataSets(origin.client, server.client, { names: ['origin', 'replica'] }),
    ).toEqual([]);
  });

  it('cut off, and under a new id, goes on by a partial resync', async () => {
    const primary = await listening();
    const server = await replicaOf(installed, primary);
    primary.propagate(['SET', 'k', '1']);
    await caughtUp(server, primary);

    primary.drop(primary.replicas[0]!.id);
    primary.propagate(['SET', 'k', '2']);
    await caughtUp(server, primary);

    await server.command('CLIENT', 'KILL', 'TYPE', 'master');
    primary.propagate(['SET', 'k', '3']);
    await caughtUp(server, primary);

    primary.shiftId();
    primary.propagate(['SET', 'k', '4']);
    await caughtUp(server, primary);

    expect(await server.command('GET', 'k')).toBe('4');
    const log = server.log();
    expect(
      log.match(
        /Successful partial resynchronization with master|Successful partial resynchronization/g,
      ),
    ).toHaveLength(3);
    expect(log.match(/Full resync from/g)).toHaveLength(1);
  });

  it('that was stopped for longer than the backlog is goes on by a partial resync', async () => {
    // Longer than a machine stalls: it is to be let go when it is frozen, and not before.
    const primary = await listening({ timeout: 5000, pingPeriod: 0 });
    const server = await replicaOf(installed, primary);
    await caughtUp(server, primary);
    await expect.poll(() => primary.replicas).toMatchObject([{ state: 'online' }]);
    server.freeze();
    const value = 'x'.repeat(100_000);
    for (let i = 0; i < 60; i++) primary.propagate(['SET', `k${i}`, value]);
    await expect.poll(() => primary.replicas, { timeout: PATIENCE }).toEqual([]);
    server.thaw();
    await caughtUp(server, primary);
    expect(await server.command('DBSIZE')).toBe(60);
    expect(server.log().match(/Full resync from/g)).toHaveLength(1);
  });

  it('with a password', async () => {
    const primary = await listening({ requirepass: 'secret' });
    const server = await replicaOf(installed, primary, { masterauth: 'secret' });
    primary.propagate(['SET', 'k', 'v']);
    await caughtUp(server, primary);
  });

  it("'s own client takes a snapshot by --rdb", async () => {
    const primary = await listening();
    const { directory } = await replicaOf(installed, primary);
    const path = join(directory, 'taken.rdb');
    const [command = '', ...args] = installed.cli;
    await run(command, [...args, '-h', '127.0.0.1', '-p', String(primary.port), '--rdb', path]);
    expect((await readFile(path)).toString('latin1')).toMatch(/^REDIS0009\xff/);
  });
});

async function config(server: Server, name: string): Promise<Record<string, string>> {
  const [, value] = (await server.command('CONFIG', 'GET', name)) as string[];
  return { [name]: value ?? '' };
}
