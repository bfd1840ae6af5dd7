import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { InstalledServer } from '@forebay/conformance';
import { Server } from '@forebay/conformance';
import { memoryOfForebay } from './children.ts';
import { interleave, median, medianRatio } from './interleave.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';

const READER = fileURLToPath(import.meta.resolve('./rdb-process.js'));
const run = promisify(execFile);

/** What a snapshot is made of: strings, and elements of each of the three large values. */
interface Contents {
  readonly strings: number;
  readonly elements: number;
}

/** 85 MB, and 1 GB. */
const SMALL = { strings: 750_000, elements: 0 };
const LARGE = { strings: 5_000_000, elements: 5_000_000 };
const QUICK = {
  small: { strings: 100_000, elements: 0 },
  large: { strings: 50_000, elements: 50_000 },
};

const MOST_MEMORY = 150;

/** Reading snapshots: keys with raw values, verified, elements, and lines of JSON, beside the server's own checker. */
export async function benchRdb(
  report: Report,
  { quick }: Size,
  installed: InstalledServer,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  const { small, large } = quick ? QUICK : { small: SMALL, large: LARGE };
  try {
    report.progress('rdb: filling servers');
    await addFile(
      report,
      installed,
      'small',
      await snapshot(installed, directory, small),
      quick ? 3 : 7,
    );
    await addFile(report, installed, 'large', await snapshot(installed, directory, large), 3);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function addFile(
  report: Report,
  installed: InstalledServer,
  what: string,
  path: string,
  rounds: number,
): Promise<void> {
  const megabytes = (await stat(path)).size / 1e6;
  report.progress(`rdb: ${what}, ${megabytes.toFixed(0)} MB`);
  const memory = { raw: 0, verify: 0, elements: 0, json: 0 };
  const note = (name: keyof typeof memory, most: number) => {
    memory[name] = Math.max(memory[name], most);
  };
  const contenders = {
    raw: async () => note('raw', await read(path, 'raw')),
    verify: async () => note('verify', await read(path, 'verify')),
    elements: async () => note('elements', await read(path, 'elements')),
    json: async () => note('json', await memoryOfForebay(['rdb', 'json', path])),
    server: () => check(installed, path),
  };
  const names = ['raw', 'verify', 'elements', 'json', 'server'] as const;
  const samples = await interleave(names, { rounds, warmUps: 1 }, async (name) => {
    const since = performance.now();
    await contenders[name]();
    return megabytes / ((performance.now() - since) / 1000);
  });
  const server = samples.get('server')!;
  const unit = 'MB/s';
  for (const [name, of] of [
    ['raw', 'raw'],
    ['verified', 'verify'],
  ] as const) {
    const ours = samples.get(of)!;
    report.add({
      ...{ name: `rdb ${what}, ${name}`, unit, ours: median(ours) },
      peer: { name: 'redis-check-rdb', value: median(server) },
      ratio: medianRatio(ours, server),
      goal: { atLeast: 1 },
      details: { MB: megabytes },
    });
  }
  for (const [name, of, atLeast] of [
    ['elements', 'elements', 150],
    ['JSON lines', 'json', 100],
  ] as const) {
    const ours = median(samples.get(of)!);
    report.add({ name: `rdb ${what}, ${name}`, unit, ours, goal: { atLeast } });
  }
  report.add({
    ...{ name: `rdb ${what}, memory`, unit: 'MB', ours: Math.max(...Object.values(memory)) },
    goal: { atMost: MOST_MEMORY },
    details: memory,
  });
}

/** The most megabytes that were resident. */
async function read(path: string, level: 'raw' | 'verify' | 'elements'): Promise<number> {
  const { stdout } = await run(process.execPath, [READER, path, level]);
  return Number(stdout.split(' ')[1]);
}

async function check({ checkRdb }: InstalledServer, path: string): Promise<void> {
  const [file = '', ...words] = checkRdb;
  await run(file, [...words, path]);
}

/** Strings of 100 bytes of text. */
const STRINGS =
  'for i = 1, tonumber(ARGV[1]) do ' +
  "redis.call('SET', 'key:' .. i, string.sub(string.rep('value ' .. i .. ' ', 13), 1, 100)) end";

/** A list, a hash and a sorted set, of so many elements each. */
const VALUES =
  'local n, batch = tonumber(ARGV[1]), 1000 ' +
  'for i = 1, n, batch do local l, h, z = {}, {}, {} ' +
  "for j = i, i + batch - 1 do l[#l + 1] = 'element of a list ' .. j " +
  "h[#h + 1] = 'field ' .. j h[#h + 1] = 'value of a hash ' .. j " +
  "z[#z + 1] = j / 3 z[#z + 1] = 'member ' .. j end " +
  "redis.call('RPUSH', 'list', unpack(l)) redis.call('HSET', 'hash', unpack(h)) " +
  "redis.call('ZADD', 'zset', unpack(z)) end";

/** Not compressed: what is measured is the reading. */
async function snapshot(
  installed: InstalledServer,
  directory: string,
  { strings, elements }: Contents,
): Promise<string> {
  const config = { rdbcompression: 'no' };
  const server = await Server.start(installed, { directory, config });
  try {
    await server.command('EVAL', STRINGS, 0, strings);
    await server.command('EVAL', VALUES, 0, elements);
    await server.command('SAVE');
  } finally {
    await server.stop();
  }
  const path = join(directory, `${strings}.rdb`);
  await rename(join(directory, 'dump.rdb'), path);
  return path;
}
