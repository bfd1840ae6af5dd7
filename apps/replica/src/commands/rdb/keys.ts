import type { KeySelection, RdbEvent, RdbKey } from '@forebay/rdb';
import { ElementCount, RdbReader } from '@forebay/rdb';
import { ByteSink } from '@forebay/rdb/json';
import { Command } from 'commander';
import { Output } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import { openInput } from './input.ts';
import type { Visitor } from './scan.ts';
import { scan } from './scan.ts';
import type { SelectionFlags } from './selection.ts';
import { selectionOf, withSelection } from './selection.ts';

const HELP = `
A line a key, with tabs between: database, type, encoding, bytes that the value has in the file, elements,
when it expires (- where it does not), and the key as JSON has it: "text", or {"base64":"…"} of bytes that
are no UTF-8. A terminal gets a line with titles first.

Exit codes: 0 done; 64 usage; 74 the file cannot be read, or is damaged.`;

const TITLES = 'db\ttype\tencoding\tbytes\telements\texpires\tkey\n';

interface KeysFlags extends SelectionFlags {
  readonly json?: boolean;
}

/** `forebay rdb keys`: which keys there are, and how large they are. */
export function keysCommand(reporter: Reporter): Command {
  return withSelection(new Command('keys'))
    .description('List the keys: type, encoding, size in the file, elements, time to live.')
    .argument('<file>', 'the RDB; - is standard input')
    .option('--json', 'print lines of JSON; times are milliseconds since 1970')
    .addHelpText('after', HELP)
    .action(async (path: string, flags: KeysFlags) => {
      const input = await openInput(path);
      await using output = Output.stdout();
      const json = flags.json === true;
      if (!json && process.stdout.isTTY) output.sink.ascii(TITLES);
      const lines = new KeyLines(output, selectionOf(flags), json);
      await scan(input, lines.reader, lines, { reporter, prints: true }).catch(async (error) => {
        await output.flush();
        throw error;
      });
      await output.finish();
    });
}

class KeyLines implements Visitor {
  readonly reader = new RdbReader({ level: 'structure' });
  readonly #output: Output;
  readonly #selects: KeySelection;
  readonly #json: boolean;
  readonly #elements = new ElementCount();
  #key: RdbKey | undefined;
  /** The name of the key, as it is printed; its bytes do not last until its end. */
  readonly #name = new ByteSink(4096);

  constructor(output: Output, selects: KeySelection, json: boolean) {
    this.#output = output;
    this.#selects = selects;
    this.#json = json;
  }

  take(event: RdbEvent): void | Promise<void> {
    if (event.type === 'key') this.#begin(event);
    else if (event.type === 'key-end') return this.#end(event.size);
    else if (this.#key !== undefined) this.#elements.take(event);
  }

  #begin(key: RdbKey): void {
    this.#key = this.#selects(key) ? key : undefined;
    if (this.#key === undefined || key.dataType === 'string') this.reader.skip();
    if (this.#key === undefined) return;
    this.#elements.begin(key);
    this.#name.cutTo(0);
    this.#name.json(key.key);
  }

  #end(size: number): void | Promise<void> {
    const key = this.#key;
    if (key === undefined) return undefined;
    this.#key = undefined;
    const { sink } = this.#output;
    const { database, dataType, encoding, expiresAt } = key;
    const { count } = this.#elements;
    if (this.#json) {
      sink.ascii(`{"db":${database},"key":`);
      sink.add(this.#name.view);
      const expires = expiresAt === undefined ? '' : `,"expiresAt":${expiresAt}`;
      sink.ascii(`,"type":"${dataType}","encoding":"${encoding}"`);
      sink.ascii(`,"bytes":${size},"elements":${count}${expires}}\n`);
    } else {
      const expires = timeOf(expiresAt);
      sink.ascii(`${database}\t${dataType}\t${encoding}\t${size}\t${count}\t${expires}\t`);
      sink.add(this.#name.view);
      sink.ascii('\n');
    }
    return this.#output.full ? this.#output.flush() : undefined;
  }
}

function timeOf(expiresAt: number | undefined): string {
  if (expiresAt === undefined) return '-';
  const date = new Date(expiresAt);
  // Servers take times that no calendar has.
  return Number.isNaN(date.getTime()) ? String(expiresAt) : date.toISOString();
}
