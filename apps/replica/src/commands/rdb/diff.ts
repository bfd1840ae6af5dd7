import { getRandomValues } from 'node:crypto';
import type { RdbEvent } from '@forebay/rdb';
import type { DigestSeed } from '@forebay/rdb/digest';
import { DigestTable, KeyDigests, KeysNotFound } from '@forebay/rdb/digest';
import { Command } from 'commander';
import { BrokenPipe, EXIT, ExitError } from '../../exit.ts';
import { Output } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import { DiffLines } from './diff-lines.ts';
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
  const options = { seed: randomSeed(), selects: selectionOf(flags) };
  const watched = { reporter, prints: true };
  const table = new DigestTable();
  const collected = new KeyDigests(options);
  const collecting = (event: RdbEvent) => {
    const found = collected.take(event);
    if (found !== undefined) table.add(found.digest);
  };
  await scan(base, collected.reader, { take: collecting }, watched);
  const compared = new KeyDigests(options);
  const comparing = (event: RdbEvent) => {
    const taken = compared.take(event);
    if (taken === undefined) return undefined;
    const { digest, key, name } = taken;
    const found = table.find(digest.keyLow, digest.keyHigh);
    if (found === undefined) return lines.only(!isFirst, key, name);
    const [one, two] = isFirst ? [found, digest] : [digest, found];
    return lines.both(one, two, key.database, name);
  };
  await scan(other, compared.reader, { take: comparing }, watched);
  const isWhole = flags.db === undefined && flags.type === undefined && flags.match === undefined;
  if (isWhole) await differentFunctions(collected.functions, compared.functions, isFirst, lines);
  if (table.found === table.count) return;
  const left = new KeysNotFound(table, options);
  const naming = (event: RdbEvent) => {
    const key = left.take(event);
    return key === undefined ? undefined : lines.only(isFirst, key);
  };
  await scan(await openInput(base.name), left.reader, { take: naming }, watched);
}

/** Prints libraries that are in one only, or are not the same. */
async function differentFunctions(
  base: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  isFirst: boolean,
  lines: DiffLines,
): Promise<void> {
  for (const [name, code] of base) {
    if (!other.has(name)) await lines.function(isFirst ? '-' : '+', name);
    else if (other.get(name) !== code) await lines.function('!', name);
  }
  for (const name of other.keys()) {
    if (!base.has(name)) await lines.function(isFirst ? '+' : '-', name);
  }
}

function randomSeed(): DigestSeed {
  const [low = 0, high = 0] = getRandomValues(new Uint32Array(2));
  return [low, high];
}

function notTwice(): ExitError {
  return new ExitError(EXIT.usage, 'one of the two has to be a file: it may have to be read twice');
}
