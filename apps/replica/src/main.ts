import { CommanderError } from 'commander';
import { BrokenPipe, EXIT, ExitError } from './exit.ts';
import { ProcessReporter } from './logging/process-reporter.ts';
import { buildProgram } from './program.ts';

/** Runs the command line and sets the process' exit code. What goes wrong is one line on standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const reporter = new ProcessReporter(process.stderr);
  try {
    await run(argv, reporter);
  } catch (error) {
    process.exitCode = await told(error, reporter);
  }
}

async function run(argv: readonly string[], reporter: ProcessReporter): Promise<void> {
  let help = '';
  const program = await buildProgram(reporter, argv.slice(2), (text) => {
    help += text;
  });
  try {
    await program.parseAsync(argv);
  } finally {
    if (help !== '') {
      const { printText } = await import('./output/output.ts');
      await printText(help);
    }
  }
}

/** The exit code of what went wrong, when that was said. */
async function told(error: unknown, reporter: ProcessReporter): Promise<number> {
  // Commander has already printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ExitError) {
    if (!(error instanceof BrokenPipe)) reporter.fatal(error.message, error.exitCode);
    return error.exitCode;
  }
  // The errors of all packages: whoever has one of them has loaded its package by then.
  const { exitCodeOf, messageOf } = await import('./failure.ts');
  const exitCode = exitCodeOf(error);
  reporter.fatal(messageOf(error), exitCode);
  return exitCode;
}
