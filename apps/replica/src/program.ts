import { Command } from 'commander';
import type { ProcessReporter } from './logging/process-reporter.ts';
import { withHint, withoutValues } from './usage/hints.ts';
import { wrapped } from './usage/wrap.ts';
import { VERSION } from './version.ts';

/**
 * The commands, each loaded when it is asked for: to load all of them takes three times as long as to start
 * Node, and longer than many a command runs.
 */
const COMMANDS: Readonly<Record<string, (reporter: ProcessReporter) => Promise<Command>>> = {
  replica: async (reporter) => (await import('./commands/replica.ts')).replicaCommand(reporter),
  restore: async (reporter) => (await import('./commands/restore.ts')).restoreCommand(reporter),
  log: async (reporter) => (await import('./commands/log.ts')).logCommand(reporter),
  status: async () => (await import('./commands/status/status.ts')).statusCommand(),
  cursor: async () => (await import('./commands/cursor.ts')).cursorCommand(),
  check: async (reporter) => (await import('./commands/check.ts')).checkCommand(reporter),
  tail: async (reporter) => (await import('./commands/tail.ts')).tailCommand(reporter),
  dump: async (reporter) => (await import('./commands/dump.ts')).dumpCommand(reporter),
  rdb: async (reporter) => (await import('./commands/rdb/rdb.ts')).rdbCommand(reporter),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  completion: async (reporter) => {
    const { completionCommand } = await import('./commands/completion.ts');
    return completionCommand(() => buildProgram(reporter));
  },
};

/**
 * The command line. If `words` begin with a command, only that command is loaded. Flags have the spellings of
 * redis-cli and redis-server. `writeOut` receives help and the version.
 */
export async function buildProgram(
  reporter: ProcessReporter,
  words: readonly string[] = [],
  writeOut: (text: string) => void = () => {},
): Promise<Command> {
  const [name = ''] = words;
  const program = new Command('forebay')
    .description(
      'Follow a live Redis or Valkey primary into one durable log that servers boot from.',
    )
    .version(VERSION, '--version', 'show the version')
    .helpOption('--help', 'show this text')
    .configureOutput({
      writeOut: (text) => writeOut(wrapped(text)),
      writeErr: (text) => process.stderr.write(withoutValues(text)),
      outputError: (text, write) => write(withHint(text, name)),
    })
    .exitOverride();
  const asked = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]!] : Object.values(COMMANDS);
  for (const load of asked) {
    program.addCommand(inheriting(await load(reporter), program));
  }
  return program;
}

/** A command that says things as the one above it does, and so do those below it. */
function inheriting(command: Command, above: Command): Command {
  command.copyInheritedSettings(above);
  for (const below of command.commands) inheriting(below, command);
  return command;
}
