import type { RdbEvent } from '@forebay/rdb';
import { RdbError } from '@forebay/rdb';
import { RdbCommands } from '@forebay/rdb/commands';
import { Command } from 'commander';
import { Output } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import type { TtlChoice } from '../ttl-option.ts';
import { ttlOption } from '../ttl-option.ts';
import { openInput } from './input.ts';
import { linesOfLosses, refusalOf } from './losses.ts';
import { momentOption, retimed, TTL_HELP } from './retimed-input.ts';
import { scan } from './scan.ts';
import type { SelectionFlags } from './selection.ts';
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
      const { plain = false, replace = false, functions } = flags;
      const commands = new RdbCommands({ selects: selectionOf(flags), plain, replace, functions });
      const take = (event: RdbEvent): void | Promise<void> => {
        try {
          return output.addAll(commands.take(event))?.catch(refuse);
        } catch (error) {
          refuse(error);
        }
      };
      await scan(input, commands.reader, { take }, { reporter, prints: true }).catch(
        async (error) => {
          // What was made before the fault is whole.
          await output.flush();
          throw error;
        },
      );
      await output.finish();
      for (const loss of linesOfLosses(commands.losses)) reporter.trouble(loss);
    });
}

/** @throws {ExitError} runtime if the requested commands cannot create a key */
function refuse(error: unknown): never {
  throw (error instanceof RdbError && refusalOf(error)) || error;
}
