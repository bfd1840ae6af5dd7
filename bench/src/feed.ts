import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startLogWriter, stop, untilPrinted } from './children.ts';
import { interleave, median } from './interleave.ts';
import type { Report } from './report.ts';
import { encodeSets } from './sets.ts';
import type { Size } from './size.ts';

const READER = fileURLToPath(import.meta.resolve('./feed-process.js'));
const run = promisify(execFile);

/** Millions of `SET`s a second, by one core. */
const GOAL = 1.5;
const VALUE = 64;

/** How the log is gone through, as `feed-process` takes it. */
const CONTENDERS = {
  feed: ['feed'],
  'one key of ten thousand': ['feed', 'key:001234'],
  'redis-parser': ['redis-parser'],
} as const;

/**
 * Typed changes out of a log of `SET`s, by CPU seconds of the whole process, which is what one core can
 * do.
 */
export async function benchFeed(report: Report, { quick }: Size): Promise<void> {
  const bytes = quick ? 1e8 : 5e8;
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  try {
    const writer = startLogWriter(directory, bytes);
    await untilPrinted(writer, /filled/);
    await stop(writer, 'SIGTERM');
    const names = Object.keys(CONTENDERS) as (keyof typeof CONTENDERS)[];
    const commands = commandsIn(bytes);
    const rounds = { rounds: quick ? 3 : 7, warmUps: 1 };
    const wall = new Map<string, number[]>(names.map((name) => [name, []]));
    const samples = await interleave(names, rounds, async (name) => {
      const { stdout } = await run(process.execPath, [READER, directory, ...CONTENDERS[name]]);
      const [found = 0, cpu = 0, seconds = 0] = stdout.split(' ').map(Number);
      if (found === 0) throw new Error(`${name} gave nothing`);
      wall.get(name)?.push(commands / seconds / 1e6);
      const rate = commands / cpu / 1e6;
      report.progress(`feed: ${name} ${rate.toFixed(2)} M/s`);
      return rate;
    });
    const figure = (name: keyof typeof CONTENDERS) => median(samples.get(name)!);
    const peer = { name: 'redis-parser', value: figure('redis-parser') };
    report.add({
      ...{ name: 'feed of a log', unit: 'M changes/CPU s', ours: figure('feed'), peer },
      goal: { atLeast: GOAL },
      details: { 'by the clock': median(wall.get('feed')!) },
    });
    report.add({
      ...{ name: 'feed of a log, filtered', unit: 'M changes/CPU s', peer },
      ours: figure('one key of ten thousand'),
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the log's writer appends, again and again until it is so many bytes. */
function commandsIn(bytes: number): number {
  const piece = encodeSets(256 * 1024, VALUE);
  return Math.ceil(bytes / piece.bytes.length) * piece.commands;
}
