import type { CommandCursor } from '@forebay/resp';
import { matchesGlob } from '@forebay/resp';
import type { CommandSpec } from './command-keys.ts';
import { FeedError } from './errors.ts';

/**
 * What is wanted. All that is given has to hold; what is left out lets everything through. Keys of a snapshot
 * are chosen by `databases` and `match`; its functions come through.
 */
export interface ChangeFilter {
  /**
   * Databases, by number: 0 to 2^31 - 1. What changes others than the one selected (`MOVE`, `COPY`, `SWAPDB`,
   * `FLUSHALL`) comes through where one of them is wanted; so does a command that is not known.
   */
  readonly databases?: readonly number[];
  /** Names of commands, in any case. */
  readonly commands?: readonly string[];
  /**
   * Patterns as in KEYS, of which one has to match one key. What has no key of its own and is a write by
   * the servers' specifications (`FLUSHALL`, `SWAPDB`) concerns every key and comes through, and so does
   * a command that they do not have: nobody can say what its keys are. `PUBLISH` and the like do not.
   */
  readonly match?: readonly (string | Uint8Array)[];
}

/** A filter that is read and checked. */
export class Sieve {
  readonly #databases: ReadonlySet<number> | undefined;
  readonly #commands: ReadonlySet<string> | undefined;
  readonly #patterns: readonly Uint8Array[] | undefined;

  /** @throws {FeedError} `INVALID_OPTION` */
  constructor({ databases, commands, match }: ChangeFilter) {
    for (const database of databases ?? []) {
      if (Number.isInteger(database) && database >= 0 && database < 2 ** 31) continue;
      throw new FeedError('INVALID_OPTION', `${database} is no database: give a number from 0 on`);
    }
    this.#databases = databases && new Set(databases);
    this.#commands = commands && new Set(commands.map((name) => name.toUpperCase()));
    this.#patterns = match?.map(toBytes);
  }

  /** Whether a command comes through; `places` are those of its keys. */
  lets(
    database: number,
    spec: CommandSpec,
    places: readonly number[],
    cursor: CommandCursor,
  ): boolean {
    if (this.#commands?.has(spec.name) === false) return false;
    if (!this.#letsDatabase(database, spec, cursor)) return false;
    if (this.#patterns === undefined) return true;
    if (places.length === 0) return spec.writes;
    return places.some((place) => this.#matches(cursor.argument(place + 1)));
  }

  /** Whether a key of a snapshot comes through: no command has made it. */
  letsKey(database: number, key: Uint8Array): boolean {
    return this.#databases?.has(database) !== false && this.#matches(key);
  }

  /** Some commands change other databases than the one that is selected. */
  #letsDatabase(database: number, { name, known }: CommandSpec, cursor: CommandCursor): boolean {
    const wanted = this.#databases;
    if (wanted === undefined || wanted.has(database) || !known) return true;
    switch (name) {
      case 'FLUSHALL':
      case 'FUNCTION':
        return true;
      case 'SWAPDB':
        return wanted.has(numberAt(cursor, 1)) || wanted.has(numberAt(cursor, 2));
      case 'MOVE':
        return wanted.has(numberAt(cursor, 2));
      case 'COPY': {
        const word = wordsOf(cursor, 3).findIndex((option) => option.toLowerCase() === 'db');
        return word >= 0 && wanted.has(numberAt(cursor, 3 + word + 1));
      }
      default:
        return false;
    }
  }

  #matches(key: Uint8Array): boolean {
    return this.#patterns?.some((pattern) => matchesGlob(pattern, key)) !== false;
  }
}

/** The argument at a place, the name being the first, as a number; of none, one that no database has. */
function numberAt(cursor: CommandCursor, place: number): number {
  return place < cursor.argumentCount ? Number(cursor.argumentLatin1(place)) : Number.NaN;
}

function wordsOf(cursor: CommandCursor, from: number): string[] {
  const count = Math.max(0, cursor.argumentCount - from);
  return Array.from({ length: count }, (_, i) => cursor.argumentLatin1(from + i));
}

function toBytes(pattern: string | Uint8Array): Uint8Array {
  return typeof pattern === 'string' ? Buffer.from(pattern, 'utf8') : pattern;
}
