import { encodeCommand } from '@forebay/resp';
import { CommandScanner } from './command-scanner.ts';
import { joined } from './joined.ts';
import type { Form } from './relative-times.ts';
import { FORMS, LONGEST_WORD, SCRIPTS } from './relative-times.ts';

export interface AbsoluteTimesOptions {
  /**
   * Most bytes of a value (any argument after the key) that is held until its command is whole;
   * 64 KiB unless given, and never below 20: times and options are among these arguments.
   */
  readonly maxHeldLength?: number;
}

const MAX_HELD_LENGTH = 65_536;

/**
 * Turns the verbatim stream of a primary before Redis 7.0 into one whose times to live are
 * absolute, for a server to load later. What has none passes as it came, without waiting for its
 * command to be whole; the times of the rest count from their arrival:
 *
 * | comes                                        | goes                                          |
 * | -------------------------------------------- | --------------------------------------------- |
 * | `EXPIRE k s`, `PEXPIRE k ms`                 | `PEXPIREAT k t`                               |
 * | `GETEX k EX s`, `… PX ms`                    | `PEXPIREAT k t`                               |
 * | `SETEX k s v`, `PSETEX k ms v`               | `SET k v`, `PEXPIREAT k t`                    |
 * | `SET k v … EX s`, `… PX ms`                  | `SET k v …`, `PEXPIREAT k t`                  |
 * | `RESTORE k ms v …` (no ABSTTL, `ms` above 0) | `RESTORE k 0 v …`, `PEXPIREAT k t`            |
 * | the same with a `v` above `maxHeldLength`    | as it came, `PEXPIREAT k t`: it overrules     |
 *
 * PEXPIREAT is of 2.6: the server that loads it may be as old as the primary. What servers refuse,
 * for a time that is no number say, passes as it came.
 *
 * A command arrives with its last byte. One of these kinds is held until then, unless its value is
 * long: who stops elsewhere than at the end of a command loses it (`pending`). The memory used is
 * that of the key and, for each of 15 further arguments at most, `maxHeldLength`, twice over.
 */
export class AbsoluteTimes {
  readonly #scanner: CommandScanner;
  #form: Form | undefined;
  /** Whether the command that is kept passes as it comes, for it is long. */
  #passes = false;
  /** Copies of what earlier chunks held of a command that is not decided upon. */
  #held: Uint8Array[] = [];
  #pending = 0;
  #changed = 0;
  #scriptsPassed = 0;

  constructor({ maxHeldLength = MAX_HELD_LENGTH }: AbsoluteTimesOptions = {}) {
    this.#scanner = new CommandScanner(Math.max(maxHeldLength, LONGEST_WORD));
  }

  /**
   * Takes the next bytes of the stream, which arrived at `arrived` (milliseconds since 1970), and
   * gives what is to be written, in order. The pieces may be views of `bytes`, of nothing older.
   *
   * @throws {RespError} `INVALID_TYPE`, `INVALID_COUNT`, `INVALID_LENGTH`, `INVALID_FRAMING`: no
   *   sequence of commands. Its offset counts from the first byte pushed. Nothing of `bytes` is given
   *   then, and nothing may be pushed after them
   */
  push(bytes: Uint8Array, arrived: number): Uint8Array[] {
    const scanner = this.#scanner;
    // Of a Buffer `slice` is a view, and what is held has to be a copy.
    const chunk = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const pieces: Uint8Array[] = [];
    /** Where in the chunk begins what has not been given. */
    let from = 0;
    scanner.push(chunk);
    for (let stop = scanner.next(); stop !== 'more'; stop = scanner.next()) {
      if (stop === 'named') {
        this.#onName();
        if (!scanner.keeping) this.#release(pieces);
      } else if (stop === 'long') {
        this.#passes = true;
        this.#release(pieces);
      } else {
        from = this.#onWhole(chunk, from, arrived, pieces);
      }
    }
    const holds = scanner.unnamed || (scanner.keeping && !this.#passes);
    const end = holds ? scanner.start : chunk.length;
    addView(pieces, chunk, from, end);
    if (end < chunk.length) this.#hold(chunk.slice(end));
    return pieces;
  }

  /** How many commands have been rewritten. */
  get changed(): number {
    return this.#changed;
  }

  /**
   * How many EVAL and EVALSHA have passed, counted when their name has come: what they do to times
   * is not seen. Primaries up to 4.0 propagate them; later ones do so if told to.
   */
  get scriptsPassed(): number {
    return this.#scriptsPassed;
  }

  /** Bytes pushed that are held back: of the command that is not whole. Only its end gives them. */
  get pending(): number {
    return this.#pending;
  }

  #onName(): void {
    const scanner = this.#scanner;
    const { count } = scanner;
    this.#form = FORMS.find(
      ({ least, most, name }) => count >= least && count <= most && scanner.nameIs(name),
    );
    if (this.#form !== undefined) scanner.keep();
    else if (SCRIPTS.some((name) => scanner.nameIs(name))) this.#scriptsPassed++;
  }

  /** Returns where in the chunk begins what is not given after it. */
  #onWhole(chunk: Uint8Array, from: number, arrived: number, pieces: Uint8Array[]): number {
    const { words, start, position } = this.#scanner;
    const relative = this.#form?.read(words);
    const time = Math.floor(arrived + (relative?.span ?? Number.NaN));
    const passed = this.#passes;
    this.#passes = false;
    if (relative === undefined || !Number.isSafeInteger(time)) {
      this.#release(pieces);
      return from;
    }
    addView(pieces, chunk, from, passed ? position : start);
    this.#forget();
    if (!passed && relative.rest !== undefined) pieces.push(encodeCommand(relative.rest));
    // To servers a time below 0 is none (`db.c: keyIsExpired`): the key would live for ever.
    pieces.push(encodeCommand(['PEXPIREAT', words[1]!, String(Math.max(0, time))]));
    this.#changed++;
    return position;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#pending += bytes.length;
  }

  /** Gives what is held: it comes before all of the chunk. */
  #release(pieces: Uint8Array[]): void {
    if (this.#pending > 0) pieces.push(joined(this.#held));
    this.#forget();
  }

  #forget(): void {
    if (this.#pending === 0) return;
    this.#held = [];
    this.#pending = 0;
  }
}

function addView(pieces: Uint8Array[], chunk: Uint8Array, from: number, end: number): void {
  if (end > from) pieces.push(chunk.subarray(from, end));
}
