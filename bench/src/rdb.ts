import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { InstalledServer } from '@forebay/conformance';
import { Server } from '@forebay/conformance';
import { interleave, median, medianRatio } from './interleave.ts';
import type { Report } from './report.ts';
import type { Size } from './size.ts';

const READER = fileURLToPath(import.meta.resolve('./rdb-process.js'));
const run = promisify(execFile);

/** How many keys, and how many elements in large values. */
const KEYS = { quick: 100_000, small: 750_000, large: 5_000_000 } as const;

/** Reading snapshots: keys with raw values, and elements, beside the server's own checker. */
export async function benchRdb(
  report: Report,
  { quick }: Size,
  installed: InstalledServer,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'forebay-bench-'));
  try {
    const small = await smallKeys(installed, directory, quick ? KEYS.quick : KEYS.small);
    await addFile(report, installed, 'small keys', small, quick ? 3 : 7);
    const large = await largeValues(installed, directory, quick ? KEYS.quick : KEYS.large);
    await addFile(report, installed, 'large values', large, 3);
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
  const memory = { raw: 0, elements: 0 };
  const read = async (file: string, level: 'raw' | 'elements'): Promise<void> => {
    const { stdout } = await run(process.execPath, [READER, file, level]);
    memory[level] = Math.max(memory[level], Number(stdout.split(' ')[1]));
  };
  const contenders = {
    raw: () => read(path, 'raw'),
    elements: () => read(path, 'elements'),
    server: () => check(installed, path),
  };
  const names = ['raw', 'elements', 'server'] as const;
  const samples = await interleave(names, { rounds, warmUps: 1 }, async (name) => {
    const since = performance.now();
    await contenders[name]();
    return megabytes / ((performance.now() - since) / 1000);
  });
  const server = samples.get('server')!;
  const peer = { name: 'redis-check-rdb', value: median(server) };
  report.add({
    ...{ name: `rdb ${what}, raw`, unit: 'MB/s', ours: median(samples.get('raw')!), peer },
    ratio: medianRatio(samples.get('raw')!, server),
    goal: { atLeast: 1 },
    details: { 'MB resident': memory.raw, MB: megabytes },
  });
  report.add({
    ...{
      name: `rdb ${what}, elements`,
      unit: 'MB/s',
      ours: median(samples.get('elements')!),
      peer,
    },
    ratio: medianRatio(samples.get('elements')!, server),
    details: { 'MB resident': memory.elements },
  });
}

async function check({ checkRdb }: InstalledServer, path: string): Promise<void> {
  const [file = '', ...words] = checkRdb;
  await run(file, [...words, path]);
}

/** Strings of 100 bytes, not compressed. */
async function smallKeys(
  installed: InstalledServer,
  directory: string,
  count: number,
): Promise<string> {
  return snapshot(installed, directory, 'small.rdb', async (server) => {
    await server.command('DEBUG', 'POPULATE', count, 'key', 100);
  });
}

/** A list, a hash and a sorted set, that share so many elements. */
async function largeValues(
  installed: InstalledServer,
  directory: string,
  count: number,
): Promise<string> {
  const script =
    'local n, batch = tonumber(ARGV[1]), 1000 ' +
    'for i = 1, n, batch do local l, h, z = {}, {}, {} ' +
    "for j = i, i + batch - 1 do l[#l + 1] = 'element of a list ' .. j " +
    "h[#h + 1] = 'field ' .. j h[#h + 1] = 'value of a hash ' .. j " +
    "z[#z + 1] = j / 3 z[#z + 1] = 'member ' .. j end " +
    "redis.call('RPUSH', 'list', unpack(l)) redis.call('HSET', 'hash', unpack(h)) " +
    "redis.call('ZADD', 'zset', unpack(z)) end";
  return snapshot(installed, directory, 'large.rdb', async (server) => {
    await server.command('EVAL', script, 0, Math.floor(count / 3));
  });
}

async function snapshot(
  installed: InstalledServer,
  directory: string,
  name: string,
  fill: (server: Server) => Promise<void>,
): Promise<string> {
  const config = { rdbcompression: 'no' };
  const server = await Server.start(installed, { directory, config });
  try {
    await fill(server);
    await server.command('SAVE');
  } finally {
    await server.stop();
  }
  const path = join(directory, name);
  await rename(join(directory, 'dump.rdb'), path);
  return path;
}
