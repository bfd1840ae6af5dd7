import { styleText } from 'node:util';
import { describeEndpoint } from '@forebay/replica';
import { Command, Option } from 'commander';
import { seconds } from '../config/forms.ts';
import { addSettings, settingsOf } from '../config/options.ts';
import { primaryOf } from '../config/primary.ts';
import type { Resolved } from '../config/resolve.ts';
import { CONNECTION } from '../config/settings.ts';
import { CHECKS } from '../doctor/checks.ts';
import type { Examined } from '../doctor/examine.ts';
import { examine } from '../doctor/examine.ts';
import type { Finding } from '../doctor/finding.ts';
import { Subject } from '../doctor/subject.ts';
import { verdictOf } from '../doctor/verdict.ts';
import type { ExitCode } from '../exit.ts';
import { withoutSecrets } from '../logging/secrets.ts';
import { print } from '../output/output.ts';

const NAMES = [...CONNECTION, 'repl-timeout', 'dir', 'retain'] as const;

interface DoctorFlags {
  readonly seconds: string;
  readonly full?: boolean;
  readonly json?: boolean;
}

const WIDTH = Math.max(...CHECKS.map(({ name }) => name.length));

const MARKS = {
  good: ['✓', 'green'],
  warning: ['!', 'yellow'],
  bad: ['✗', 'red'],
  untried: ['–', 'dim'],
} as const satisfies Record<Finding['verdict'], readonly [string, string]>;

const HELP = `
  forebay doctor redis://127.0.0.1:6379 --dir data

What it tries, in this order:
${CHECKS.map(({ name, tries }) => `  ${name.padEnd(WIDTH)}  ${tries}`).join('\n')}

The primary is asked for no snapshot, unless --full is given and it has no backlog to go on from. It counts one
more partial resync, and a few connections. The last line sums up the checks that ran, and lists those that did not.

--json prints {primary, exitCode, summary, notTried: […], checks: [{name, tries, findings: [{verdict, message,
advice: […]}]}]}, where a verdict is good, warning, bad or untried.

Each line has a mark: ✓ well; ! to be looked at; ✗ does not work; – not tried. Below it stands what to change.

Exit codes: 0 no errors (there may be warnings, or checks that did not run); of the first error
otherwise: 1 what answers is none, or is not understood; 64 usage; 69 it cannot be reached, or not now; 74 the
disk; 77 credentials or rights; 78 configuration.`;

/** `forebay doctor`: whether a primary can be followed, and what to change. */
export function doctorCommand(): Command {
  return addSettings(new Command('doctor'), NAMES)
    .description('Try every step that following a primary needs, and print what to change.')
    .argument('<address...>', 'the primary: HOST PORT, HOST:PORT, or a URL')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .addOption(
      new Option('--seconds <seconds>', 'how long the write rate is measured')
        .default('3', '3')
        .argParser((text: string) => String(seconds.parse(text))),
    )
    .option('--full', 'try PSYNC even where it makes the primary fork')
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (address: string[], flags: DoctorFlags, command: Command) => {
      const settings = settingsOf(command, NAMES);
      process.exitCode = await doctor(address, flags, settings);
    });
}

async function doctor(
  address: readonly string[],
  flags: DoctorFlags,
  settings: Resolved<(typeof NAMES)[number]>,
): Promise<ExitCode> {
  const { candidate, tls } = primaryOf(address, settings);
  const { dir, retain, 'repl-timeout': timeout } = settings.values;
  const subject = new Subject(candidate, tls, {
    seconds: Number(flags.seconds),
    full: flags.full === true,
    directory: dir,
    timeout,
    retained: 'time' in retain ? retain.time : undefined,
  });
  const examined: Examined[] = [];
  try {
    for await (const each of examine(subject)) {
      examined.push(each);
      if (flags.json !== true && each.cause === undefined) await print(linesOf(each));
    }
  } finally {
    subject.close();
  }
  const { exitCode, summary, notTried } = verdictOf(examined);
  if (flags.json !== true) await print([...untriedLines(examined), '', summary]);
  else {
    const checks = examined.map(({ check: { name, tries }, findings }) => ({
      name,
      tries,
      findings: findings.map(({ verdict, message, advice }) => ({
        verdict,
        message: withoutSecrets(message),
        advice: advice.map(withoutSecrets),
      })),
    }));
    const primary = describeEndpoint(candidate.endpoint);
    await print([JSON.stringify({ primary, exitCode, summary, notTried, checks })]);
  }
  return exitCode;
}

function linesOf({ check, findings }: Examined): string[] {
  return findings.flatMap(({ verdict, message, advice }, i) => {
    const [mark, colour] = MARKS[verdict];
    const shown = process.stdout.isTTY ? styleText(colour, mark) : mark;
    const name = (i === 0 ? check.name : '').padEnd(WIDTH);
    const indent = ' '.repeat(WIDTH + 4);
    return [
      `${shown} ${name}  ${withoutSecrets(message)}`,
      ...advice.map((each) => `${indent}${withoutSecrets(each)}`),
    ];
  });
}

/** What was in the way of which. */
function untriedLines(examined: readonly Examined[]): string[] {
  const [mark] = MARKS.untried;
  const causes = new Set(examined.flatMap(({ cause }) => cause ?? []));
  return [...causes].map((cause) => {
    const names = examined.filter((each) => each.cause === cause).map(({ check }) => check.name);
    return `${mark} not tried, for ${cause} is in the way: ${names.join(', ')}`;
  });
}
