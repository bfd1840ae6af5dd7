import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstalledServer, Server } from '@forebay/conformance';
import { freePort } from '@forebay/conformance';
import { startCrowd, startForebay, startStorm, stop, untilPrinted } from './children.ts';
import { interleave, median, medianRatio } from './interleave.ts';
import { startPrimary, untilAcknowledged, untilAlone } from './primary.ts';
import { cpuSeconds, residentMegabytes } from './process-usage.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';
import { writeLoad } from './write-load.ts';

const IDLE = 10_000;
const DRIBBLING = 500;
/** Writes whose acknowledgement is waited for, one after another. */
const WAITS = 500;
/** Milliseconds that nothing happens in, to see what that costs. */
const QUIET = 5000;

const CONTENDERS = ['alone', 'crowded', 'scraped'] as const;
type Contender = (typeof CONTENDERS)[number];

interface Passed {
  /** CPU seconds for the load, and for a second without any. */
  readonly cpu: number;
  readonly quiet: number;
  /** Milliseconds from a write to our acknowledgement of it. */
  readonly waits: readonly number[];
  readonly memory: number;
}

/**
 * What the link above notices of ten thousand idle clients and of five hundred that send a byte a second,
 * and of a thousand scrapes of metrics a second: CPU of following a stream, and the time to the
 * acknowledgement of a write.
 */
export async function benchCrowd(
  report: Report,
  { quick }: Size,
  installed: InstalledServer,
): Promise<void> {
  const bytes = quick ? 1e8 : 5e8;
  await using primary = await startPrimary(installed);
  await writeLoad(primary.port, 2e6);
  const passes: Record<Contender, Passed[]> = { alone: [], crowded: [], scraped: [] };
  const samples = await interleave(CONTENDERS, { rounds: 3, warmUps: 0 }, async (name) => {
    const passed = await pass(primary, name, bytes);
    passes[name].push(passed);
    report.progress(
      `crowd: ${name} ${passed.cpu.toFixed(2)} CPU s, WAIT ${median(passed.waits).toFixed(2)} ms, ` +
        `${passed.memory.toFixed(0)} MB`,
    );
    return passed.cpu / (bytes / 1e9);
  });
  const alone = samples.get('alone')!;
  for (const [name, what, atMost] of TROUBLES) {
    addRows(report, { name, what, atMost }, samples.get(name)!, alone, passes);
  }
}

/** What is done meanwhile; the CPU of answering scrapes is in the figure, so that there is no goal. */
const TROUBLES = [
  ['crowded', `${IDLE} clients`, 1.25],
  ['scraped', '1,000 scrapes a second', undefined],
] as const;

interface Trouble {
  readonly name: Contender;
  readonly what: string;
  readonly atMost: number | undefined;
}

function addRows(
  report: Report,
  { name, what, atMost }: Trouble,
  troubled: readonly number[],
  alone: readonly number[],
  passes: Readonly<Record<Contender, readonly Passed[]>>,
): void {
  const of = (contender: Contender, figure: (passed: Passed) => number) =>
    median(passes[contender].map(figure));
  report.add({
    ...{ name: `follow beside ${what}`, unit: 'CPU s/GB', ours: median(troubled) },
    peer: { name: 'without them', value: median(alone) },
    ratio: medianRatio(troubled, alone),
    ...(atMost === undefined ? {} : { goal: { atMost } }),
    details: {
      'MB resident': of(name, ({ memory }) => memory),
      'MB without': of('alone', ({ memory }) => memory),
      '% of a CPU while nothing comes': of(name, ({ quiet }) => quiet * 100),
      '% without': of('alone', ({ quiet }) => quiet * 100),
    },
  });
  const waits = (contender: Contender, share: number) =>
    of(contender, (passed) => quantile(passed.waits, share));
  report.add({
    ...{ name: `write to acknowledgement, ${what}`, unit: 'ms', ours: waits(name, 0.5) },
    peer: { name: 'without them', value: waits('alone', 0.5) },
    details: {
      '99 of 100 within ms': waits(name, 0.99),
      'and without': waits('alone', 0.99),
    },
  });
}

async function pass(primary: Server, contender: Contender, bytes: number): Promise<Passed> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  const [port, http] = [await freePort(), await freePort()];
  const above = ['--replicaof', primary.host, String(primary.port), '--dir', directory];
  const served = ['--port', String(port), '--maxclients', String(IDLE + DRIBBLING + 100)];
  const child = startForebay(['replica', ...above, ...served, '--http', `127.0.0.1:${http}`]);
  let trouble: ChildProcess | undefined;
  try {
    await untilAcknowledged(primary);
    if (contender === 'crowded') trouble = startCrowd(port, IDLE, DRIBBLING);
    if (contender === 'scraped') trouble = startStorm(http);
    if (trouble !== undefined) await untilPrinted(trouble, /there/);
    const waits = await waitsOn(primary);
    let before = cpuSeconds(child.pid!);
    await sleep(QUIET);
    const quiet = (cpuSeconds(child.pid!) - before) / (QUIET / 1000);
    before = cpuSeconds(child.pid!);
    await writeLoad(primary.port, bytes);
    await untilAcknowledged(primary);
    const cpu = cpuSeconds(child.pid!) - before;
    return { cpu, quiet, waits, memory: residentMegabytes(child.pid!).most };
  } finally {
    if (trouble !== undefined) await stop(trouble);
    await stop(child);
    await rm(directory, { recursive: true, force: true });
    await untilAlone(primary);
  }
}

async function waitsOn(primary: Server): Promise<number[]> {
  const waits: number[] = [];
  for (let i = 0; i < WAITS; i++) {
    await primary.command('SET', 'waited', i);
    const since = performance.now();
    await primary.command('WAIT', 1, 10_000);
    waits.push(performance.now() - since);
  }
  return waits;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(share * (values.length - 1))]!;
}
