import type { RdbEvent } from '@forebay/rdb';
import { JsonLines } from '@forebay/rdb/json';
import { Command } from 'commander';
import { Output } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import { openInput } from './input.ts';
import { scan } from './scan.ts';
import type { SelectionFlags } from './selection.ts';
import { selectionOf, withSelection } from './selection.ts';

const HELP = `
A line a key: db, key, type, encoding, expiresAt (milliseconds since 1970) where it expires, idle (seconds)
or frequency where they are kept, metadata (what modules tell of it, as it stands in the RDB), value. Text is
text; bytes that are no UTF-8, and strings above 512 MiB, are {"base64":"…"}. Integers beyond 2^53, which many a reader of JSON would
round, are text.

  string          "…"
  list, set       ["…", …]
  zset            [{"member":"…","score":1.5}, …]; "inf", "-inf" and "nan" are text
  hash            [{"field":"…","value":"…","expiresAt":…}, …], expiresAt where the field expires
  stream          {"entries":[{"id":"1-1","fields":["name","value",…]}], "length", "lastId", …, "groups":
                  [{"name","lastId","pending":[{"id","deliveredAt","deliveries"}],
                  "consumers":[{"name","seenAt","pending":["1-1"]}]}]}
  array           {"items":[{"index":0,"value":"…"}, …]}, with "insertIndex" before where there is one
  module          {"module":"name","version":1,"values":[{"string":"…"}, {"unsigned":1}, …]}

--meta adds lines of other kinds: {"header":…}, {"aux":…}, {"function":…}, {"moduleAux":…} and so on. Only
lines of keys have a "key".

A value is printed as it is read, element by element: of one with millions of them no more than one is in
memory. A fault may so end the output in the middle of a line; what was printed is then not whole.

Exit codes: 0 done; 64 usage; 74 the file cannot be read, or is damaged.`;

interface JsonFlags extends SelectionFlags {
  readonly meta?: boolean;
}

/** `forebay rdb json`: what is in it, a line of JSON a key. */
export function jsonCommand(reporter: Reporter): Command {
  return withSelection(new Command('json'))
    .description('Print each key and its value as a line of JSON.')
    .argument('<file>', 'the RDB; - is standard input')
    .option(
      '--meta',
      'print lines of what is not in keys too: fields, functions, what modules tell',
    )
    .addHelpText('after', HELP)
    .action(async (path: string, flags: JsonFlags) => {
      const input = await openInput(path);
      await using output = Output.stdout();
      const lines = new JsonLines({ selects: selectionOf(flags), meta: flags.meta === true });
      const visitor = { take: (event: RdbEvent) => output.addAll(lines.take(event)) };
      await scan(input, lines.reader, visitor, { reporter, prints: true }).catch(async (error) => {
        await output.add(lines.rest());
        await output.flush();
        throw error;
      });
      await output.add(lines.rest());
      await output.finish();
    });
}
