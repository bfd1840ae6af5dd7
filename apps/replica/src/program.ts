import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ReplicaFlags } from './config.ts';
import { configOf } from './config.ts';
import { follow } from './follow.ts';
import type { Reporter } from './reporter.ts';

/** The command line. Flags take the spellings of redis-cli and redis-server. */
export function buildProgram(reporter: Reporter): Command {
  const program = new Command('forebay')
    .description(
      'Follow a live Redis or Valkey primary into one durable log that servers boot from.',
    )
    .version(
      versionOf(new URL('../package.json', import.meta.url)),
      '--version',
      'show the version',
    )
    .helpOption('--help', 'show this text')
    .configureOutput({ writeErr: (text) => process.stderr.write(withoutValues(text)) })
    .exitOverride();
  program.addCommand(replicaCommand(reporter).copyInheritedSettings(program));
  return program;
}

function replicaCommand(reporter: Reporter): Command {
  return new Command('replica')
    .description('Attach to a primary as a replica, and keep what it sends in a directory.')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .requiredOption(
      '--replicaof <addr...>',
      'the primary: HOST PORT, or a redis://, rediss:// or unix:// URL',
    )
    .requiredOption(
      '--dir <dir>',
      'where the log is kept; made if it is not there, readable by its owner only',
    )
    .option('--masteruser <user>', 'user to authenticate as; or FOREBAY_MASTERUSER')
    .option(
      '--masterauth <password>',
      'password; better in FOREBAY_MASTERAUTH, or in the file named by FOREBAY_MASTERAUTH_FILE',
    )
    .option('--tls', 'secure the link')
    .option('--cacert <file>', 'certificate of the authority to trust')
    .option('--cert <file>', 'our certificate, where the primary wants one')
    .option('--key <file>', 'its private key')
    .option('--sni <name>', 'name that the certificate has to bear; the host by default')
    .option('--insecure', 'take any certificate')
    .addOption(
      new Option('--port <port>', 'our port, as told to the primary')
        .default(6380)
        .argParser(portOf),
    )
    .option('--replica-announce-ip <address>', 'our address, as told to the primary')
    .addOption(
      new Option('--appendfsync <when>', 'when what is written is synced to the disk')
        .choices(['always', 'everysec', 'no'])
        .default('everysec'),
    )
    .addOption(
      new Option('--repl-timeout <seconds>', 'silence after which a link is given up')
        .default(60)
        .argParser(secondsOf),
    )
    .allowExcessArguments(false)
    .action(async (flags: ReplicaFlags) => {
      await follow(configOf(flags, process.env), reporter, stopSignal());
    });
}

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= 1) return seconds;
  throw new InvalidArgumentError('Seconds are a whole number from 1 on.');
}

function versionOf(manifest: URL): string {
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}

/** A flag that is mistyped may carry a password. */
function withoutValues(text: string): string {
  return text.replace(/(--[\w-]+)=[^']*/g, '$1');
}
