import type { Piece } from '@forebay/feed/json';
import { JsonValue } from '@forebay/feed/json';
import type { RdbEvent, RdbKey, RdbLongElement } from '@forebay/rdb';
import { RdbReader } from '@forebay/rdb';
import { Command } from 'commander';
import { Output } from '../../output/output.ts';
import type { Reporter } from '../../reporter.ts';
import { Base64 } from './base64.ts';
import { openInput } from './input.ts';
import type { Visitor } from './scan.ts';
import { scan } from './scan.ts';
import type { Selection, SelectionFlags } from './selection.ts';
import { selectionOf, withSelection } from './selection.ts';

/** A string from here on is printed step by step. */
const LONG = 48 * 1024;

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
      const lines = new JsonLines(new RdbReader(), output, selectionOf(flags), flags.meta === true);
      await scan(input, lines.reader, lines, { reporter, prints: true }).catch(async (error) => {
        await lines.giveUp();
        throw error;
      });
      await output.finish();
    });
}

/** Prints what a reader tells at the level `elements`. */
class JsonLines implements Visitor {
  readonly reader: RdbReader;
  readonly #output: Output;
  readonly #selects: Selection;
  readonly #meta: boolean;
  readonly #value = new JsonValue();
  readonly #base64 = new Base64();
  /** Pieces that were printed of an element with a long string. */
  #printed = 0;
  readonly #tails: string[] = [];
  #database: number | undefined;
  #head = '';
  #skips = false;
  /** Where in what is gathered the line begins; -1: its beginning was written. */
  #lineStart = 0;

  constructor(reader: RdbReader, output: Output, selects: Selection, meta: boolean) {
    this.reader = reader;
    this.#output = output;
    this.#selects = selects;
    this.#meta = meta;
  }

  take(event: RdbEvent): void | Promise<void> {
    switch (event.type) {
      case 'key':
        return this.#key(event);
      case 'key-end':
        return this.#skips ? undefined : this.#endLine(`${this.#value.end()}}\n`);
      case 'header':
      case 'database':
      case 'sizes':
      case 'end':
        return this.#meta ? this.#endLine(`${JSON.stringify(frameOf(event))}\n`) : undefined;
      case 'aux':
        return this.#frame(['{"aux":', latin1(event.key), ',"value":', latin1(event.value), '}\n']);
      case 'function':
        return this.#frame(['{"function":', event.code, '}\n']);
      case 'module-aux': {
        const { name, version } = event.module;
        const head = `{"moduleAux":"${name}","version":${version},"bytes":`;
        return this.#frame([head, event.bytes, '}\n']);
      }
      case 'slot':
      case 'slot-import':
        return this.#meta ? this.#endLine(`${JSON.stringify(frameOf(event))}\n`) : undefined;
      case 'raw':
      case 'container':
        return undefined;
      case 'long':
      case 'piece':
      case 'long-end':
        return this.#long(event);
      default:
        return this.#print(this.#value.piecesOf(event));
    }
  }

  /** After a fault: a line that is not whole is taken back where it was not written yet. */
  async giveUp(): Promise<void> {
    if (this.#lineStart >= 0) this.#output.sink.cutTo(this.#lineStart);
    await this.#output.flush();
  }

  #key(event: RdbKey): void | Promise<void> {
    this.#skips = !this.#selects(event);
    if (this.#skips) {
      this.reader.skip();
      return undefined;
    }
    const { database, key, dataType, expiresAt, idle, frequency, metadata } = event;
    if (database !== this.#database) {
      this.#database = database;
      this.#head = `{"db":${database},"key":`;
    }
    let tail = this.#tailOf(event);
    if (expiresAt !== undefined) tail += `,"expiresAt":${expiresAt}`;
    if (idle !== undefined) tail += `,"idle":${idle}`;
    if (frequency !== undefined) tail += `,"frequency":${frequency}`;
    const begin = this.#value.begin(dataType);
    if (metadata === undefined) return this.#print([this.#head, key, tail, ',"value":', begin]);
    return this.#print([this.#head, key, tail, ',"metadata":', metadata, ',"value":', begin]);
  }

  /** Made once for each type: there are millions of keys, and a few types. */
  #tailOf({ valueType, dataType, encoding }: RdbKey): string {
    let tail = this.#tails[valueType];
    if (tail === undefined) {
      tail = `,"type":"${dataType}","encoding":"${encoding}"`;
      this.#tails[valueType] = tail;
    }
    return tail;
  }

  #frame(pieces: readonly Piece[]): void | Promise<void> {
    if (!this.#meta) return undefined;
    const printed = this.#print(pieces);
    return printed === undefined ? this.#endLine('') : printed.then(() => this.#endLine(''));
  }

  /** A string too long to be known as text before it is printed: base64, whatever it is. */
  async #long(event: RdbLongElement): Promise<void> {
    const { sink } = this.#output;
    if (event.type === 'piece') {
      for (const text of this.#base64.push(event.bytes)) {
        sink.ascii(text);
        if (this.#output.full) await this.#flush();
      }
      return;
    }
    if (this.#printed > 0) sink.ascii(`${this.#base64.end()}"}`);
    const pieces = this.#value.piecesOf(event.element);
    const from = this.#printed;
    if (event.type === 'long-end') {
      this.#printed = 0;
      return this.#print(pieces.slice(from));
    }
    const places = pieces.flatMap((piece, i) => (typeof piece === 'string' ? [] : [i]));
    const at = places[event.string]!;
    this.#printed = at + 1;
    await this.#print(pieces.slice(from, at));
    sink.ascii('{"base64":"');
  }

  #endLine(text: string): void | Promise<void> {
    const { sink } = this.#output;
    sink.ascii(text);
    this.#lineStart = sink.length;
    return this.#output.full ? this.#flush() : undefined;
  }

  #print(pieces: readonly Piece[]): void | Promise<void> {
    const { sink } = this.#output;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (typeof piece === 'string') sink.ascii(piece);
      else if (piece.length < LONG) sink.json(piece);
      else return this.#printLong(pieces, i);
    }
    return this.#output.full ? this.#flush() : undefined;
  }

  async #printLong(pieces: readonly Piece[], from: number): Promise<void> {
    const { sink } = this.#output;
    for (const piece of pieces.slice(from)) {
      if (typeof piece === 'string') sink.ascii(piece);
      else {
        for (const _ of sink.jsonSteps(piece)) if (this.#output.full) await this.#flush();
      }
    }
  }

  async #flush(): Promise<void> {
    const { sink } = this.#output;
    this.#lineStart = this.#lineStart === sink.length ? 0 : -1;
    await this.#output.flush();
  }
}

/** An event of numbers and names alone, under its own name. */
function frameOf(event: { readonly type: string }): object {
  const { type, ...rest } = event;
  return type === 'header' ? { header: 'RDB', ...rest } : { [type]: true, ...rest };
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
