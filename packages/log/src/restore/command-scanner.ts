import { RespError } from '@forebay/resp';
import { joined } from './joined.ts';

/** Why `next` has returned. */
export type Stop =
  /** The bytes are used up. */
  | 'more'
  /** The name of a command is known, or is longer than any that `nameIs` may be asked of. */
  | 'named'
  /** An argument of the command that is kept begins that is too long to be kept. */
  | 'long'
  /** The command that is kept has been read whole. */
  | 'whole';

/** That of RESTORE-ASKING. */
const LONGEST_NAME = 14;

/** What the next byte belongs to. */
type State =
  /** The first byte of a command, or a bare newline before it. */
  | 'lead'
  /** An inline command. */
  | 'line'
  /** The number after `*` or `$`, and its LF. */
  | 'number'
  | 'number LF'
  /** The `$` of an argument. */
  | 'mark'
  | 'body'
  | 'body CR'
  | 'body LF';

const [LF, CR, DOLLAR, STAR, MINUS, ZERO] = [10, 13, 36, 42, 45, 48] as const;
const KEY = 1;
/** Such a number is safe; nothing in a stream is as long. */
const MOST_DIGITS = 15;
const EMPTY = new Uint8Array(0);

/**
 * Finds the commands of a stream while their bytes come, before they are whole, and keeps the
 * arguments of those it is told to. `CommandCursor` tells of whole commands only.
 */
export class CommandScanner {
  readonly #longest: number;
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  #start = 0;
  /** Bytes before the chunk. */
  #before = 0;
  #state: State = 'lead';
  /** The number being read, and how many digits of it there are. */
  #number = 0;
  #digits = 0;
  #negative = false;
  #count = 0;
  #named = true;
  #keeps = false;
  /** The argument being read, -1 before the first; its length, and how much of it is to come. */
  #index = -1;
  #length = 0;
  #missing = 0;
  readonly #name = new Uint8Array(LONGEST_NAME);
  #words: Uint8Array[] = [];
  #parts: Uint8Array[] = [];

  /** Arguments of more than `longest` bytes are not kept, but for the first two. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The next bytes, after the last ones are used up. They must not change until these are. */
  push(chunk: Uint8Array): void {
    this.#before += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
    this.#start = 0;
  }

  /**
   * Reads on to the next stop.
   *
   * @throws {RespError} `INVALID_TYPE`, `INVALID_COUNT`, `INVALID_LENGTH` or `INVALID_FRAMING`: the
   *   bytes are no sequence of commands; there is no reading on
   */
  next(): Stop {
    const chunk = this.#chunk;
    while (this.#at < chunk.length) {
      switch (this.#state) {
        case 'lead':
          this.#lead(chunk[this.#at++]!);
          break;
        case 'line':
          this.#skipLine(chunk);
          break;
        case 'number':
          this.#readNumber(chunk);
          break;
        case 'number LF': {
          this.#expect(LF, chunk[this.#at++]!);
          const stop = this.#index < 0 ? this.#openCommand() : this.#openArgument();
          if (stop !== undefined) return stop;
          break;
        }
        case 'mark':
          this.#mark(chunk[this.#at++]!);
          break;
        case 'body':
          if (this.#readBody(chunk)) return 'named';
          break;
        case 'body CR':
          this.#expect(CR, chunk[this.#at++]!);
          this.#state = 'body LF';
          break;
        case 'body LF':
          this.#expect(LF, chunk[this.#at++]!);
          if (this.#closeArgument()) return 'whole';
          break;
      }
    }
    return 'more';
  }

  /** Where in the chunk the next byte to read is. */
  get position(): number {
    return this.#at;
  }

  /** Where in the chunk the current command begins; 0 if it began before. */
  get start(): number {
    return this.#start;
  }

  /** Whether a command has begun whose name is not known. */
  get unnamed(): boolean {
    return !this.#named;
  }

  /** How many arguments the current command has, its name included; 0 or less: it has no effect. */
  get count(): number {
    return this.#count;
  }

  /** At `named`: whether the name is `upperCaseWord`, whatever its own case. */
  nameIs(upperCaseWord: string): boolean {
    const name = this.#name;
    if (this.#length !== upperCaseWord.length) return false;
    for (let i = 0; i < upperCaseWord.length; i++) {
      const byte = name[i]!;
      const upper = byte >= 97 && byte <= 122 ? byte - 32 : byte;
      if (upper !== upperCaseWord.charCodeAt(i)) return false;
    }
    return true;
  }

  /** At `named`: the arguments of this command are wanted. */
  keep(): void {
    this.#keeps = true;
    this.#words = [this.#name.slice(0, this.#length)];
  }

  /** Whether the arguments of the current command are kept, and it is not whole. */
  get keeping(): boolean {
    return this.#keeps;
  }

  /** At `whole`: the arguments, as copies; one too long is empty. */
  get words(): readonly Uint8Array[] {
    return this.#words;
  }

  #lead(byte: number): void {
    if (byte === LF) return;
    if (byte !== STAR) {
      this.#state = 'line';
      return;
    }
    this.#start = this.#at - 1;
    this.#named = false;
    this.#index = -1;
    this.#beginNumber();
  }

  #skipLine(chunk: Uint8Array): void {
    const end = chunk.indexOf(LF, this.#at);
    this.#at = end < 0 ? chunk.length : end + 1;
    if (end >= 0) this.#state = 'lead';
  }

  #beginNumber(): void {
    this.#state = 'number';
    this.#number = 0;
    this.#digits = 0;
    this.#negative = false;
  }

  #readNumber(chunk: Uint8Array): void {
    let at = this.#at;
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!;
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9 && this.#digits < MOST_DIGITS) {
        this.#number = this.#number * 10 + digit;
        this.#digits++;
      } else if (byte === CR && this.#digits > 0) {
        this.#state = 'number LF';
        at++;
        break;
      } else if (byte === MINUS && this.#digits === 0 && !this.#negative) {
        this.#negative = true;
      } else {
        throw this.#noNumber(byte, at);
      }
    }
    this.#at = at;
  }

  /** A count of 0 or less is a command without effect (`networking.c: processMultibulkBuffer`). */
  #openCommand(): Stop | undefined {
    this.#count = this.#negative ? -this.#number : this.#number;
    this.#index = 0;
    this.#state = 'mark';
    if (this.#count > 0) return undefined;
    this.#state = 'lead';
    this.#length = 0;
    this.#named = true;
    return 'named';
  }

  #mark(byte: number): void {
    if (byte !== DOLLAR)
      throw this.#refused('INVALID_TYPE', `an argument begins with byte ${byte}`);
    this.#beginNumber();
  }

  #openArgument(): Stop | undefined {
    if (this.#negative) throw this.#refused('INVALID_LENGTH', 'an argument has a negative length');
    this.#length = this.#number;
    this.#missing = this.#number;
    this.#state = this.#number === 0 ? 'body CR' : 'body';
    if (this.#index === 0 && (this.#length === 0 || this.#length > LONGEST_NAME)) {
      this.#named = true;
      return 'named';
    }
    return this.#keeps && !this.#isKept() ? 'long' : undefined;
  }

  /** Whether the name has become known. */
  #readBody(chunk: Uint8Array): boolean {
    const from = this.#at;
    const taken = Math.min(this.#missing, chunk.length - from);
    this.#at = from + taken;
    if (!this.#named) {
      const known = this.#length - this.#missing;
      for (let i = 0; i < taken; i++) this.#name[known + i] = chunk[from + i]!;
    } else if (this.#keeps && this.#isKept()) {
      this.#parts.push(chunk.slice(from, this.#at));
    }
    this.#missing -= taken;
    if (this.#missing > 0) return false;
    this.#state = 'body CR';
    if (this.#named) return false;
    this.#named = true;
    return true;
  }

  /** Whether the command is kept, and whole. */
  #closeArgument(): boolean {
    if (this.#keeps && this.#index > 0) {
      this.#words.push(joined(this.#parts));
      this.#parts = [];
    }
    this.#index++;
    this.#state = this.#index === this.#count ? 'lead' : 'mark';
    if (this.#state === 'mark' || !this.#keeps) return false;
    this.#keeps = false;
    return true;
  }

  #isKept(): boolean {
    return this.#index <= KEY || this.#length <= this.#longest;
  }

  #expect(expected: number, byte: number): void {
    if (byte !== expected) throw this.#refused('INVALID_FRAMING', 'CR LF is missing');
  }

  #noNumber(byte: number, at: number): RespError {
    const isCount = this.#index < 0;
    const reason = `a ${isCount ? 'count' : 'length'} cannot hold byte ${byte} here`;
    return new RespError(isCount ? 'INVALID_COUNT' : 'INVALID_LENGTH', reason, this.#before + at);
  }

  /** Of the byte that was read last. */
  #refused(code: RespError['code'], reason: string): RespError {
    return new RespError(code, reason, this.#before + this.#at - 1);
  }
}
