import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledServer } from '@forebay/conformance';
import { freePort, Server, seedDataSet } from '@forebay/conformance';
import { startForebay, startReaders, stop, untilPrinted } from './children.ts';
import { interleave, median, medianRatio } from './interleave.ts';
import { startPrimary, untilAcknowledged, untilAlone } from './primary.ts';
import { cpuSeconds, residentMegabytes } from './process-usage.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';
import { writeLoad } from './write-load.ts';

const REPLICAS = [1, 4, 16];
const CONTENDERS = ['server', 'ours'] as const;
type Contender = (typeof CONTENDERS)[number];

/** One in the middle of a chain. */
interface Middle {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

interface Passed {
  readonly cpu: number;
  /** CPU seconds of the primary above. */
  readonly above: number;
  readonly seconds: number;
  /** Resident megabytes, the most there were. */
  readonly memory: number;
}

/**
 * What passing a stream on costs the one in the middle of a chain: ours, which keeps it in its log, and
 * a server with its append-only file. Then the same for a full copy.
 */
export async function benchFanOut(
  report: Report,
  { quick }: Size,
  installed: InstalledServer,
): Promise<void> {
  await using primary = await startPrimary(installed);
  await writeLoad(primary.port, 2e6);
  const above: number[][] = [];
  for (const replicas of REPLICAS) {
    above.push(await addFanOut(report, primary, replicas, quick ? 5e7 : 4e8));
  }
  addAbove(report, above.at(-1)!, above[0]!);
  await addStalled(report, primary, quick ? 1e8 : 1e9);
  await addFullCopy(report, primary, quick ? 100 : 1000);
}

/** Returns what it cost the primary with ours in the middle, in CPU seconds a gigabyte. */
async function addFanOut(
  report: Report,
  primary: Server,
  replicas: number,
  bytes: number,
): Promise<number[]> {
  const aboveOurs: number[] = [];
  const rates: Record<Contender, number[]> = { server: [], ours: [] };
  const samples = await interleave(CONTENDERS, { rounds: 3, warmUps: 0 }, async (name) => {
    const { cpu, seconds, above } = await pass(primary, name, replicas, 0, bytes);
    if (name === 'ours') aboveOurs.push(above / (bytes / 1e9));
    rates[name].push(bytes / 1e6 / seconds);
    report.progress(
      `fan-out to ${replicas}: ${name} ${cpu.toFixed(2)} CPU s, ${seconds.toFixed(1)} s`,
    );
    return cpu / (bytes / 1e9);
  });
  const [ours, server] = [samples.get('ours')!, samples.get('server')!];
  report.add({
    ...{ name: `fan-out to ${replicas}`, unit: 'CPU s/GB', ours: median(ours) },
    peer: peerOf(primary.installed, median(server)),
    ratio: medianRatio(ours, server),
    goal: { atMost: 0.5 },
    details: { 'MB/s ours': median(rates.ours), 'MB/s of the peer': median(rates.server) },
  });
  return aboveOurs;
}

/** The primary has one replica, ours, however many there are below it. */
function addAbove(report: Report, many: readonly number[], one: readonly number[]): void {
  report.add({
    ...{ name: `primary, ${REPLICAS.at(-1)} below us`, unit: 'CPU s/GB', ours: median(many) },
    peer: { name: 'one below us', value: median(one) },
    ratio: median(many) / median(one),
  });
}

/** One of four reads nothing while the stream goes by. */
async function addStalled(report: Report, primary: Server, bytes: number): Promise<void> {
  const beside = await pass(primary, 'ours', 4, 0, bytes);
  const stalled = await pass(primary, 'ours', 4, 1, bytes);
  report.add({
    ...{ name: 'memory, one of four stalled', unit: 'MB resident', ours: stalled.memory },
    details: { 'MB with none stalled': beside.memory, 'MB that it is behind': bytes / 1e6 },
  });
}

async function addFullCopy(report: Report, primary: Server, megabytes: number): Promise<void> {
  report.progress(`full copy: filling the primary with ${megabytes} MiB`);
  await seedDataSet(primary.client, { megabytes });
  const seconds: Record<Contender, number[]> = { server: [], ours: [] };
  const samples = await interleave(CONTENDERS, { rounds: 3, warmUps: 0 }, async (name) => {
    const { cpu, seconds: took } = await pass(primary, name, 1, 0, 0);
    seconds[name].push(took);
    report.progress(`full copy: ${name} ${cpu.toFixed(2)} CPU s, ${took.toFixed(1)} s`);
    return cpu / ((megabytes * 1_048_576) / 1e9);
  });
  const [ours, server] = [samples.get('ours')!, samples.get('server')!];
  report.add({
    ...{ name: 'full copy to a replica', unit: 'CPU s/GB', ours: median(ours) },
    peer: peerOf(primary.installed, median(server)),
    ratio: medianRatio(ours, server),
    goal: { atMost: 1 / 3 },
    details: { 's ours': median(seconds.ours), 's of the peer': median(seconds.server) },
  });
}

/** With bytes: the passing on of those. Without: the attaching of the replicas, data set and all. */
async function pass(
  primary: Server,
  name: Contender,
  replicas: number,
  stalled: number,
  bytes: number,
): Promise<Passed> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  const middle = await (name === 'ours' ? startOurs : startServer)(primary, directory);
  let readers: ChildProcess | undefined;
  try {
    await untilAcknowledged(primary);
    let [before, since] = [costOf(middle.pid), performance.now()];
    const aboveBefore = costOf(primary.pid);
    readers = startReaders(middle.port, replicas, stalled);
    await untilPrinted(readers, /attached/);
    if (bytes > 0) {
      [before, since] = [costOf(middle.pid), performance.now()];
      await writeLoad(primary.port, bytes);
      const { master_repl_offset } = await primary.info('replication');
      const reached = untilPrinted(readers, /reached/);
      readers.stdin?.write(`${master_repl_offset}\n`);
      await reached;
    }
    const seconds = (performance.now() - since) / 1000;
    const memory = residentMegabytes(middle.pid).most;
    const above = costOf(primary.pid) - aboveBefore;
    return { cpu: costOf(middle.pid) - before, above, seconds, memory };
  } finally {
    if (readers !== undefined) await stop(readers);
    await middle.stop();
    await rm(directory, { recursive: true, force: true });
    await untilAlone(primary);
  }
}

/** Of a process and of what it has forked, the children that have ended. */
function costOf(pid: number): number {
  return cpuSeconds(pid, { withChildren: true });
}

async function startOurs(primary: Server, directory: string): Promise<Middle> {
  const port = await freePort();
  const above = ['--replicaof', primary.host, String(primary.port)];
  const child = startForebay(['replica', ...above, '--dir', directory, '--port', String(port)]);
  await untilPrinted(child, /full copy done/);
  return { pid: child.pid!, port, stop: () => stop(child) };
}

async function startServer(primary: Server, directory: string): Promise<Middle> {
  const server = await Server.start(primary.installed, {
    directory,
    config: {
      ...{ replicaof: `${primary.host} ${primary.port}`, appendonly: 'yes' },
      ...{ 'auto-aof-rewrite-percentage': 0, 'client-output-buffer-limit': 'replica 0 0 0' },
      // Our snapshot is there already; a delay is no cost, and would be counted as time.
      ...{ 'repl-diskless-sync-delay': 0 },
    },
  });
  return { pid: server.pid, port: server.port, stop: () => server.stop() };
}

function peerOf(
  { name, version }: InstalledServer,
  value: number,
): { name: string; value: number } {
  return { name: `${name.replace(/-.*/, '')}-server ${version}`, value };
}
