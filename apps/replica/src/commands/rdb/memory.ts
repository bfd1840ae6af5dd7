import { MemoryUsage } from '@forebay/rdb/memory';
import { Command, InvalidArgumentError, Option } from 'commander';
import { print } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import { openInput } from './input.ts';
import { ESTIMATE, objectOf, tablesOf } from './memory-report.ts';
import { scan } from './scan.ts';
import type { SelectionFlags } from './selection.ts';
import { selectionOf, withSelection } from './selection.ts';

const HELP = `
file     bytes in the file, with the key and its times
memory   an estimate, ${ESTIMATE}

A prefix is what comes before the first delimiter of a key, and the delimiter. There may be 100,000 of them;
keys of further ones are counted together.

Exit codes: 0 done; 64 usage; 74 the file cannot be read, or is damaged.`;

interface MemoryFlags extends SelectionFlags {
  readonly top: number;
  readonly delimiter: string;
  readonly depth: number;
  readonly json?: boolean;
}

/** `forebay rdb memory`: what takes the room. */
export function memoryCommand(reporter: Reporter): Command {
  return withSelection(new Command('memory'))
    .description('Tell what takes the room: by type, by prefix, and the largest keys.')
    .argument('<file>', 'the RDB; - is standard input')
    .addOption(new Option('--top <n>', 'how many prefixes and keys').default(10).argParser(countOf))
    .addOption(new Option('--delimiter <text>', 'what a prefix ends with').default(':'))
    .addOption(
      new Option('--depth <n>', 'how many delimiters are in a prefix')
        .default(1)
        .argParser(countOf),
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .action(async (path: string, flags: MemoryFlags) => {
      const input = await openInput(path);
      const { top, delimiter, depth, json = false } = flags;
      const usage = new MemoryUsage({
        top,
        delimiter: Buffer.from(delimiter),
        depth,
        selects: selectionOf(flags),
      });
      await scan(input, usage.reader, usage, { reporter, prints: false });
      const { totals } = usage;
      const { name } = input;
      await print(
        json ? [JSON.stringify(objectOf(name, totals), null, 2)] : tablesOf(name, totals),
      );
    });
}

function countOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 0 on.');
}
