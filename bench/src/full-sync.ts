import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledServer, Server } from '@forebay/conformance';
import { seedDataSet } from '@forebay/conformance';
import { start, startForebay, stop, untilEnded, untilPrinted } from './children.ts';
import { interleave, median, medianRatio } from './interleave.ts';
import { startPrimary, untilAlone } from './primary.ts';
import { cpuSeconds, cpuSecondsOfEndedChildren, residentMegabytes } from './process-usage.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';

const MOST_MEMORY = 150;

/**
 * CPU seconds of a full sync onto the disk, verified, whole and synced: ours beside `redis-cli --rdb` and
 * `redis-check-rdb` together. What it takes each of them to start is taken off, and told in the details.
 */
export async function benchFullSync(
  report: Report,
  { quick }: Size,
  installed: InstalledServer,
): Promise<void> {
  const megabytes = quick ? 100 : 1000;
  const gigabytes = (megabytes * 1_048_576) / 1e9;
  const memory: number[] = [];
  await using primary = await startPrimary(installed);
  report.progress(`full sync: filling the primary with ${megabytes} MiB`);
  await seedDataSet(primary.client, { megabytes });
  for (const [way, diskless] of Object.entries({ diskless: 'yes', 'disk-based': 'no' })) {
    await primary.command('CONFIG', 'SET', 'repl-diskless-sync', diskless);
    const startUp = await startUpCosts(installed);
    const samples = await interleave(['cli', 'ours'], { rounds: 5, warmUps: 1 }, async (name) => {
      const cpu = await (name === 'cli' ? dumpByCli(primary) : syncOurs(primary, memory));
      report.progress(`full sync, ${way}: ${name} ${cpu.toFixed(2)} CPU s`);
      return (cpu - startUp[name]) / gigabytes;
    });
    const ours = samples.get('ours')!;
    const cli = samples.get('cli')!;
    report.add({
      name: `full sync, ${way}`,
      unit: 'CPU s/GB',
      ours: median(ours),
      peer: { name: `redis-cli ${installed.version} --rdb, check-rdb`, value: median(cli) },
      ratio: medianRatio(ours, cli),
      goal: { atMost: 1 },
      details: { 'CPU s to start, taken off ours': startUp.ours, "redis-cli's": startUp.cli },
    });
  }
  report.add({
    name: 'memory in a full sync',
    unit: 'MB resident',
    ours: Math.max(...memory),
    goal: { atMost: MOST_MEMORY },
  });
}

/** What a run costs that does nothing. */
async function startUpCosts({ cli }: InstalledServer): Promise<{ ours: number; cli: number }> {
  const samples = await interleave(['cli', 'ours'], { rounds: 5, warmUps: 1 }, async (name) => {
    const before = cpuSecondsOfEndedChildren();
    const child =
      name === 'cli'
        ? start(cli[0]!, [...cli.slice(1), '--version'])
        : startForebay(['replica', '--help']);
    await untilEnded(child);
    return cpuSecondsOfEndedChildren() - before;
  });
  return { ours: median(samples.get('ours')!), cli: median(samples.get('cli')!) };
}

async function syncOurs(primary: Server, memory: number[]): Promise<number> {
  return inDirectory(async (directory) => {
    const target = ['--replicaof', '127.0.0.1', String(primary.port), '--dir', directory];
    const child = startForebay(['replica', ...target]);
    try {
      await untilPrinted(child, /full copy done/);
      memory.push(residentMegabytes(child.pid!).most);
      return cpuSeconds(child.pid!);
    } finally {
      await stop(child);
      await untilAlone(primary);
    }
  });
}

async function dumpByCli(primary: Server): Promise<number> {
  const { cli, checkRdb } = primary.installed;
  return inDirectory(async (directory) => {
    const before = cpuSecondsOfEndedChildren();
    const file = join(directory, 'dump.rdb');
    await untilEnded(start(cli[0]!, [...cli.slice(1), '-p', String(primary.port), '--rdb', file]));
    await untilEnded(start(checkRdb[0]!, [...checkRdb.slice(1), file]));
    const used = cpuSecondsOfEndedChildren() - before;
    await untilAlone(primary);
    return used;
  });
}

async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  try {
    return await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
