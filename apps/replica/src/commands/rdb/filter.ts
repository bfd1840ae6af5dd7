import type { RdbEvent, RdbKey } from '@forebay/rdb';
import { Crc64, RdbReader } from '@forebay/rdb';
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
import { PassingBytes } from './passing-bytes.ts';
import { momentOption, retimed, TTL_HELP } from './retimed-input.ts';
import type { Visitor } from './scan.ts';
import { scan } from './scan.ts';
import type { Selection, SelectionFlags } from './selection.ts';
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
      const filter = new Filter(output, flags);
      await scan(input, filter.reader, filter, { reporter, prints: false, stop });
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

/** Opcode of the end, and the first version that a checksum follows in. */
const END = 0xff;
const CHECKSUM_SINCE = 5;

/**
 * Auxiliary fields that are not true of a part. A server that is started as a replica asks to go on from the
 * position (`server.c: loadDataFromDisk`), and is granted it; `slot-info` is of Valkey what `slot` is of Redis.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'repl-id',
  'repl-offset',
  'repl-stream-db',
  'slot-info',
]);

/** Passes on the bytes of what is wanted. */
class Filter implements Visitor {
  readonly reader = new RdbReader({ level: 'raw' });
  readonly #output: Output;
  readonly #selects: Selection;
  readonly #ttl: Ttl['wanted'];
  readonly #size: Range;
  readonly #functions: boolean;
  readonly #moduleAux: boolean;
  readonly #now = Date.now();
  readonly #crc = new Crc64();
  readonly #bytes = new PassingBytes();
  #version = 0;
  /** The bytes that select the database, until a key of it is kept. */
  #select: Uint8Array | undefined;
  /** What is done with bytes that the reader has not passed: of a value too large or not wanted, say. */
  #mode: 'hold' | 'copy' | 'drop' = 'hold';
  #isInValue = false;
  #valueStart = 0;
  kept = 0;
  seen = 0;
  written = 0;

  constructor(output: Output, flags: FilterFlags) {
    this.#output = output;
    this.#selects = selectionOf(flags);
    this.#ttl = flags.ttl?.wanted;
    this.#size = flags.size ?? { from: 0, to: Number.POSITIVE_INFINITY };
    this.#functions = flags.functions;
    this.#moduleAux = flags.moduleAux;
  }

  push(piece: Uint8Array): void {
    this.#bytes.push(piece);
  }

  take(event: RdbEvent): void | Promise<void> {
    const { position } = this.reader;
    switch (event.type) {
      case 'key':
        return this.#begin(event, position);
      case 'key-end':
        return this.#end(event.size, position);
      case 'header':
        this.#version = event.version;
        return this.#pass(position);
      case 'aux':
        return LEFT_OUT.has(event.key) ? this.#bytes.drop(position) : this.#pass(position);
      case 'function':
        return this.#functions ? this.#pass(position) : this.#bytes.drop(position);
      case 'module-aux':
        return this.#moduleAux ? this.#pass(position) : this.#bytes.drop(position);
      case 'slot-import':
        return this.#pass(position);
      case 'database':
        this.#select = Buffer.concat(this.#bytes.take(position));
        return undefined;
      case 'end':
        return this.#finish();
      default:
        this.#bytes.drop(position);
    }
  }

  /** The piece is at its end; of the value that it ends in not all is known. */
  async drained(): Promise<void> {
    const { end } = this.#bytes;
    if (this.reader.done) return;
    if (this.#isInValue) {
      const size = end - this.#valueStart;
      const { from, to } = this.#size;
      if (this.#mode === 'hold' && size > to) this.#mode = 'drop';
      if (this.#mode === 'hold' && size >= from && to === Number.POSITIVE_INFINITY) this.#keep();
      if (this.#mode === 'copy') await this.#pass(end);
      if (this.#mode === 'drop') this.#bytes.drop(end);
    }
    this.#bytes.hold();
  }

  #begin(key: RdbKey, position: number): void {
    this.reader.skip();
    this.seen++;
    this.#isInValue = true;
    this.#valueStart = position;
    this.#mode = this.#selects(key) && this.#isInTime(key) ? 'hold' : 'drop';
  }

  #end(size: number, position: number): void | Promise<void> {
    this.#isInValue = false;
    const { from, to } = this.#size;
    if (this.#mode === 'hold' && size >= from && size <= to) this.#keep();
    const isKept = this.#mode === 'copy';
    this.#mode = 'hold';
    return isKept ? this.#pass(position) : this.#bytes.drop(position);
  }

  #keep(): void {
    this.#mode = 'copy';
    this.kept++;
    if (this.#select === undefined) return;
    // A few bytes, which need not wait for those before them.
    this.#output.sink.add(this.#sum(this.#select));
    this.#select = undefined;
  }

  #isInTime({ expiresAt }: RdbKey): boolean {
    if (this.#ttl === undefined) return true;
    if (this.#ttl === 'none') return expiresAt === undefined;
    if (expiresAt === undefined) return false;
    const left = Math.max(0, expiresAt - this.#now);
    return left >= this.#ttl.from && left <= this.#ttl.to;
  }

  #pass(to: number): void | Promise<void> {
    const [first, second] = this.#bytes.take(to);
    const waits = this.#add(first!);
    if (second === undefined) return waits;
    return waits === undefined ? this.#add(second) : waits.then(() => this.#add(second));
  }

  #add(bytes: Uint8Array): void | Promise<void> {
    return this.#output.add(this.#sum(bytes));
  }

  #sum(bytes: Uint8Array): Uint8Array {
    this.#crc.push(bytes);
    this.written += bytes.length;
    return bytes;
  }

  async #finish(): Promise<void> {
    await this.#add(Uint8Array.of(END));
    if (this.#version >= CHECKSUM_SINCE) await this.#add(this.#crc.digest());
  }
}
