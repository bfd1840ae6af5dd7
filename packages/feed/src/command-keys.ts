import type { CommandCursor } from '@forebay/resp';
import { exists, getKeyIndexes, hasFlag } from '@ioredis/commands';

/** Commands whose specifications are kept at hand; names that nobody knows may be without end. */
const MOST_KNOWN = 1024;
/** Up to this many arguments the keys' places are kept: a command of more is looked up each time. */
const MOST_KEPT = 64;
/** Words that a specification looks at are short: numbers of keys, options, subcommands. */
const LONGEST_WORD = 64;

/** Where the keys of a command are, for any number of arguments. */
export interface CommandSpec {
  /** In capitals. */
  readonly name: string;
  /** Whether the servers' specifications have it. */
  readonly known: boolean;
  /** Whether they call it a write. */
  readonly writes: boolean;
  /** The places of keys among the arguments, from 0 on, the name not counted; ascending. */
  places(cursor: CommandCursor): readonly number[];
}

/** The specifications of the commands that come along, by the servers' own as the library has them. */
export class CommandSpecs {
  readonly #byName = new Map<string, CommandSpec>();
  /** Most commands are the same as the one before. */
  #last: CommandSpec = new UnknownCommand('');

  /** That of the current command, which has a name. */
  of(cursor: CommandCursor): CommandSpec {
    if (cursor.argumentIs(0, this.#last.name)) return this.#last;
    const name = upperCase(cursor.argumentLatin1(0));
    let spec = this.#byName.get(name);
    if (spec === undefined) {
      if (this.#byName.size >= MOST_KNOWN) this.#byName.clear();
      spec = specOf(name);
      this.#byName.set(name, spec);
    }
    this.#last = spec;
    return spec;
  }
}

/** What they write only they know, with whatever keys they are given: servers do not call them writes. */
const SCRIPTS: ReadonlySet<string> = new Set(['eval', 'evalsha', 'fcall']);

function specOf(name: string): CommandSpec {
  const lower = name.toLowerCase();
  // The library's table is a plain object: it "has" a `constructor`, too.
  if (!/^[a-z][a-z0-9._|-]*$/.test(lower) || lower in {} || !exists(lower)) {
    return new UnknownCommand(name);
  }
  return new KnownCommand(name, lower, hasFlag(lower, 'write') || SCRIPTS.has(lower));
}

class UnknownCommand implements CommandSpec {
  readonly name: string;
  readonly known = false;
  readonly writes = true;

  constructor(name: string) {
    this.name = name;
  }

  places(): readonly number[] {
    return [];
  }
}

class KnownCommand implements CommandSpec {
  readonly name: string;
  readonly known = true;
  readonly writes: boolean;
  readonly #lower: string;
  /** The answers that hold for all commands of as many arguments. */
  readonly #byCount: (readonly number[] | undefined)[] = [];

  constructor(name: string, lower: string, writes: boolean) {
    this.name = name;
    this.#lower = lower;
    this.writes = writes;
  }

  places(cursor: CommandCursor): readonly number[] {
    const count = cursor.argumentCount - 1;
    return this.#byCount[count] ?? this.#lookUp(cursor, count);
  }

  #lookUp(cursor: CommandCursor, count: number): readonly number[] {
    const words = new Words(cursor, count);
    const found = keyIndexes(this.#lower, words.asArray);
    const places = [...new Set(found.filter((place) => place < count))].sort((a, b) => a - b);
    // Where no argument was looked at, their number alone decided.
    if (!words.looked && count <= MOST_KEPT) this.#byCount[count] = places;
    return places;
  }
}

/**
 * As `COMMAND GETKEYS` has them. The library has more: the patterns of SORT, and the channel of SPUBLISH, that
 * the specification gives for the sake of its slot, and marks as no key.
 */
function keyIndexes(name: string, words: string[]): number[] {
  if (name === 'spublish') return [];
  if (name !== 'sort') return getKeyIndexes(name, words);
  // The last STORE counts (`sort.c: sortCommandGeneric`), and options may come in any order.
  let store = 0;
  for (let i = 1; i < words.length - 1; i++) {
    const option = words[i]?.toLowerCase() ?? '';
    if (option === 'store') store = i + 1;
    i += SORT_OPERANDS[option] ?? 0;
  }
  return store === 0 ? [0] : [0, store];
}

/** Words that follow an option of SORT, and are none themselves. */
const SORT_OPERANDS: Readonly<Record<string, number>> = { by: 1, get: 1, store: 1, limit: 2 };

/**
 * The arguments of a command as an array for the library: made of what it looks at only, which is
 * noted. A number of keys that the command cannot have is not a number there: the library would count
 * up to it.
 */
class Words {
  readonly #cursor: CommandCursor;
  readonly #count: number;
  looked = false;

  constructor(cursor: CommandCursor, count: number) {
    this.#cursor = cursor;
    this.#count = count;
  }

  get asArray(): string[] {
    return new Proxy<string[]>([], {
      get: (_, property) => {
        if (property === 'length') return this.#count;
        return this.#word(Number(property));
      },
    });
  }

  #word(i: number): string | undefined {
    if (!(i >= 0 && i < this.#count)) return undefined;
    this.looked = true;
    if (this.#cursor.argumentLength(i + 1) > LONGEST_WORD) return 'long';
    const word = this.#cursor.argumentLatin1(i + 1);
    return Number(word) > this.#count ? 'large' : word;
  }
}

function upperCase(name: string): string {
  // ASCII only, as servers compare: `toUpperCase` makes two letters of some.
  return name.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}
