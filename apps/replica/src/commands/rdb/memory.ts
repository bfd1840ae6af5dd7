import type { RdbEvent, RdbKey } from '@forebay/rdb';
import { RdbReader } from '@forebay/rdb';
import { Command, InvalidArgumentError, Option } from 'commander';
import { print } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import { ElementCount } from './element-count.ts';
import { openInput } from './input.ts';
import { ESTIMATE, MemoryEstimate } from './memory-estimate.ts';
import { objectOf, tablesOf } from './memory-report.ts';
import type { Sized } from './memory-totals.ts';
import { MemoryTotals } from './memory-totals.ts';
import type { Visitor } from './scan.ts';
import { scan } from './scan.ts';
import type { Selection, SelectionFlags } from './selection.ts';
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
      const measuring = new Measuring(flags);
      await scan(input, measuring.reader, measuring, { reporter, prints: false });
      const { totals } = measuring;
      const { name } = input;
      const { json = false } = flags;
      await print(
        json ? [JSON.stringify(objectOf(name, totals), null, 2)] : tablesOf(name, totals),
      );
    });
}

class Measuring implements Visitor {
  readonly reader = new RdbReader({ level: 'structure' });
  readonly totals: MemoryTotals;
  readonly #selects: Selection;
  readonly #elements = new ElementCount();
  readonly #estimate = new MemoryEstimate();
  #key: RdbKey | undefined;
  /** Where the key before has ended. */
  #end = 0;

  constructor(flags: MemoryFlags) {
    const { top, delimiter, depth } = flags;
    this.totals = new MemoryTotals({ top, delimiter: Buffer.from(delimiter), depth });
    this.#selects = selectionOf(flags);
  }

  take(event: RdbEvent): void {
    switch (event.type) {
      case 'key':
        this.#begin(event);
        return;
      case 'key-end':
        if (this.#key !== undefined) this.totals.add(this.#sized(this.#key));
        this.#key = undefined;
        this.#end = this.reader.position;
        return;
      case 'header':
      case 'aux':
      case 'function':
      case 'module-aux':
      case 'database':
      case 'sizes':
      case 'slot':
      case 'slot-import':
        this.#end = this.reader.position;
        return;
      default:
        if (this.#key === undefined) return;
        this.#elements.take(event);
        this.#estimate.take(event);
    }
  }

  #begin(key: RdbKey): void {
    if (!this.#selects(key)) {
      this.reader.skip();
      return;
    }
    this.#key = key;
    this.totals.name(key.key);
    this.#elements.begin(key);
    this.#estimate.begin(key);
  }

  #sized({ database, dataType, encoding }: RdbKey): Sized {
    return {
      database,
      dataType,
      encoding,
      elements: this.#elements.count,
      file: this.reader.position - this.#end,
      memory: this.#estimate.bytes,
    };
  }
}

function countOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 0 on.');
}
