import { cp, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Log } from '@forebay/log';
import { startForebay, startLogWriter, stop, untilEnded, untilPrinted } from './children.ts';
import { interleave, median, medianRatio } from './interleave.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';

const MOST_SECONDS = 1;
/** What restoring may take of the time of copying the same files. */
const MOST_RESTORE = 1.5;

/** Opening a log of 10 GB, and restoring from it: what grows with its size, and what must not. */
export async function benchLogSize(report: Report, { quick }: Size): Promise<void> {
  const bytes = quick ? 1e9 : 1e10;
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  try {
    await fill(directory, bytes, 'SIGTERM');
    await addOpening(report, directory, 'open after a clean stop');
    await fill(directory, 5e7, 'SIGKILL');
    await addOpening(report, directory, 'open after a kill');
    await addRestore(report, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function fill(directory: string, bytes: number, signal: NodeJS.Signals): Promise<void> {
  const writer = startLogWriter(directory, bytes);
  await untilPrinted(writer, /filled/);
  await stop(writer, signal);
}

async function addOpening(report: Report, directory: string, name: string): Promise<void> {
  const since = performance.now();
  const log = await Log.open(directory);
  const seconds = (performance.now() - since) / 1000;
  await log.close();
  report.progress(`${name}: ${seconds.toFixed(3)} s`);
  report.add({ name, unit: 's', ours: seconds, goal: { atMost: MOST_SECONDS } });
}

/** What `cp` does, and then the syncs without which a copy is none after a power cut. */
async function copySynced(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = await open(join(entry.parentPath, entry.name), 'r+');
    await file.sync();
    await file.close();
  }
}

async function addRestore(report: Report, directory: string): Promise<void> {
  const samples = await interleave(['ours', 'copy'], { rounds: 3, warmUps: 0 }, async (name) => {
    const out = `${directory}-${name}`;
    const since = performance.now();
    if (name === 'copy') await copySynced(directory, out);
    else await untilEnded(startForebay(['restore', directory, '--out', out]));
    const seconds = (performance.now() - since) / 1000;
    await rm(out, { recursive: true, force: true });
    report.progress(`restore: ${name} ${seconds.toFixed(2)} s`);
    return seconds;
  });
  const [ours, copy] = [samples.get('ours')!, samples.get('copy')!];
  report.add({
    ...{ name: 'restore', unit: 's', ours: median(ours) },
    peer: { name: 'copy and sync', value: median(copy) },
    ratio: medianRatio(ours, copy),
    goal: { atMost: MOST_RESTORE },
  });
}
