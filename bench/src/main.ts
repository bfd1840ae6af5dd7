import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import type { InstalledServer } from '@forebay/conformance';
import { benchBacklog } from './backlog.ts';
import { benchCrowd } from './crowd.ts';
import { benchDecode } from './decode.ts';
import { benchFanOut } from './fan-out.ts';
import { benchFeed } from './feed.ts';
import { benchFollow } from './follow.ts';
import { benchFullSync } from './full-sync.ts';
import { benchLogSize } from './log-size.ts';
import { newestRedis } from './primary.ts';
import { benchRdb } from './rdb.ts';
import { newReport, type Report } from './report.ts';
import type { Size } from './size.ts';

type Benchmark = (report: Report, size: Size, installed: InstalledServer) => Promise<void>;

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  decode: benchDecode,
  backlog: benchBacklog,
  follow: benchFollow,
  'full-sync': benchFullSync,
  'fan-out': benchFanOut,
  crowd: benchCrowd,
  rdb: benchRdb,
  'log-size': benchLogSize,
  feed: benchFeed,
};
/** Those need a server, and the accounting of Linux. */
const ON_SERVERS = ['follow', 'full-sync', 'fan-out', 'crowd', 'rdb'];

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const asked = parse(args);
  if (asked === undefined) return 64;
  const { json, quick, names } = asked;
  const installed = newestRedis();
  const report = newReport(json, versionsOf(installed));
  for (const name of names) {
    if (!ON_SERVERS.includes(name)) {
      await BENCHMARKS[name]!(report, { quick }, installed!);
    } else if (installed === undefined || process.platform !== 'linux') {
      report.progress(`${name}: not measured, it needs a Redis server and Linux`);
    } else {
      await BENCHMARKS[name]!(report, { quick }, installed);
    }
  }
  report.end();
  return 0;
}

function parse(args: readonly string[]) {
  const every = Object.keys(BENCHMARKS);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
      allowPositionals: true,
    });
    const unknown = positionals.find((name) => !every.includes(name));
    if (unknown !== undefined) throw new Error(`no such benchmark: ${unknown}`);
    const names = positionals.length === 0 ? every : positionals;
    return { json: values.json === true, quick: values.quick === true, names };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.stderr.write(`usage: npm run bench -- [--json] [--quick] [${every.join(' | ')}]...\n`);
    return undefined;
  }
}

function versionsOf(installed: InstalledServer | undefined): Record<string, string> {
  const require = createRequire(import.meta.url);
  const peers = ['redis-parser', '@redis/client', 'ioredis'].map((name) => {
    return [name, (require(`${name}/package.json`) as { version: string }).version] as const;
  });
  const server = installed === undefined ? [] : [[installed.flavour, installed.version] as const];
  return Object.fromEntries([...peers, ...server]);
}
