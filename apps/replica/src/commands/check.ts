import type { CheckProgress, CheckReport, Finding, RepairReport } from '@forebay/log';
import { check, nodeDisk, repair } from '@forebay/log';
import { formatPosition } from '@forebay/psync';
import { Command } from 'commander';
import { EXIT, ExitError } from '../exit.ts';
import { print } from '../output/output.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import { stopSignal } from './stop-signal.ts';
import type { TrialBoot } from './trial-boot.ts';
import { trialBoot } from './trial-boot.ts';

interface CheckFlags {
  readonly boot?: boolean;
  readonly server?: string;
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** What `--json` prints. */
interface CheckOutput extends CheckReport {
  /** Only with `--repair`. `findings` and `counts` are then of the log as it is after it. */
  readonly repair?: RepairReport;
  /** Only with `--boot`, where nothing was wrong. */
  readonly boot?: TrialBoot;
}

const HELP = `
Without --repair nothing is written, and the daemon may run. With --repair the daemon must be stopped.
A single flipped bit in a base or in a span of the stream is corrected where the CRC proves which bit it
is: nothing is lost then. Of other damage the damaged span is given up where a whole base follows: what
comes before it becomes a past segment. Without such a base, or where a step back is held, the log ends
where the damage begins. Nothing is deleted: replaced files and files left out are moved to
DIR/damaged-1, and so on.

Exit codes: 0 nothing is wrong; 1 something is, or was and could not be repaired, or a server did not
boot; 64 usage; 74 the disk; 78 DIR holds no log, or the daemon runs, with --repair.`;

/** `forebay check`: whether what is held is what was taken in. */
export function checkCommand(reporter: Reporter): Command {
  return new Command('check')
    .description('Compare everything that is held with what was written, and name what is not.')
    .argument('<dir>', 'where the log is kept')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option('--boot', 'restore the end to a temporary directory too, and boot a server from it')
    .option('--server <path>', 'the server for --boot; one of PATH by default')
    .option('--repair', 'correct flipped bits; give up other damage')
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (directory: string, flags: CheckFlags) => {
      if (directory === '') throw new ExitError(EXIT.usage, 'DIR names no directory');
      if (flags.server !== undefined && flags.boot !== true) {
        throw new ExitError(EXIT.usage, '--server goes with --boot');
      }
      await checkAll(directory, flags, reporter);
    });
}

async function checkAll(directory: string, flags: CheckFlags, reporter: Reporter): Promise<void> {
  const watched = progressOn(reporter);
  const output: { -readonly [name in keyof CheckOutput]?: CheckOutput[name] } = {};
  const say = async (lines: readonly string[]) => {
    if (flags.json !== true) await print(lines);
  };
  if (flags.repair === true) {
    output.repair = await watched((onProgress) => repair(nodeDisk, directory, onProgress));
    await say(linesOfRepair(output.repair));
  }
  const report = await watched((onProgress) => check(nodeDisk, directory, onProgress));
  Object.assign(output, report);
  const errors = report.findings.filter(({ severity }) => severity === 'error').length;
  await say([...report.findings.map(lineOf), sumOf(report, errors)]);
  try {
    if (errors > 0) throw new ExitError(EXIT.runtime, adviceOn(directory, flags));
    if (flags.boot === true) {
      output.boot = await trialBoot(directory, flags.server, reporter, stopSignal());
      await say([lineOfBoot(output.boot)]);
    }
  } finally {
    if (flags.json === true) await print([JSON.stringify(output, null, 2)]);
  }
}

/** Runs what tells how far it has come, and says in the end how long it took. */
function progressOn(reporter: Reporter) {
  return async <T>(run: (onProgress: (progress: CheckProgress) => void) => Promise<T>) => {
    const since = performance.now();
    let bytes = 0;
    const result = await run((progress) => {
      bytes = progress.read;
      reporter.transfer(progress, since);
    });
    const seconds = ((performance.now() - since) / 1000).toFixed(1);
    reporter.step(`read ${formatBytes(bytes)} in ${seconds} s`);
    return result;
  };
}

function lineOf({ severity, file, place, offset, what }: Finding): string {
  const position = offset === undefined ? '' : ` (offset ${offset})`;
  return `${severity}: ${file}, byte ${place}${position}: ${what}`;
}

function sumOf({ findings, counts }: CheckReport, errors: number): string {
  const { files, bytes, commands, spans } = counts;
  const warnings = findings.length - errors;
  const seen = [counted(files, 'file'), formatBytes(bytes), counted(commands, 'command')].join(
    ', ',
  );
  const told = warnings === 0 ? '' : `, ${counted(warnings, 'warning')}`;
  const wrong = errors === 0 ? 'nothing is wrong' : counted(errors, 'error');
  return `${seen} in ${counted(spans, 'span')}: ${wrong}${told}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function linesOfRepair({ findings, done, lost, refused, aside }: RepairReport): string[] {
  if (refused !== undefined) return [`not repaired: ${refused}`];
  if (done.length === 0) return [];
  return [
    ...findings.map((finding) => `was ${lineOf(finding)}`),
    ...done.map((each) => `repaired: ${each}`),
    ...lost.map(
      ({ from, to }) =>
        `lost: what came after ${formatPosition(from)}, up to ${formatPosition(to)}`,
    ),
    ...(aside === undefined ? [] : [`the files of before are in ${aside}, with their manifest`]),
  ];
}

function lineOfBoot({ server, keys, seconds, position }: TrialBoot): string {
  const where = formatPosition(position);
  return `boot: ${server} loaded ${keys} keys in ${seconds.toFixed(1)} s, at ${where}`;
}

function adviceOn(directory: string, { repair: repaired, boot }: CheckFlags): string {
  const booted = boot === true ? '; no server was booted from it' : '';
  if (repaired === true) return `${directory} could not be repaired${booted}`;
  return `${directory} is damaged${booted}; --repair corrects flipped bits and gives up other damage`;
}
