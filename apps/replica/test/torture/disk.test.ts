import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Server, seedDataSet } from '@forebay/conformance';
import { describe, expect, it } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { holdStill, loadOn, syncsOf } from '../primary.ts';
import { expectStopsEqual } from './equal.ts';
import { acknowledged, followed } from './followed.ts';
import { Audit, lastFiles } from './held.ts';
import { BOUND, servers } from './scale.ts';
import { limitFiles, signalDaemon } from './signals.ts';
import { PAGE, reasonAgainstMounts, SmallDisk } from './small-disk.ts';

// A full run is the same as CI's: there is nothing in it that chance decides.

const MIB = 1024 ** 2;
const WAITING = /replication paused until there is room/g;
/** Bytes of a record of the index. */
const RECORD = 64;
/** Milliseconds after which a sync of --appendfsync everysec is over. */
const SYNCED = 1300;
const unmountable = await reasonAgainstMounts();

describe.each(servers)('$name', (installed) => {
  const start = (config = {}) =>
    Server.start(installed, { config: { 'repl-backlog-size': '64mb', ...config } });

  /** What every disk that has filled up comes to, once there is room again: no copy, and one line. */
  async function expectResumes(
    daemon: Daemon,
    primary: Server,
    directory: string,
    { full = 1 } = {},
  ): Promise<void> {
    await holdStill(primary);
    await followed(primary);
    expect(daemon.printed.match(WAITING), daemon.printed).toHaveLength(1);
    expect((await syncsOf(primary)).full, daemon.printed).toBe(full);
    await expectStopsEqual(daemon, primary, directory);
  }

  async function expectNothingCounted(primary: Server): Promise<void> {
    await primary.command('SET', 'unheard', 'of');
    expect(await primary.command('WAIT', 1, 200)).toBe(0);
    if (!installed.waitaof) return;
    expect(await primary.command('WAITAOF', 0, 1, 200)).toEqual([0, 0]);
  }

  describe.skipIf(unmountable !== undefined)(
    ['a disk that is full', unmountable ?? 'of a few megabytes'].join(', '),
    () => {
      it.each(Object.entries({ $len: 'no', $EOF: 'yes' }))(
        'while a full copy of %s comes: it is begun once more when there is room for it',
        async (_, diskless) => {
          await using primary = await start({ 'repl-diskless-sync': diskless });
          await seedDataSet(primary.client, { megabytes: 6 });
          const disk = await SmallDisk.mount(24);
          await disk.fillUpTo(3 * MIB);
          const daemon = Daemon.follow(primary, disk.directory);
          await daemon.prints(
            /(could not write to .*ENOSPC|a full resync of .* does not fit: .* free); replication paused/,
          );
          expect(await acknowledged(primary)).toBe(-1);
          await expectNothingCounted(primary);
          await disk.empty();
          await daemon.prints(/full copy done/);
          await followed(primary);
          expect((await syncsOf(primary)).full, daemon.printed).toBe(2);
          expect(daemon.printed.match(WAITING), daemon.printed).toHaveLength(1);
          await expectStopsEqual(daemon, primary, disk.directory);
        },
        BOUND,
      );

      it.each(['always', 'everysec', 'no'])(
        'under the stream, --appendfsync %s: nothing is acknowledged that is not held',
        async (policy) => {
          await using primary = await start();
          const disk = await SmallDisk.mount(32);
          const { directory } = disk;
          const daemon = Daemon.follow(primary, directory, '--appendfsync', policy);
          await daemon.prints(/full copy done/);
          await followed(primary);
          const audit = new Audit(primary, directory);
          await disk.fillUpTo(MIB);
          const load = loadOn(primary, 2000).start();
          await seedDataSet(primary.client, { megabytes: 4 });
          await daemon.prints(/ENOSPC; replication paused/);
          await expectNothingCounted(primary);
          expect(await audit.end(), daemon.printed).toBe(0);
          await disk.empty();
          await daemon.prints(/partial resync/);
          expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
          await expectResumes(daemon, primary, directory);
        },
        BOUND,
      );

      // How many records still fit decides whether an append meets the end of the page or a sync does.
      it.each([
        ['always', 6],
        ['everysec', 6],
        ['everysec', 5],
      ])(
        'for the index alone, --appendfsync %s, %i records on: nothing is acknowledged that is not held',
        async (policy, records) => {
          await using primary = await start();
          const disk = await SmallDisk.mount(8);
          const { directory } = disk;
          // With a record a write, the index soon comes to the end of its page, and first.
          const filling = Daemon.follow(primary, directory, '--appendfsync', 'always');
          await filling.prints(/full copy done/);
          const write = () => primary.command('SET', 'k', '1');
          for (let left = PAGE; left > records * RECORD; left = await roomOfIndex(directory)) {
            const { indexSize } = await lastFiles(directory);
            await write();
            await expect
              .poll(async () => (await lastFiles(directory)).indexSize)
              .not.toBe(indexSize);
          }
          expect(await filling.stop()).toBe(0);

          const daemon = Daemon.follow(primary, directory, '--appendfsync', policy);
          await daemon.prints(/partial resync/);
          await write();
          await followed(primary);
          const audit = new Audit(primary, directory);
          await disk.fillUpTo(0);
          const printed = async () => {
            await write();
            return daemon.printed;
          };
          const refused = /writing .*\.index failed: ENOSPC; replication paused/;
          await expect.poll(printed, { interval: SYNCED }).toMatch(refused);
          await expectNothingCounted(primary);
          expect(await audit.end(), daemon.printed).toBe(0);
          await disk.empty();
          await expectResumes(daemon, primary, directory);
        },
        BOUND,
      );

      it(
        'for the manifest alone: what was held stays, and is gone on from',
        async () => {
          await using primary = await start();
          const disk = await SmallDisk.mount(8);
          const { directory } = disk;
          const first = Daemon.follow(primary, directory);
          await first.prints(/full copy done/);
          await primary.command('SET', 'a', '1');
          await followed(primary);
          expect(await first.stop()).toBe(0);
          await disk.fillUpTo(0);
          await primary.command('SET', 'b', '1');
          // That it was closed in order is taken back before the first byte.
          const daemon = Daemon.follow(primary, directory);
          await daemon.prints(/replacing .*manifest failed: ENOSPC; replication paused/);
          await expectNothingCounted(primary);
          await disk.empty();
          await expectResumes(daemon, primary, directory);
        },
        BOUND,
      );
    },
  );

  describe('a limit of file sizes', () => {
    it(
      'under the stream is waited out too, and the directory goes on where it ended',
      async () => {
        await using primary = await start();
        const directory = await freshDirectory();
        const daemon = Daemon.follow(primary, directory);
        await daemon.prints(/full copy done/);
        await followed(primary);
        const audit = new Audit(primary, directory);
        await limitFiles(directory, 64 * 1024);
        const load = loadOn(primary).start();
        await daemon.prints(/EFBIG; replication paused/);
        expect(await audit.end(), daemon.printed).toBe(0);
        expect((await lastFiles(directory)).size).toBeLessThanOrEqual(64 * 1024);
        await limitFiles(directory, 'unlimited');
        await daemon.prints(/partial resync/);
        expect(await load.stop()).toMatchObject({ errors: 0, failures: [] });
        await holdStill(primary);
        await followed(primary);
        expect((await syncsOf(primary)).full).toBe(1);
        await expectStopsEqual(daemon, primary, directory);
      },
      BOUND,
    );

    it(
      'under the full copy is waited out too',
      async () => {
        await using primary = await start();
        await seedDataSet(primary.client, { megabytes: 2 });
        const directory = await freshDirectory();
        primary.freeze();
        const daemon = Daemon.follow(primary, directory);
        await daemon.prints(/connected to/);
        await limitFiles(directory, 64 * 1024);
        primary.thaw();
        await daemon.prints(/could not write to .*EFBIG; replication paused/);
        await limitFiles(directory, 'unlimited');
        await daemon.prints(/full copy done/);
        await followed(primary);
        await expectStopsEqual(daemon, primary, directory);
      },
      BOUND,
    );

    it(
      'does not keep SIGHUP from being heard: the daemon lives on',
      async () => {
        await using primary = await start();
        const directory = await freshDirectory();
        const file = join(dirname(directory), 'candidates');
        await writeFile(file, `${primary.host} ${primary.port}\n`);
        const daemon = Daemon.start(['replica', '--replicaof-file', file, '--dir', directory]);
        await daemon.prints(/full copy done/);
        await limitFiles(directory, 4 * 1024);
        await seedDataSet(primary.client, { megabytes: 1 });
        await daemon.prints(/EFBIG; replication paused/);
        await signalDaemon(directory, 'SIGHUP');
        await limitFiles(directory, 'unlimited');
        await followed(primary);
        expect(await daemon.stop()).toBe(0);
      },
      BOUND,
    );
  });
});

/** What is left of the last page of the index, of which the log's last page has more. */
async function roomOfIndex(directory: string): Promise<number> {
  const { size, indexSize } = await lastFiles(directory);
  const [room = 0, indexRoom = 0] = [size, indexSize].map((each) => PAGE - (each % PAGE));
  return indexRoom + 2 * RECORD < room ? indexRoom : PAGE;
}
