import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstalledServer } from '@forebay/conformance';
import { Server } from '@forebay/conformance';
import { startFloor, startForebay, stop } from './children.ts';
import { interleave, median, medianRatio } from './interleave.ts';
import { type MemoryUse, MemoryWatch } from './memory-watch.ts';
import { startPrimary, untilAcknowledged, untilAlone } from './primary.ts';
import { cpuSeconds } from './process-usage.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';
import { writeLoad } from './write-load.ts';

const MOST_MEMORY = 150;

/** A replica that is attached, whatever it is. */
interface Attached {
  readonly pid: number;
  stop(): Promise<void>;
}

const CONTENDERS = ['server', 'ours', 'floor'] as const;
type Contender = (typeof CONTENDERS)[number];

/**
 * CPU seconds of following a stream of small `SET`s into a file: ours beside a server as a replica with
 * its append-only file, and beside the least that Node can do.
 */
export async function benchFollow(
  report: Report,
  { quick }: Size,
  installed: InstalledServer,
): Promise<void> {
  const bytes = quick ? 1e8 : 1e9;
  const memory: MemoryUse[] = [];
  await using primary = await startPrimary(installed);
  // The keys are all there before the first full sync, and the server has grown to its size.
  await writeLoad(primary.port, 2e6);
  const samples = await interleave(CONTENDERS, { rounds: 3, warmUps: 0 }, async (name) => {
    const { cpu, seconds, use } = await followOnce(primary, name, bytes);
    if (name === 'ours') memory.push(use);
    report.progress(
      `follow: ${name} ${cpu.toFixed(2)} CPU s in ${seconds.toFixed(1)} s, ${use.most.toFixed(0)} MB`,
    );
    return cpu / (bytes / 1e9);
  });
  addRows(report, installed, samples.get('server')!, samples.get('ours')!, samples.get('floor')!);
  report.add({
    name: 'memory while following',
    unit: 'MB resident',
    ours: Math.max(...memory.map(({ most }) => most)),
    goal: { atMost: MOST_MEMORY },
    details: { 'MB grown in the second half': median(memory.map(({ growth }) => growth)) },
  });
}

function addRows(
  report: Report,
  { name, version }: InstalledServer,
  server: readonly number[],
  ours: readonly number[],
  floor: readonly number[],
): void {
  const peer = { name: `${name.replace(/-.*/, '')}-server ${version}`, value: median(server) };
  const unit = 'CPU s/GB';
  report.add({
    ...{ name: 'follow into the log', unit, ours: median(ours), peer },
    ratio: medianRatio(ours, server),
    goal: { atMost: 0.3 },
  });
  report.add({
    ...{ name: 'the floor: socket to file', unit, ours: median(floor), peer },
    ratio: medianRatio(floor, server),
  });
}

async function followOnce(
  primary: Server,
  name: Contender,
  bytes: number,
): Promise<{ readonly cpu: number; readonly seconds: number; readonly use: MemoryUse }> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  const replica = await attach(primary, name, directory);
  try {
    await untilAcknowledged(primary);
    const before = cpuSeconds(replica.pid);
    const since = performance.now();
    const watch = new MemoryWatch(replica.pid);
    await writeLoad(primary.port, bytes);
    await untilAcknowledged(primary);
    const use = watch.stop();
    const seconds = (performance.now() - since) / 1000;
    return { cpu: cpuSeconds(replica.pid) - before, seconds, use };
  } finally {
    await replica.stop();
    await rm(directory, { recursive: true, force: true });
    await untilAlone(primary);
  }
}

async function attach(primary: Server, name: Contender, directory: string): Promise<Attached> {
  if (name === 'server') return attachServer(primary, directory);
  const child =
    name === 'floor'
      ? startFloor(primary.port, join(directory, 'stream'))
      : startForebay([
          'replica',
          '--replicaof',
          '127.0.0.1',
          String(primary.port),
          '--dir',
          directory,
        ]);
  child.stderr?.resume();
  return { pid: child.pid!, stop: () => stop(child) };
}

/** Its file is not rewritten on the way: that would be work that the others do not do. */
async function attachServer(primary: Server, directory: string): Promise<Attached> {
  const replica = await Server.start(primary.installed, {
    directory,
    config: {
      replicaof: `127.0.0.1 ${primary.port}`,
      appendonly: 'yes',
      'auto-aof-rewrite-percentage': 0,
    },
  });
  // After the full sync it writes a base in the background.
  await untilAcknowledged(primary);
  for (;;) {
    const info = await replica.info('persistence');
    if (info.aof_rewrite_in_progress === '0' && info.aof_rewrite_scheduled === '0') break;
    await sleep(50);
  }
  return { pid: replica.pid, stop: () => replica.stop() };
}
