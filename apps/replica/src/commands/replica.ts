import { Command, InvalidArgumentError, Option } from 'commander';
import type { ReplicaFlags } from '../config.ts';
import { candidatesOf, configOf } from '../config.ts';
import { follow } from '../follow/follow.ts';
import { bytesOf, diskLimitOf, millisecondsOf, retainOf } from '../quantities.ts';
import type { Reporter } from '../reporter.ts';
import { addConnectionOptions } from './connection-options.ts';

/** `forebay replica`: the daemon. */
export function replicaCommand(reporter: Reporter): Command {
  const command = new Command('replica')
    .description('Attach to a primary as a replica, and keep what it sends in a directory.')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .addOption(
      new Option(
        '--replicaof <addr...>',
        'the primary: HOST PORT, or a redis://, rediss:// or unix:// URL; given more than once: ' +
          'the first that answers as a primary, or the one that its replicas name',
      ),
    )
    .option(
      '--replicaof-file <file>',
      'the same, an address a line; read anew on SIGHUP, and followed without a restart',
    )
    .requiredOption(
      '--dir <dir>',
      'where the log is kept; made if it is not there, readable by its owner only',
    );
  return addConnectionOptions(command)
    .addOption(
      new Option(
        '--port <port>',
        'serve replicas here (0: any port that is free); without it nobody is served, and the primary ' +
          'is told 6380',
      ).argParser(portOf),
    )
    .addOption(
      new Option('--bind <address>', 'the address to serve replicas at').default('127.0.0.1'),
    )
    .option(
      '--requirepass <password>',
      'password that replicas have to give; better in FOREBAY_REQUIREPASS, or in the file named by ' +
        'FOREBAY_REQUIREPASS_FILE',
    )
    .option('--no-protected-mode', 'serve other machines without a password')
    .addOption(
      new Option('--repl-backlog-size <size>', 'how much of the stream is in memory for replicas')
        .default(1024 ** 2, '1mb')
        .argParser(bytesOf),
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
    .addOption(
      new Option(
        '--auto-aof-rewrite-percentage <percent>',
        'fetch a fresh base when the stream after the last is this share of it; 0: never',
      )
        .default(100)
        .argParser(percentOf),
    )
    .addOption(
      new Option('--auto-aof-rewrite-min-size <size>', 'and is no less than this')
        .default(64 * 1024 ** 2, '64mb')
        .argParser(bytesOf),
    )
    .addOption(
      new Option('--base-interval <time>', 'time between two bases: each costs the primary a fork')
        .default(3_600_000, '1h')
        .argParser(millisecondsOf),
    )
    .addOption(
      new Option('--retain <time|size>', 'how far back the log can be gone')
        .default({ time: 86_400_000 }, '24h')
        .argParser(retainOf),
    )
    .addOption(
      new Option('--max-disk <share|size>', 'what the log may take, whoever still reads it')
        .default({ share: 0.8 }, '80%')
        .argParser(diskLimitOf),
    )
    .allowExcessArguments(false)
    .action(async (flags: ReplicaFlags) => {
      const config = configOf(flags, process.env);
      const reload = () => candidatesOf(flags, process.env);
      // Without a file there is nothing to read anew, and a hangup ends it, as it ends any program.
      const control = { stop: stopSignal(), reload };
      const onHangup = flags.replicaofFile === undefined ? () => () => {} : onReload;
      await follow(config, reporter, { ...control, onReload: onHangup });
    });
}

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}

/** Runs `reload` at each SIGHUP, until the function returned is called. */
function onReload(reload: () => void): () => void {
  process.on('SIGHUP', reload);
  return () => process.off('SIGHUP', reload);
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

/** A number of whole seconds, from 1 on. @throws {InvalidArgumentError} */
export function secondsOf(text: string): number {
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= 1) return seconds;
  throw new InvalidArgumentError('Seconds are a whole number from 1 on.');
}

function percentOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A percentage is a whole number from 0 on.');
}
