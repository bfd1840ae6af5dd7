import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { Daemon } from '../daemon.ts';
import { ask, HTTP, reportFrom, scrape, urlOf } from '../http/http.ts';
import { caughtUp } from '../primary.ts';
import { reasonAgainstMounts, SmallDisk } from '../torture/small-disk.ts';
import { chainOn, expectEqual, portOf, replicaOf, serversNamed } from './chain.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const [installed] = serversNamed('valkey-8.1');
const unmountable = await reasonAgainstMounts();

it.skipIf(installed === undefined || unmountable !== undefined)(
  'a daemon on a full disk reports the pause everywhere, and serves the log until there is room',
  async () => {
    const disk = await SmallDisk.mount(32);
    const { primary, daemon, port } = await chainOn(disk.directory, installed!, ...HTTP);
    const url = await urlOf(daemon);
    const before = await replicaOf(installed!, port);
    await expectEqual(primary, before);
    expect((await scrape(url)).value('forebay_paused', { cause: 'disk-full' })).toBe(0);

    await disk.fillUpTo(128 * KIB);
    for (let i = 0; i < 16; i++) await primary.command('SET', `k${i}`, randomBytes(64 * KIB));
    await daemon.prints(/ENOSPC; replication paused/);
    const began = Date.now();

    const ready = await ask(url, '/readyz');
    expect([ready.status, ready.text]).toEqual([
      503,
      expect.stringMatching(/^not ready: paused, the disk is full: writing .*ENOSPC/),
    ]);
    const { master_replid: id } = await primary.info('replication');
    const report = await reportFrom(url);
    expect(report.link.state).toBe('waiting');
    expect(report.paused).toMatchObject({ cause: 'disk-full', needed: 0 });
    expect(report.log?.id).toBe(id);
    const { written } = report.log!;
    expect(written).toBeGreaterThan(0);
    const paused = async () => (await scrape(url)).value('forebay_paused', { cause: 'disk-full' });
    // An answer may be as old as a fifth of a second.
    await expect.poll(paused).toBe(1);
    const scraped = await scrape(url);
    expect(scraped.value('forebay_written_offset_bytes')).toBe(written);
    expect(scraped.value('forebay_max_disk_bytes')).toBe(Math.floor(32 * MIB * 0.8));
    expect(scraped.value('forebay_retain_seconds')).toBe(86_400);
    expect(scraped.value('forebay_base_failed')).toBe(0);
    expect(scraped.value('process_resident_memory_bytes')).toBeGreaterThan(MIB);

    // What is held is served: to the replica that is attached, and to one that comes now.
    const after = await replicaOf(installed!, port);
    const linkOf = async (replica: typeof before) => {
      const { master_link_status, master_replid, slave_read_repl_offset } =
        await replica.info('replication');
      return { master_link_status, master_replid, offset: Number(slave_read_repl_offset) };
    };
    const served = { master_link_status: 'up', master_replid: id, offset: written };
    await expect.poll(() => linkOf(before), { timeout: 20_000 }).toEqual(served);
    await expect.poll(() => linkOf(after), { timeout: 20_000 }).toEqual(served);
    // The free space is looked at meanwhile; nobody is cut off for that.
    await expect.poll(() => Date.now() - began, { timeout: 10_000 }).toBeGreaterThan(4000);
    expect(daemon.printed).not.toMatch(/is gone|replica \S+ goes on at/);
    expect((await reportFrom(url)).paused?.since).toBe(report.paused?.since);

    await disk.empty();
    await daemon.prints(/replication resumed/);
    await caughtUp(primary);
    await expect.poll(paused).toBe(0);
    expect((await reportFrom(url)).paused).toBeNull();
    await expectEqual(primary, before);
    await expectEqual(primary, after);
    expect(await daemon.stop()).toBe(0);
  },
  120_000,
);

it.skipIf(installed === undefined || unmountable !== undefined)(
  'a daemon that starts on a full disk serves what the directory holds, and says what it waits for',
  async () => {
    const disk = await SmallDisk.mount(32);
    const { primary, daemon: first } = await chainOn(disk.directory, installed!, ...HTTP);
    await caughtUp(primary);
    expect(await first.stop()).toBe(0);
    await disk.fillUpTo(0);

    await primary.command('SET', 'k', randomBytes(64 * KIB));
    const daemon = Daemon.follow(primary, disk.directory, '--port', 'any', ...HTTP);
    const url = await urlOf(daemon);
    await daemon.prints(/ENOSPC; replication paused/);
    const { master_replid: id } = await primary.info('replication');
    expect(await reportFrom(url)).toMatchObject({ paused: { cause: 'disk-full' }, log: { id } });
    const replica = await replicaOf(installed!, portOf(daemon));
    const upstreamId = async () => (await replica.info('replication')).master_replid;
    await expect.poll(upstreamId, { timeout: 20_000 }).toBe(id);
    await disk.empty();
    await expectEqual(primary, replica);
    expect(await daemon.stop()).toBe(0);
  },
  120_000,
);
