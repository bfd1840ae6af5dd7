import { Command, Option } from 'commander';
import { settingsOf } from '../../config/options.ts';
import { EXIT, ExitError } from '../../exit.ts';
import { print } from '../../output/output.ts';
import type { Told } from './ask.ts';
import { askDaemon, DEFAULT_ADDRESS, httpUrlOf } from './ask.ts';
import { lookAtDirectory } from './directory.ts';
import { linesOf } from './lines.ts';

const HELP = `
Without --dir, asks the daemon at --http. With --dir alone, reads the directory; the state of the link and the
replicas is then unknown. With both, DIR is read only if no daemon answers. The password is taken from the URL, from
FOREBAY_HTTP_PASSWORD or from the file named by FOREBAY_HTTP_PASSWORD_FILE. --json prints healthy and reason, then
the fields of /status.json (docs/reference/status.md).

  forebay status                       # the daemon on this machine
  forebay status --http https://:PASSWORD@10.0.0.5:6381 --json
  forebay status --dir data            # a stopped daemon's directory

Exit codes: 0 healthy: the daemon is ready (as in /readyz), or with --dir alone a daemon runs on DIR; 1 not healthy:
not ready, or no daemon runs on DIR; 64 usage; 69 no daemon answers at --http; 74 disk error or damaged log; 77 the
password was refused; 78 DIR holds no log, or TLS failed.`;

interface StatusFlags {
  readonly http?: URL;
  readonly dir?: string;
  readonly cacert?: string;
  readonly json?: boolean;
}

/** `forebay status`: the data of the status page, in a terminal. */
export function statusCommand(): Command {
  return new Command('status')
    .description('Show the state of a daemon: link, lag, log, disk, replicas, cursors, events.')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .addOption(
      new Option(
        '--http <addr>',
        `where the daemon serves HTTP: HOST:PORT or a URL (FOREBAY_HTTP, or ${DEFAULT_ADDRESS})`,
      ).argParser(httpUrlOf),
    )
    .option('--dir <dir>', 'read this directory; in place of --http, or where no daemon answers')
    .option('--cacert <file>', 'CA certificates for https')
    .option('--json', 'print one JSON object; times are milliseconds since 1970')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (flags: StatusFlags, command: Command) => {
      const { told, name } = await toldBy(flags, () => {
        return settingsOf(command, ['http-password']).values['http-password'];
      });
      await print(
        flags.json === true
          ? [JSON.stringify({ healthy: told.ready, reason: told.text, ...told.report }, null, 2)]
          : linesOf(told, name, isColoured()),
      );
      process.exitCode = told.ready ? EXIT.ok : EXIT.runtime;
    });
}

async function toldBy(
  { http, dir, cacert }: StatusFlags,
  passwordOf: () => string | undefined,
): Promise<{ told: Told; name: string }> {
  if (dir === '') throw new ExitError(EXIT.usage, '--dir names no directory');
  if (dir !== undefined && http === undefined) {
    return { told: await lookAtDirectory(dir), name: dir };
  }
  const url = http ?? addressOfEnvironment();
  const password = passwordOf();
  const access = {
    ...(cacert === undefined ? {} : { cacert }),
    ...(password === undefined ? {} : { password }),
  };
  try {
    return { told: await askDaemon(url, access), name: `${url.protocol}//${url.host}` };
  } catch (error) {
    const isGone = error instanceof ExitError && error.exitCode === EXIT.unavailable;
    if (dir === undefined || !isGone) throw error;
    return { told: await lookAtDirectory(dir), name: dir };
  }
}

/** @throws {ExitError} usage, configuration */
function addressOfEnvironment(): URL {
  const text = process.env.FOREBAY_HTTP || DEFAULT_ADDRESS;
  if (/^(off|no)$/i.test(text)) {
    throw new ExitError(EXIT.usage, 'FOREBAY_HTTP is off: give --http ADDRESS or --dir DIR');
  }
  try {
    return httpUrlOf(text);
  } catch (error) {
    throw new ExitError(EXIT.configuration, `FOREBAY_HTTP: ${(error as Error).message}`, error);
  }
}

/** Colour is used on a terminal unless NO_COLOR is set (no-color.org). */
function isColoured(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR;
}
