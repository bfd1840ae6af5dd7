import type { RdbEvent } from '@forebay/rdb';
import { RdbFilter } from '@forebay/rdb/filter';
import { Command, Option } from 'commander';
import { EXIT, ExitError } from '../../exit.ts';
import { Output } from '../../output/output.ts';
import type { Range } from '../../quantities.ts';
import { bytesOf, millisecondsOf, rangeOf } from '../../quantities.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import { endSignal } from '../stop-signal.ts';
import type { TtlChoice } from '../ttl-option.ts';
import { TTL_CHOICES } from '../ttl-option.ts';
import { openInput } from './input.ts';
import { momentOption, retimed, TTL_HELP } from './retimed-input.ts';
import { scan } from './scan.ts';
import type { SelectionFlags } from './selection.ts';
import { selectionOf, withSelection } from './selection.ts';

const HELP = `
  forebay rdb filter dump.rdb --match 'user:*' --ttl none -o users.rdb

The new snapshot has the version of the old. The bytes of what is kept are those of the old; its checksum is
new, and so are times with --ttl drop or shift. Auxiliary fields, functions and module data are kept. Left out are the replication id and
offset (repl-id, repl-offset, repl-stream-db), for a replica booted with them would go on from there without
the keys that are missing; and how many keys there are of each database and slot: it is a hint, and would be
wrong.

A server without a module refuses a snapshot with data of that module. --no-module-aux drops module data
outside of keys; a --type list without "module" drops the keys of their types:

  forebay rdb filter dump.rdb --no-module-aux --type string,list,set,zset,hash,stream -o plain.rdb

Module metadata of other keys (Redis 8.6) is kept with the key.

A RANGE is FROM..TO, either of which may be missing: --size 1mb.. --ttl ..7d. Times to live are counted from
now on; one that is past is 0. --size holds a value in memory until it is known whether it is in the
range: up to FROM bytes of it, and where there is a TO, up to TO.

${TTL_HELP}
A RANGE in addition applies to the new TTLs: --ttl shift --ttl ..7d.

Exit codes: 0 done; 1 stopped; 64 usage; 74 the disk, a damaged file, or the output was closed.`;

interface FilterFlags extends SelectionFlags {
  readonly output?: string;
  readonly ttl?: Ttl;
  readonly moment?: number;
  readonly size?: Range;
  readonly functions: boolean;
  readonly moduleAux: boolean;
}

/** `forebay rdb filter`: a smaller snapshot. */
export function filterCommand(reporter: Reporter): Command {
  return withSelection(new Command('filter'))
    .description('Write a snapshot of the keys that are asked for.')
    .argument('<file>', 'the RDB; - is standard input')
    .option('-o, --output <file>', 'where to write it; - is standard output, and is the default')
    .addOption(
      new Option(
        '--ttl <what>',
        'none or a RANGE: only keys without a TTL, or with a TTL in this range; keep (default), drop or shift: change TTLs; repeatable',
      ).argParser(ttlOf),
    )
    .addOption(momentOption())
    .addOption(
      new Option('--size <range>', 'values of so many bytes in the file only').argParser((text) =>
        rangeOf(text, bytesOf),
      ),
    )
    .option('--no-functions', 'leave functions out')
    .option('--no-module-aux', 'drop module data that is stored outside of keys (default: keep)')
    .addHelpText('after', HELP)
    .action(async (path: string, flags: FilterFlags) => {
      const { output: out = '-' } = flags;
      if (out === '') throw new ExitError(EXIT.usage, '-o names no file');
      if (out === '-' && process.stdout.isTTY) {
        throw new ExitError(EXIT.usage, 'a snapshot is no text for a terminal: give -o FILE');
      }
      const choice = flags.ttl?.choice ?? 'keep';
      const input = retimed(await openInput(path), choice, flags.moment);
      // A FIFO that nobody reads is waited for, and a signal ends that at once.
      await using output = await Output.to(out);
      const stop = endSignal();
      const { size, functions, moduleAux } = flags;
      const filter = new RdbFilter({
        selects: selectionOf(flags, { ttl: flags.ttl?.wanted, now: Date.now() }),
        size,
        functions,
        moduleAux,
      });
      const visitor = {
        push: (piece: Uint8Array) => filter.push(piece),
        take: (event: RdbEvent) => output.addAll(filter.take(event)),
        drained: () => output.addAll(filter.drained()),
      };
      await scan(input, filter.reader, visitor, { reporter, prints: false, stop });
      await output.finish();
      const { kept, seen, written } = filter;
      reporter.good(`kept ${kept} of ${seen} keys, ${formatBytes(written)}`);
    });
}

/** The TTLs to keep, and how to change them. */
interface Ttl {
  readonly wanted?: 'none' | Range;
  readonly choice?: TtlChoice;
}

function ttlOf(text: string, before: Ttl = {}): Ttl {
  const choice = TTL_CHOICES.find((each) => each === text);
  if (choice !== undefined) return { ...before, choice };
  return { ...before, wanted: text === 'none' ? text : rangeOf(text, millisecondsOf) };
}
