import { resolve } from 'node:path';
import type { Restored, RestorePlan, RestoreTarget } from '@forebay/log';
import { APPEND_DIRECTORY, LogError, nodeDisk, planRestore, restore } from '@forebay/log';
import { formatPosition, PsyncError, parsePosition } from '@forebay/psync';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT, ExitError } from '../exit.ts';
import { print } from '../output/output.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import { stopSignal } from './stop-signal.ts';

interface RestoreFlags {
  readonly out?: string;
  readonly at?: RestoreTarget;
  readonly single?: boolean;
  readonly dryRun?: boolean;
}

const HELP = `
WHEN is a position, <id>:<offset>, or a time: 2024-05-31T14:05:09 (local, unless it ends in Z or
+02:00), or seconds or milliseconds since 1970. What is reached is the end of the last whole command
or transaction that had come by then.

The log may be written to meanwhile, by forebay and nobody else. Every byte is checked as it is read.

Exit codes: 0 done; 1 stopped; 64 usage, or WHEN is not held; 74 the disk, or damage; 78 DIR holds no
log, or the one of --out holds files.`;

/** `forebay restore`: a directory that a server boots, as of a moment. */
export function restoreCommand(reporter: Reporter): Command {
  return new Command('restore')
    .description('Write the data set of a moment, as a directory that a server boots.')
    .argument('<dir>', 'where the log is kept')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option('--out <dir>', 'where to write it: a directory that is empty, or not there')
    .addOption(
      new Option('--at <when>', 'the moment; the last one held by default').argParser(momentOf),
    )
    .option('--single', 'write one file, which servers before 7.0 boot as well')
    .option('--dry-run', 'show what would be read and reached, and write nothing')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (directory: string, flags: RestoreFlags) => {
      await restoreTo(directory, flags, reporter);
    });
}

async function restoreTo(directory: string, flags: RestoreFlags, reporter: Reporter) {
  const { out = '', at, single = false, dryRun = false } = flags;
  if (directory === '') throw new ExitError(EXIT.usage, 'DIR names no directory');
  if (out === '' && !dryRun) throw new ExitError(EXIT.usage, '--out is needed, or --dry-run');
  const signal = stopSignal();
  await using plan = await planned(directory, at);
  await print(textOf(linesOf(plan)));
  if (dryRun) return;
  const since = performance.now();
  const onProgress = ({ read, total }: { read: number; total: number }) => {
    reporter.transfer({ read, total }, since);
  };
  try {
    const restored = await restore(plan, out, { single, onProgress, signal });
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    reporter.good(`restored ${formatBytes(restored.bytes)} in ${seconds} s`);
    warn(plan, restored, single, reporter);
    await print(textOf(resultOf(plan, restored, resolve(out), single)));
  } catch (error) {
    if (!signal.aborted || error instanceof LogError) throw error;
    throw new ExitError(EXIT.runtime, `stopped: nothing was left in ${out}`, error);
  }
}

async function planned(directory: string, at: RestoreTarget | undefined): Promise<RestorePlan> {
  try {
    return await planRestore(nodeDisk, directory, at);
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'NOT_COVERED') throw error;
    throw new ExitError(EXIT.usage, error.message, error);
  }
}

type Line = readonly [what: string, text: string];

function textOf(lines: readonly Line[]): string[] {
  return lines.map(([what, text]) => `${what.padEnd(9)}  ${text}`);
}

function linesOf(plan: RestorePlan): Line[] {
  const { base, parts, origin } = plan;
  const { flavour, version = 'of a version not told' } = origin;
  const times = plan.relative ? ', with relative times, which are made absolute' : '';
  return [
    ['directory', plan.directory],
    ['history', plan.ids.join(', ')],
    ['primary', `${flavour} ${version}${times}`],
    ['base', `${base.name}, ${formatBytes(base.size)}, at ${base.offset}, of ${dateOf(base.time)}`],
    ...parts.map(
      ({ increment, from, to }): Line => ['stream', `${increment.name}, ${from} to ${to}`],
    ),
    ['bytes', `${plan.bytes} (${formatBytes(plan.bytes)})`],
    ['position', formatPosition(plan.position)],
    ['database', String(plan.database)],
    ['time', dateOf(plan.time)],
  ];
}

function resultOf(plan: RestorePlan, restored: Restored, out: string, single: boolean): Line[] {
  const server = plan.origin.flavour === 'valkey' ? 'valkey-server' : 'redis-server';
  const form = single ? '--appendfilename appendonly.aof' : `--appenddirname ${APPEND_DIRECTORY}`;
  return [
    ['written', `${out}, ${restored.bytes} bytes in ${restored.files.join(', ')}`],
    ['reached', formatPosition(restored.position)],
    ...(plan.relative ? [['absolute', `${restored.changed} commands changed`] as const] : []),
    ['boot', `${server} --dir ${quoted(out)} --appendonly yes ${form}`],
  ];
}

function warn(plan: RestorePlan, { scripts }: Restored, single: boolean, reporter: Reporter): void {
  if (scripts > 0) {
    reporter.trouble(
      `${scripts} scripts (EVAL, EVALSHA) are as they came: relative times that they set count from the boot`,
    );
  }
  if (plan.relative && !single) {
    reporter.step('servers before 7.0 do not boot from this; --single writes what they do');
  }
}

function dateOf(time: number): string {
  return new Date(time).toISOString();
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** Below it, a number of a time is of seconds: of the year 5138, or, in milliseconds, of 1973. */
const LEAST_MILLISECONDS = 1e11;
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** What `--at` says. @throws {InvalidArgumentError} */
export function momentOf(text: string): RestoreTarget {
  if (/^\w{40}:/.test(text)) {
    try {
      return { position: parsePosition(text) };
    } catch (error) {
      if (!(error instanceof PsyncError)) throw error;
      throw new InvalidArgumentError(error.message);
    }
  }
  const time = /^\d+(\.\d+)?$/.test(text) ? unixTime(Number(text)) : isoTime(text);
  if (time !== undefined && Number.isFinite(time)) return { time };
  throw new InvalidArgumentError(
    'Give a position, <id>:<offset>, or a time: 2024-05-31T14:05:09Z, or seconds since 1970.',
  );
}

function unixTime(number: number): number | undefined {
  const time = number < LEAST_MILLISECONDS ? number * 1000 : number;
  return Number.isNaN(new Date(time).getTime()) ? undefined : Math.floor(time);
}

function isoTime(text: string): number | undefined {
  const [found, year, month, day, clock = '00:00', zone = ''] = ISO.exec(text) ?? [];
  if (found === undefined) return undefined;
  // The platform takes the 30th of February for the 1st of March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCDate() !== Number(day)) return undefined;
  const [hours = '', minutes = '00'] = zone.match(/[+-]\d\d|\d\d/g) ?? [];
  const offset = hours === '' ? zone.toUpperCase() : `${hours}:${minutes}`;
  // A day alone is one of UTC to the platform, and local with a time beside it.
  return Date.parse(`${year}-${month}-${day}T${clock}${offset}`);
}
