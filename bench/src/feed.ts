import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { feed } from '@forebay/feed';
import { APPEND_DIRECTORY } from '@forebay/log';
import { startLogWriter, stop, untilPrinted } from './children.ts';
import { PEERS } from './decoders.ts';
import { interleave, median } from './interleave.ts';
import { LOG_ID } from './log-id.ts';
import type { Report } from './report.ts';
import { encodeSets } from './sets.ts';
import type { Size } from './size.ts';

/** Millions of `SET`s a second, by one core. */
const GOAL = 1.5;
const VALUE = 64;

/**
 * Typed changes out of a log of `SET`s: from its files to the body of a `for await`, every checksum
 * compared. By CPU seconds of the whole process, which is what one core can do.
 */
export async function benchFeed(report: Report, { quick }: Size): Promise<void> {
  const bytes = quick ? 1e8 : 5e8;
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  try {
    const writer = startLogWriter(directory, bytes);
    await untilPrinted(writer, /filled/);
    await stop(writer, 'SIGTERM');
    const contenders = {
      feed: () => changesOf(directory),
      'one key of ten thousand': () => changesOf(directory, ['key:001234']),
      'redis-parser': () => parsed(directory),
    };
    const names = Object.keys(contenders) as (keyof typeof contenders)[];
    const commands = commandsIn(bytes);
    const rounds = { rounds: quick ? 3 : 7, warmUps: 1 };
    const wall = new Map<string, number[]>(names.map((name) => [name, []]));
    const samples = await interleave(names, rounds, async (name) => {
      const [cpu, since] = [process.cpuUsage(), performance.now()];
      await contenders[name]();
      const { user, system } = process.cpuUsage(cpu);
      wall.get(name)?.push(commands / (performance.now() - since) / 1000);
      const rate = commands / (user + system);
      report.progress(`feed: ${name} ${rate.toFixed(2)} M/s`);
      return rate;
    });
    const figure = (name: keyof typeof contenders) => median(samples.get(name)!);
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

async function changesOf(dir: string, match?: readonly string[]): Promise<void> {
  const filter = match === undefined ? {} : { match };
  let keys = 0;
  for await (const item of feed({
    dir,
    from: { id: LOG_ID, offset: 0 },
    follow: false,
    ...filter,
  })) {
    // What is made has to be looked at, or it might not be.
    if (item.type === 'change') keys += item.keys?.length ?? 0;
  }
  if (keys === 0) throw new Error('the feed gave no key');
}

/** The same bytes, straight from the file, as arrays of Buffers and nothing more. */
async function parsed(directory: string): Promise<void> {
  const inner = join(directory, APPEND_DIRECTORY);
  const decode = PEERS['redis-parser']();
  let commands = 0;
  for (const name of await readdir(inner)) {
    if (!name.endsWith('.incr.aof')) continue;
    const file = createReadStream(join(inner, name), { highWaterMark: 256 * 1024 });
    for await (const chunk of file) commands += decode(chunk as Buffer);
  }
  if (commands === 0) throw new Error('the parser gave no command');
}
