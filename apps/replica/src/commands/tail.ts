import type { ChangeFilter, FeedNotice, FeedOptions } from '@forebay/feed';
import { FeedError, parsePlace } from '@forebay/feed';
import { LogView } from '@forebay/log';
import { Command, InvalidArgumentError, Option } from 'commander';
import { addSettings, settingsOf } from '../config/options.ts';
import { primaryOf } from '../config/primary.ts';
import type { Resolved } from '../config/resolve.ts';
import { CONNECTION } from '../config/settings.ts';
import { EXIT, ExitError } from '../exit.ts';
import { targetOf } from '../follow/upstream/replica-options.ts';
import { isSystemError, STDOUT, unwritable } from '../output/target.ts';
import type { Reporter } from '../reporter.ts';
import { noticesTo, printChanges, printStream } from '../tail/tail.ts';
import { lostCursorAdvice } from './cursor.ts';
import { databaseOption } from './rdb/selection.ts';
import { endSignal } from './stop-signal.ts';

/** Who we are to a server; read only where one is asked. */
type Connection = () => Resolved<(typeof NAMES)[number]>;

const NAMES = [...CONNECTION, 'repl-timeout'] as const;

interface TailFlags {
  readonly dir?: string;
  readonly since?: string;
  readonly snapshot?: boolean;
  readonly flush?: boolean;
  readonly plain?: boolean;
  readonly cursor?: string;
  readonly follow: boolean;
  readonly db?: readonly number[];
  readonly command?: readonly string[];
  readonly match?: readonly string[];
  readonly format: 'json' | 'resp';
}

const HELP = `
A line is one JSON object: v, offset (of the command's last byte), id, db, cmd, keys (null where they are
not known), args, tx (null outside of a transaction; its id, and begin, inside, end or only), and time: the time of
arrival (from a log: to a quarter of a second), in the form that forebay restore --at takes. Text is text, other
bytes are {"base64":"..."}. Lines with a type are others, and have the time of the break or the snapshot; keys,
functions and snapshot-end have that of the snapshot before them. After a reset what follows belongs
on a snapshot at its place, after rewound what came after that place never was. <id>:<offset>:<db> of a
line is a position for --since; from a server only where tx is null, end or only, and with the same --db,
--command and --match: they say what of a transaction there is to come.

With --snapshot all keys come first, and the changes since: "snapshot", a line for each "function" and each
"key" (its value as forebay rdb json has it), "snapshot-end" with the position that they are of, and then as
above. Where a place to begin at is given, by --since or --cursor, it is begun there, while that is held;
and wherever it breaks off, another snapshot takes the place of reset and rewound: what was known before it is
void. A value of more than 512 MiB ends it, with the key's name: forebay dump and forebay rdb json have no such
limit, and --db and --match leave it out. A cursor's place is kept from the end of the first snapshot on.

--format resp prints commands for a server: SELECT, and then the stream as it is, in whole commands and
transactions. With --snapshot keys are RESTOREs, and

  forebay tail --snapshot --format resp redis://from | redis-cli -h to --pipe

copies a data set, then replicates its changes. RESTORE needs a target that reads the RDB version of the source: the same
version or a newer one of the same project. For an older target, or another project, --plain uses SET,
RPUSH, SADD and so on, as forebay rdb resp --plain does, except for modules and arrays; data that it leaves out is
counted on standard error. The changes that follow are the source's own commands in either case. The target has to
be empty: keys that are there stay as they are, unless --flush empties it first (FLUSHALL, FUNCTION FLUSH). Before
each further snapshot it is emptied in any case.

With --dir the log may be written to meanwhile, and a slow reader costs the primary nothing. From a server
it is one more replica, which acknowledges nothing: WAIT does not count it, and a shutdown of 7.0 or later
waits for it (shutdown-timeout). Where the reader is slow, the server keeps what is to come, and cuts the
link when that is too much (client-output-buffer-limit). Where the backlog still reaches back, it goes on;
where not, a reset says so. From now on costs the server a fork with an empty snapshot; before 7.0, and with
--snapshot, a whole one. A server that never had a replica gets a backlog and a new id by it.

Exit codes: 0 ended, or the output was closed; 1 the log has deleted what comes next, or the stream or a
snapshot cannot be read; 64 usage, or a position that is not held; 69 the server cannot be reached; 74 the
disk, or damage, or what is printed cannot be written; 77 the credentials were refused; 78 DIR holds no log,
or the link cannot be secured: a certificate, or no TLS there.`;

/** `forebay tail`: the changes, a line each. */
export function tailCommand(reporter: Reporter): Command {
  const command = new Command('tail')
    .description('Print one line for each write, out of a log or from a server.')
    .argument('[address...]', 'the server: HOST PORT, HOST:PORT, or a URL; or --dir')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option('--dir <dir>', 'read the log kept there, as forebay replica writes it')
    .addOption(
      new Option(
        '--since <position>',
        'begin after <id>:<offset>, from a server <id>:<offset>:<db>; from now on by default',
      ).argParser(positionOf),
    )
    .option('--snapshot', 'all keys first, and again wherever it breaks off')
    .option('--flush', 'with --snapshot --format resp: commands that empty the target come first')
    .option(
      '--plain',
      'with --snapshot --format resp: print SET, RPUSH, SADD, … instead of RESTORE',
    )
    .option('--cursor <name>', 'with --dir: begin where this name ended, and keep its place')
    .option('--no-follow', 'with --dir: end at the end')
    .addOption(databaseOption())
    .addOption(
      new Option('--command <name>', 'these commands only; a list, or given again').argParser(
        commandsOf,
      ),
    )
    .addOption(
      new Option(
        '--match <glob>',
        'only what has such a key, or concerns every key; may be given again',
      ).argParser(listOf),
    )
    .addOption(
      new Option('--format <form>', 'lines of JSON, or the stream as it is')
        .choices(['json', 'resp'])
        .default('json'),
    );
  return addSettings(command, NAMES)
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (address: string[], flags: TailFlags, command: Command) => {
      await tail(address, flags, () => settingsOf(command, NAMES), reporter);
    });
}

async function tail(
  address: readonly string[],
  flags: TailFlags,
  connection: Connection,
  reporter: Reporter,
): Promise<void> {
  let begun = false;
  const tell = noticesTo(reporter);
  const options = optionsOf(address, flags, connection, (notice) => {
    begun ||= notice.type === 'begin';
    tell(notice);
  });
  try {
    const { flush = false, plain = false } = flags;
    if (flags.format === 'resp') await printStream(options, { flush, plain }, reporter);
    else await printChanges(options);
  } catch (error) {
    if (isSystemError(error) && error.syscall === 'write') throw unwritable(STDOUT, error);
    if (!(error instanceof FeedError) || error.code !== 'NOT_COVERED') throw error;
    const { dir, cursor } = flags;
    if (dir !== undefined && cursor !== undefined && (await isCursor(dir, cursor))) {
      const advice = lostCursorAdvice(cursor, dir);
      const code = begun ? EXIT.runtime : EXIT.usage;
      throw new ExitError(code, `cursor ${cursor} is lost: ${error.message}; ${advice}`, error);
    }
    if (!begun) throw error;
    const advice = 'with a --cursor it would have been kept';
    throw new ExitError(EXIT.runtime, `${error.message}: ${advice}`, error);
  }
}

/** Whether there is a cursor of that name, wherever it is. */
async function isCursor(dir: string, name: string): Promise<boolean> {
  await using view = await LogView.open(dir);
  return (await view.keptCursor(name)) !== undefined;
}

/** @throws {ExitError} usage, or configuration where a file named cannot be used */
function optionsOf(
  address: readonly string[],
  flags: TailFlags,
  connection: Connection,
  onNotice: (notice: FeedNotice) => void,
): FeedOptions {
  const { dir, since, snapshot = false, cursor, follow, format } = flags;
  const filter = filterOf(flags);
  if ((address.length === 0) === (dir === undefined)) {
    throw new ExitError(EXIT.usage, 'give the address of a server, or --dir');
  }
  if (format === 'resp' && (cursor !== undefined || Object.keys(filter).length > 0)) {
    const message = '--format resp is the whole stream: no --cursor, --db, --command or --match';
    throw new ExitError(EXIT.usage, message);
  }
  if (flags.flush && !(snapshot && format === 'resp')) {
    throw new ExitError(EXIT.usage, '--flush needs --snapshot and --format resp');
  }
  if (flags.plain && !(snapshot && format === 'resp')) {
    throw new ExitError(EXIT.usage, '--plain needs --snapshot and --format resp');
  }
  const common = {
    ...filter,
    ...(since === undefined ? {} : { from: since }),
    snapshot,
    signal: endSignal(),
    onNotice,
  };
  if (dir !== undefined) {
    if (dir === '') throw new ExitError(EXIT.usage, '--dir names no directory');
    return { ...common, dir, follow, ...(cursor === undefined ? {} : { cursor }) };
  }
  if (cursor !== undefined || !follow) {
    throw new ExitError(EXIT.usage, '--cursor and --no-follow need --dir');
  }
  const settings = connection();
  const { candidate, tls } = primaryOf(address, settings);
  return {
    ...common,
    ...targetOf(candidate),
    tls,
    timeout: settings.values['repl-timeout'] * 1000,
  };
}

function filterOf({ db, command, match }: TailFlags): ChangeFilter {
  return {
    ...(db === undefined ? {} : { databases: db }),
    ...(command === undefined ? {} : { commands: command }),
    ...(match === undefined ? {} : { match }),
  };
}

function positionOf(text: string): string {
  try {
    parsePlace(text);
    return text;
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
}

function commandsOf(text: string, before: readonly string[] = []): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => /^[^\s]+$/.test(name))) return [...before, ...names];
  throw new InvalidArgumentError('Commands are single words: set, say, or set,del.');
}

function listOf(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
