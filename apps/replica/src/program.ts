import { Command } from 'commander';
import { checkCommand } from './commands/check.ts';
import { completionCommand } from './commands/completion.ts';
import { doctorCommand } from './commands/doctor.ts';
import { dumpCommand } from './commands/dump.ts';
import { logCommand } from './commands/log.ts';
import { rdbCommand } from './commands/rdb/rdb.ts';
import { replicaCommand } from './commands/replica.ts';
import { restoreCommand } from './commands/restore.ts';
import { tailCommand } from './commands/tail.ts';
import type { ProcessReporter } from './logging/process-reporter.ts';
import { VERSION } from './version.ts';

/** The command line. Flags take the spellings of redis-cli and redis-server. */
export function buildProgram(reporter: ProcessReporter): Command {
  const program = new Command('forebay')
    .description(
      'Follow a live Redis or Valkey primary into one durable log that servers boot from.',
    )
    .version(VERSION, '--version', 'show the version')
    .helpOption('--help', 'show this text')
    .configureOutput({ writeErr: (text) => process.stderr.write(withoutValues(text)) })
    .exitOverride();
  program.addCommand(replicaCommand(reporter).copyInheritedSettings(program));
  program.addCommand(restoreCommand(reporter).copyInheritedSettings(program));
  program.addCommand(logCommand().copyInheritedSettings(program));
  program.addCommand(checkCommand(reporter).copyInheritedSettings(program));
  program.addCommand(tailCommand(reporter).copyInheritedSettings(program));
  program.addCommand(doctorCommand().copyInheritedSettings(program));
  program.addCommand(dumpCommand(reporter).copyInheritedSettings(program));
  program.addCommand(rdbCommand(reporter).copyInheritedSettings(program));
  program.addCommand(completionCommand(program).copyInheritedSettings(program));
  return program;
}

/** A flag that is mistyped may carry a password. */
function withoutValues(text: string): string {
  return text.replace(/(--[\w-]+)=[^']*/g, '$1');
}
