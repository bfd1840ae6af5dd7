import { Command } from 'commander';
import { BrokenPipe, EXIT, ExitError } from '../../exit.ts';
import { Output } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import { DiffLines } from './diff-lines.ts';
import { DigestTable } from './digest-table.ts';
import { Digesting, differentFunctions, Naming } from './digesting.ts';
import type { Input } from './input.ts';
import { openInput } from './input.ts';
import { scan } from './scan.ts';
import type { SelectionFlags } from './selection.ts';
import { selectionOf, withSelection } from './selection.ts';

const HELP = `
A line a key that is not the same in both, with tabs between: - where it is in the first only, + where it is
in the second only, ! where it differs; then the database, the key as JSON has it, and what differs: type,
value, ttl. Functions have a line too, with "function" for the database; where keys are chosen, they have
none.

Keys may stand in any order, and values in any encoding. Hash fields are compared with their times, arrays
with where the next element is inserted, streams with their groups, what is pending in them, and the messages
that are known lest they be added twice. Not compared is how often or long ago a key was used; of a stream
what only some versions tell: how many entries were added or read, the first id and the largest deleted one,
how long and how many messages are known, and how many came; and when consumers were seen.

Of each key of one file a digest is kept, about 50 bytes. That file is read again where there are keys in it
that the other has not: so one of the two has to be a file, and the other may be a pipe.

Exit codes: 0 they are the same; 1 they are not; 64 usage; 74 a file cannot be read, or is damaged.`;

interface DiffFlags extends SelectionFlags {
  readonly json?: boolean;
}

/** `forebay rdb diff`: what one snapshot has and another has not. */
export function diffCommand(reporter: Reporter): Command {
  return withSelection(new Command('diff'))
    .description('Compare two snapshots, key by key.')
    .argument('<first>', 'an RDB; - is standard input')
    .argument('<second>', 'another')
    .option('--json', 'print lines of JSON; times are milliseconds since 1970')
    .addHelpText('after', HELP)
    .action(async (first: string, second: string, flags: DiffFlags) => {
      if (first === '-' && second === '-') throw notTwice();
      await using output = Output.stdout();
      const lines = new DiffLines(output, flags.json === true);
      try {
        await compare(first, second, lines, flags, reporter);
        await output.finish();
      } catch (error) {
        // Only what differs is printed: where that is not read, it is known that they are not the same.
        throw error instanceof BrokenPipe ? new BrokenPipe(EXIT.runtime) : error;
      }
      const { onlyFirst, onlySecond, differ, equal } = lines;
      if (onlyFirst + onlySecond + differ === 0) return;
      const sums = `${onlyFirst} only in ${first}, ${onlySecond} only in ${second}, ${differ} differ`;
      throw new ExitError(EXIT.runtime, `not the same: ${sums}, ${equal} are equal`);
    });
}

/** The one that can be read again is read first, for its digests, and last, for names. */
async function compare(
  first: string,
  second: string,
  lines: DiffLines,
  flags: DiffFlags,
  reporter: Reporter,
): Promise<void> {
  const inputs = [await openInput(first), await openInput(second)] as const;
  const isFirst = inputs[0].total !== undefined;
  const base: Input = isFirst ? inputs[0] : inputs[1];
  const other: Input = isFirst ? inputs[1] : inputs[0];
  if (base.total === undefined) throw notTwice();
  const selects = selectionOf(flags);
  const options = { reporter, prints: true };
  const table = new DigestTable();
  const collected = new Digesting(selects, (kept) => {
    table.add(kept);
  });
  await scan(base, collected.reader, collected, options);
  const compared = new Digesting(selects, (kept, key) => {
    const found = table.find(kept.keyLow, kept.keyHigh);
    if (found === undefined) return lines.only(!isFirst, key);
    return isFirst ? lines.both(found, kept, key) : lines.both(kept, found, key);
  });
  await scan(other, compared.reader, compared, options);
  const isWhole = flags.db === undefined && flags.type === undefined && flags.match === undefined;
  if (isWhole) await differentFunctions(collected.functions, compared.functions, isFirst, lines);
  if (table.found === table.count) return;
  const naming = new Naming(selects, table, (key) => lines.only(isFirst, key));
  await scan(await openInput(base.name), naming.reader, naming, options);
}

function notTwice(): ExitError {
  return new ExitError(EXIT.usage, 'one of the two has to be a file: it may have to be read twice');
}
