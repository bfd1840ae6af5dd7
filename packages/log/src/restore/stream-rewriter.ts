import { encodeCommand } from '@forebay/resp';
import { CommandScanner } from './command-scanner.ts';
import { joined } from './joined.ts';

export type Words = readonly (string | Uint8Array)[];

/** A kind of command that may have to be changed. */
export interface Form {
  /** In capitals. */
  readonly name: string;
  /** Fewest and most arguments, the name included, with which it may have to be. */
  readonly least: number;
  readonly most: number;
  /**
   * Undefined if the command is not changed. `words`: its arguments; an argument above the limit is empty.
   * `arrived`: milliseconds since 1970.
   */
  readonly change: (words: readonly Uint8Array[], arrived: number) => Change | undefined;
}

/** The replacement of a command. */
export interface Change {
  /** The commands that take its place. */
  readonly instead: readonly Words[];
  /** Commands to append if the command was not changed because an argument is too long. */
  readonly after: readonly Words[];
}

/**
 * Changes commands of some forms in a stream of bytes. All other bytes pass unchanged, without
 * waiting for its command to be whole.
 *
 * A command arrives with its last byte. One of the forms is held until then, unless an argument after the
 * key is long: a caller that stops within a command loses it (`pending`). The memory used is that
 * of the command's arguments that are not long, twice over.
 */
export class StreamRewriter {
  readonly #forms: readonly Form[];
  readonly #scanner: CommandScanner;
  #form: Form | undefined;
  /** Whether the pending command passes unchanged because it is too long. */
  #passes = false;
  /** Copies of what earlier chunks held of a command that is not decided upon. */
  #held: Uint8Array[] = [];
  #pending = 0;
  #changed = 0;

  /** `maxHeldLength`: the most bytes of an argument after the key that is held. */
  constructor(forms: readonly Form[], maxHeldLength: number) {
    this.#forms = forms;
    this.#scanner = new CommandScanner(maxHeldLength);
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
    // `slice` of a Buffer is a view, but a copy is needed.
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

  /** Bytes pushed that are held back: of the command that is not whole. Only its end gives them. */
  get pending(): number {
    return this.#pending;
  }

  /** Told of each command that is of none of the forms: whether it has a name, in capitals. */
  protected passes(_nameIs: (name: string) => boolean): void {}

  #onName(): void {
    const scanner = this.#scanner;
    const { count } = scanner;
    this.#form = this.#forms.find(
      ({ least, most, name }) => count >= least && count <= most && scanner.nameIs(name),
    );
    if (this.#form !== undefined) scanner.keep();
    else this.passes((name) => scanner.nameIs(name));
  }

  /** Returns where in the chunk begins what is not given after it. */
  #onWhole(chunk: Uint8Array, from: number, arrived: number, pieces: Uint8Array[]): number {
    const { words, start, position } = this.#scanner;
    const change = this.#form?.change(words, arrived);
    const passed = this.#passes;
    this.#passes = false;
    if (change === undefined) {
      this.#release(pieces);
      return from;
    }
    addView(pieces, chunk, from, passed ? position : start);
    this.#forget();
    for (const command of passed ? change.after : change.instead) {
      pieces.push(encodeCommand(command));
    }
    this.#changed++;
    return position;
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#pending += bytes.length;
  }

  /** Returns the pending bytes: they precede the whole chunk. */
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
