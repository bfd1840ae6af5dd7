import type { RdbEvent, RdbKey } from '@forebay/rdb';
import { RdbReader } from '@forebay/rdb';
import { encodeCommand } from '@forebay/resp';
import { Command } from 'commander';
import { Output } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import type { TtlChoice } from '../ttl-option.ts';
import { ttlOption } from '../ttl-option.ts';
import { openInput } from './input.ts';
import { linesOfLosses } from './losses.ts';
import { PlainCommands } from './plain-commands.ts';
import { PlainStreams } from './plain-streams.ts';
import { RestoreCommands } from './restore-commands.ts';
import { momentOption, retimed, TTL_HELP } from './retimed-input.ts';
import type { Visitor } from './scan.ts';
import { scan } from './scan.ts';
import type { Selection, SelectionFlags } from './selection.ts';
import { selectionOf, withSelection } from './selection.ts';

const HELP = `
  forebay rdb resp dump.rdb | redis-cli --pipe

Without --plain each key is one RESTORE, of the value's own bytes: whole, fast, and for servers that read
RDBs of this version. Each RESTORE is built in memory; a value of more than 512 MiB needs --plain. A string of
more than 512 MiB is one argument: the target needs a larger proto-max-bulk-len and client-query-buffer-limit.

--plain makes commands of the kind that clients send, at most 64 elements each, for servers of any version. What
an older server does not know of (times of fields, counts of streams, functions) is a command of its own, which
it refuses. What no such commands
can make is a RESTORE there too: values of modules, and arrays. Without --replace they add to what is there.

To restore a pending entry of a deleted message, --plain adds, claims and deletes the message again (since 7.0). For
this --plain holds each stream in memory; if a stream is above 512 MiB, such entries are left out. Data that is left
out is counted at the end on standard error: these entries, ids for duplicate detection, pending entries that were
released (XNACK), and, with or without --plain, module metadata of keys (Redis 8.6).
--plain has the pending entries of one group in memory, 32 bytes each; more than 16,777,216 are refused.

The checksum is at the end, behind all keys: of a file that may be damaged they are printed before that is
known. forebay rdb check says it first.

TTLs are absolute. A key that has expired is printed, but the target deletes it at once, unless --ttl changes its TTL.
${TTL_HELP}

Exit codes: 0 done; 1 a value too large for RESTORE, or a group for --plain; 64 usage; 74 the file cannot be read, or is damaged.`;

interface RespFlags extends SelectionFlags {
  readonly plain?: boolean;
  readonly replace?: boolean;
  readonly functions: boolean;
  readonly ttl: TtlChoice;
  readonly moment?: number;
}

/** `forebay rdb resp`: the commands that fill a server with it. */
export function respCommand(reporter: Reporter): Command {
  return withSelection(new Command('resp'))
    .description('Print the commands that make the data set again, ready for redis-cli --pipe.')
    .argument('<file>', 'the RDB; - is standard input')
    .option('--plain', 'SET, RPUSH, SADD, … in place of RESTORE')
    .option('--replace', 'take the place of keys and functions that are there')
    .option('--no-functions', 'leave functions out')
    .addOption(ttlOption())
    .addOption(momentOption())
    .addHelpText('after', HELP)
    .action(async (path: string, flags: RespFlags) => {
      const input = retimed(await openInput(path), flags.ttl, flags.moment);
      await using output = Output.stdout();
      const commands = new Commands(output, flags);
      await scan(input, commands.reader, commands, { reporter, prints: true }).catch(
        async (error) => {
          // What was made before the fault is whole.
          await output.flush();
          throw error;
        },
      );
      await output.finish();
      for (const loss of commands.losses) reporter.trouble(loss);
    });
}

/** Makes commands of what a reader tells, at the level that each key needs. */
class Commands implements Visitor {
  readonly reader = new RdbReader({ level: 'raw' });
  readonly #output: Output;
  readonly #flags: RespFlags;
  readonly #selects: Selection;
  readonly #restore: RestoreCommands;
  readonly #plain: PlainCommands;
  readonly #streams: PlainStreams;
  #way: RestoreCommands | PlainCommands | PlainStreams | undefined;
  #database: number | undefined;
  /** Keys without their module metadata. */
  #metadata = 0;

  constructor(output: Output, flags: RespFlags) {
    this.#output = output;
    this.#flags = flags;
    this.#selects = selectionOf(flags);
    this.#restore = new RestoreCommands(output, flags.replace === true);
    this.#plain = new PlainCommands(output, flags.replace === true);
    this.#streams = new PlainStreams(this.#plain);
  }

  /** What was left out, a line each. */
  get losses(): string[] {
    return linesOfLosses({ metadata: this.#metadata, ...this.#streams.losses });
  }

  take(event: RdbEvent): void | Promise<void> {
    switch (event.type) {
      case 'header':
        this.#restore.version = event.version;
        this.#streams.header(event);
        return undefined;
      case 'function': {
        if (!this.#flags.functions) return undefined;
        const replace = this.#flags.replace ? ['REPLACE'] : [];
        return this.#output.add(encodeCommand(['FUNCTION', 'LOAD', ...replace, event.code]));
      }
      case 'key':
        return this.#key(event);
      case 'raw':
        return this.#way === this.#streams
          ? this.#streams.add(event.bytes)
          : this.#restore.add(event.bytes);
      case 'key-end': {
        const way = this.#way;
        this.#way = undefined;
        return way?.end();
      }
      case 'long':
      case 'piece':
      case 'long-end':
        return this.#plain.addLong(event);
      case 'aux':
      case 'database':
      case 'sizes':
      case 'slot':
      case 'slot-import':
      case 'module-aux':
      case 'end':
      case 'container':
        return undefined;
      default:
        return this.#plain.add(event);
    }
  }

  #key(key: RdbKey): void | Promise<void> {
    if (!this.#selects(key)) {
      this.reader.skip();
      return undefined;
    }
    const { database, dataType, metadata } = key;
    if (metadata !== undefined) this.#metadata++;
    if (database !== this.#database) {
      this.#output.sink.add(encodeCommand(['SELECT', database]));
      this.#database = database;
    }
    const isPlain = this.#flags.plain && dataType !== 'module' && dataType !== 'array';
    const isStream = dataType === 'stream';
    this.reader.level = isPlain && !isStream ? 'elements' : 'raw';
    this.#way = !isPlain ? this.#restore : isStream ? this.#streams : this.#plain;
    return this.#way.begin(key);
  }
}
