import { resolve } from 'node:path';
import type { Restored, RestorePlan, RestoreTarget } from '@forebay/log';
import { APPEND_DIRECTORY, LogError, nodeDisk, planRestore, restore } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import { Command, Option } from 'commander';
import { EXIT, ExitError } from '../exit.ts';
import { print } from '../output/output.ts';
import { refuseInsideLog } from '../output/outside-logs.ts';
import { shellWord } from '../output/shell-word.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import type { BeforeFlags } from './before.ts';
import { placeBefore } from './before.ts';
import { MOMENT_HELP, momentOf } from './moment.ts';
import { stopSignal } from './stop-signal.ts';
import type { TtlChoice } from './ttl-option.ts';
import { ttlOption } from './ttl-option.ts';

interface RestoreFlags extends Partial<BeforeFlags> {
  readonly out?: string;
  readonly at?: RestoreTarget;
  readonly ttl: TtlChoice;
  readonly single?: boolean;
  readonly dryRun?: boolean;
}

const HELP = `
${MOMENT_HELP}

The restore ends with the last whole command or transaction up to WHEN. A WHEN before the oldest base or after
the last arrival is an error. Where the clock went back, a time between what it showed before and after is
uncertain: a restore by time ends before the step; a position reaches what came after it.

--before searches everything that can be restored for a command, such as FLUSHALL. Case does not matter; of a
command with subcommands give the first word. The stream has the effects of commands: scripts and functions are
the commands that they call, EXPIRE is PEXPIREAT since Redis 7, an expired key is DEL or UNLINK. --match takes
patterns as KEYS does; a command without keys, such as FLUSHALL, matches always. Where there are several, a list
with the time of each and the position before it (for --at) is printed, and nothing is restored; --last takes the
newest.

A server that loads the restored directory deletes keys that have expired since WHEN. --ttl drop removes the TTLs
of all keys and hash fields. --ttl shift keeps the TTL that was left at WHEN, counted from now. Keys and fields
that had expired before WHEN are not restored.

forebay may write to the log meanwhile; no other program may. Every byte is checked as it is read.

Exit codes: 0 done; 1 stopped; 64 usage, WHEN is not held, or --before finds none or several; 74 disk error
or damaged log; 78 DIR holds no log, or the directory of --out is not empty.`;

/** `forebay restore`: a directory that Redis or Valkey can load, as of a moment. */
export function restoreCommand(reporter: Reporter): Command {
  return new Command('restore')
    .description('Write the data set of a moment as a directory that Redis or Valkey can load.')
    .argument('<dir>', 'where the log is kept')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option('--out <dir>', 'where to write it: a directory that is empty, or not there')
    .addOption(
      new Option(
        '--at <when>',
        'the position or time to restore; default: the end of the log',
      ).argParser((text: string) => momentOf(text)),
    )
    .addOption(
      new Option(
        '--before <command>',
        'restore to just before this command, or before the transaction that contains it',
      ).conflicts('at'),
    )
    .addOption(
      new Option(
        '--match <glob>',
        'with --before: only commands with a matching key; repeatable',
      ).argParser(listOf),
    )
    .option('--last', 'with --before: the newest match, if there are several')
    .addOption(ttlOption())
    .option('--single', 'write one file, which servers before 7.0 load as well')
    .option('--dry-run', 'show what would be read and restored, and write nothing')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (directory: string, flags: RestoreFlags) => {
      await restoreTo(directory, flags, reporter);
    });
}

async function restoreTo(directory: string, flags: RestoreFlags, reporter: Reporter) {
  const { out = '', at, before, ttl, single = false, dryRun = false } = flags;
  if (directory === '') throw new ExitError(EXIT.usage, 'DIR names no directory');
  if (out === '' && !dryRun) throw new ExitError(EXIT.usage, '--out is needed, or --dry-run');
  if (out !== '') await refuseInsideLog(out);
  if (before === undefined && (flags.match !== undefined || flags.last === true)) {
    throw new ExitError(EXIT.usage, '--match and --last need --before');
  }
  const signal = stopSignal();
  const place =
    before === undefined ? undefined : await placeBefore(directory, { ...flags, before }, signal);
  const target = place === undefined ? at : { position: place.position };
  await using plan = await planned(directory, target);
  const found: Line[] = place === undefined ? [] : [['before', place.text]];
  await print(textOf([...linesOf(plan), ...found]));
  if (plan.leavesOut) {
    reporter.trouble(
      'the clock stepped back: writes after this position with times up to the given one are not restored, because they may have arrived later; --at with a position restores them',
    );
  }
  for (const { file, what } of plan.notInCopy ?? []) {
    reporter.trouble(`ignored, incomplete copy: ${file}: ${what}`);
  }
  if (dryRun) return;
  const since = performance.now();
  const onProgress = ({ read, total }: { read: number; total: number }) => {
    reporter.transfer({ read, total }, since);
  };
  try {
    const restored = await restore(plan, out, { single, ttl, now: Date.now(), onProgress, signal });
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    reporter.good(`restored ${formatBytes(restored.bytes)} in ${seconds} s`);
    warn(plan, restored, single, reporter);
    await print(textOf(resultOf(plan, restored, resolve(out), flags)));
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

function listOf(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
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

function resultOf(
  plan: RestorePlan,
  restored: Restored,
  out: string,
  { single = false, ttl }: RestoreFlags,
): Line[] {
  const server = plan.origin.flavour === 'valkey' ? 'valkey-server' : 'redis-server';
  const form = single ? '--appendfilename appendonly.aof' : `--appenddirname ${APPEND_DIRECTORY}`;
  return [
    ['written', `${out}, ${restored.bytes} bytes in ${restored.files.join(', ')}`],
    ['reached', formatPosition(restored.position)],
    ...(plan.relative ? [['absolute', `${restored.changed} commands changed`] as const] : []),
    ...(ttl === 'keep' ? [] : [['ttl', timesOf(ttl, restored)] as const]),
    ['boot', `${server} --dir ${shellWord(out)} --appendonly yes ${form}`],
  ];
}

function timesOf(ttl: TtlChoice, { retimed }: Restored): string {
  const what = ttl === 'drop' ? 'dropped' : 'shifted';
  return `${what} in the base and in ${retimed} commands`;
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
