import { ArgumentTable } from './argument-table.ts';
import { ByteBuilder } from './byte-builder.ts';
import { CR, DOLLAR, LF, STAR } from './bytes.ts';
import { RespError } from './errors.ts';
import { splitInline } from './inline.ts';
import { NumberLine } from './number-line.ts';

/** What the gatherer holds a stream to; all are whole numbers. */
export interface CommandLimits {
  readonly maxArguments: number;
  readonly maxBulkLength: number;
  readonly maxInlineLength: number;
  readonly maxRetainedLength: number;
  readonly maxRetainedArguments: number;
}

/** What the next byte belongs to. */
type State =
  /** The first byte of a command, or a bare newline before it. */
  | 'lead'
  | 'count'
  /** The `$` of an argument. */
  | 'mark'
  | 'length'
  | 'body'
  | 'body CR'
  | 'body LF'
  | 'line'
  | 'whole';

/** Memory that is kept for the next command that is split. */
const KEPT_BYTES = 1_048_576;

/**
 * Reads one command that does not lie whole in one chunk, is inline, empty, or wrong: whatever the
 * cursor's short way does not take. The bytes of the arguments that are retained are copied together,
 * framing left out, and every byte is looked at once.
 */
export class CommandGatherer {
  readonly #limits: CommandLimits;
  readonly #builder = new ByteBuilder();
  readonly #number = new NumberLine();
  /** Where the arguments are within `bytes`. */
  readonly table: ArgumentTable;
  #state: State = 'lead';
  #inline = false;
  #count = 0;
  #parsed = 0;
  #numberOffset = 0;
  /** Length of the argument whose body is being read, and how much of it is still to come. */
  #length = 0;
  #missing = 0;
  #lineOffset = 0;

  constructor(limits: CommandLimits) {
    this.#limits = limits;
    this.table = new ArgumentTable(limits.maxRetainedArguments);
  }

  /** Whether the command is complete. */
  get whole(): boolean {
    return this.#state === 'whole';
  }

  get count(): number {
    return this.#count;
  }

  get inline(): boolean {
    return this.#inline;
  }

  /** The retained arguments' memory; valid until `begin`. */
  get bytes(): Uint8Array {
    return this.#builder.bytes;
  }

  /** What was gathered is not written over: the next command gets other memory. */
  leaveBytes(): void {
    this.#builder.leave();
  }

  /** Forgets the last command; the next byte read is the first of another. */
  begin(): void {
    this.#builder.clear(KEPT_BYTES);
    this.table.clear();
    this.#state = 'lead';
    this.#inline = false;
    this.#count = 0;
    this.#parsed = 0;
  }

  /**
   * Takes over a command of `count` arguments, the first `parsed` of which lie whole in `chunk` at
   * the `ranges` (pairs of start and end). The next byte read is that of the following `$`.
   */
  adopt(chunk: Uint8Array, ranges: Int32Array, parsed: number, count: number): void {
    this.#count = count;
    this.#state = 'mark';
    for (let i = 0; i < parsed; i++) {
      const start = ranges[2 * i]!;
      const end = ranges[2 * i + 1]!;
      this.#length = end - start;
      if (this.#retains()) this.#builder.append(chunk, start, end);
      this.#closeArgument();
    }
  }

  /**
   * Reads on in `bytes`, from `at`, until the command is whole or the bytes are used up; returns where
   * it stopped. `base` is the stream's offset of the first of `bytes`.
   *
   * @throws {RespError} a code of the peer's or of a limit
   */
  read(bytes: Uint8Array, at: number, base: number): number {
    let next = at;
    while (next < bytes.length && this.#state !== 'whole') {
      if (this.#state === 'body') next = this.#readBody(bytes, next);
      else if (this.#state === 'line') next = this.#readLine(bytes, next);
      else if (this.#readByte(bytes[next]!, base + next)) next++;
    }
    return next;
  }

  /** False where the byte is left for another state. */
  #readByte(byte: number, offset: number): boolean {
    switch (this.#state) {
      case 'lead':
        if (byte === LF) return true;
        if (byte === STAR) {
          this.#beginNumber('count', offset + 1);
          return true;
        }
        this.#state = 'line';
        this.#lineOffset = offset;
        return false;
      case 'count':
        if (this.#number.read(byte, offset)) this.#openCommand();
        return true;
      case 'mark':
        if (byte !== DOLLAR) {
          // As servers say it (`networking.c: processMultibulkBuffer`).
          const got =
            byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
          throw new RespError('INVALID_TYPE', `expected '$', got '${got}'`, offset);
        }
        this.#beginNumber('length', offset + 1);
        return true;
      case 'length':
        if (this.#number.read(byte, offset)) this.#openArgument();
        return true;
      case 'body CR':
        if (byte !== CR) throw notEnded(offset);
        this.#state = 'body LF';
        return true;
      default:
        if (byte !== LF) throw notEnded(offset);
        this.#closeArgument();
        return true;
    }
  }

  #beginNumber(what: 'count' | 'length', offset: number): void {
    this.#state = what;
    this.#numberOffset = offset;
    this.#number.begin(what === 'count' ? 'INVALID_COUNT' : 'INVALID_LENGTH');
  }

  /** A count of 0 or less is a command without effect (`networking.c: processMultibulkBuffer`). */
  #openCommand(): void {
    const count = this.#number.value;
    const { maxArguments } = this.#limits;
    if (count > maxArguments) {
      const message = `a command of ${count} arguments, where ${maxArguments} are allowed`;
      throw new RespError('TOO_MANY_ARGUMENTS', message, this.#numberOffset);
    }
    this.#count = Math.max(0, count);
    this.#state = this.#count === 0 ? 'whole' : 'mark';
  }

  #openArgument(): void {
    const length = this.#number.value;
    const { maxBulkLength } = this.#limits;
    if (length < 0) {
      const message = `an argument of length ${length}`;
      throw new RespError('INVALID_LENGTH', message, this.#numberOffset);
    }
    if (length > maxBulkLength) {
      const message = `an argument of ${length} bytes, where ${maxBulkLength} are allowed`;
      throw new RespError('BULK_TOO_LONG', message, this.#numberOffset);
    }
    this.#length = length;
    this.#missing = length;
    this.#state = length === 0 ? 'body CR' : 'body';
  }

  #readBody(bytes: Uint8Array, at: number): number {
    const taken = Math.min(this.#missing, bytes.length - at);
    this.#missing -= taken;
    if (this.#retains()) this.#builder.append(bytes, at, at + taken, this.#missing);
    if (this.#missing === 0) this.#state = 'body CR';
    return at + taken;
  }

  #closeArgument(): void {
    if (this.#retains()) this.table.add(this.#builder.length - this.#length, this.#length);
    else this.table.addLengthOnly(this.#length);
    this.#parsed++;
    this.#state = this.#parsed === this.#count ? 'whole' : 'mark';
  }

  #retains(): boolean {
    return (
      this.#length <= this.#limits.maxRetainedLength &&
      this.#parsed < this.#limits.maxRetainedArguments
    );
  }

  /** One more than the limit may still turn out to be the CR, which does not count. */
  #readLine(bytes: Uint8Array, at: number): number {
    const limit = this.#limits.maxInlineLength;
    const found = bytes.indexOf(LF, at);
    const end = found < 0 ? bytes.length : found;
    const length = this.#builder.length + end - at;
    if (length > limit + 1) throw this.#lineTooLong();
    this.#builder.append(bytes, at, end);
    const endsInCr = this.#builder.bytes[length - 1] === CR;
    if (length > limit && !endsInCr) throw this.#lineTooLong();
    if (found < 0) return end;
    const line = this.#builder.bytes.slice(0, endsInCr ? length - 1 : length);
    this.#builder.clear(KEPT_BYTES);
    if (line.length === 0) this.#state = 'lead';
    else this.#openInline(line);
    return found + 1;
  }

  #openInline(line: Uint8Array): void {
    const words = this.#split(line);
    const { maxArguments } = this.#limits;
    if (words.length > maxArguments) {
      const message = `a command of ${words.length} arguments, where ${maxArguments} are allowed`;
      throw new RespError('TOO_MANY_ARGUMENTS', message, this.#lineOffset);
    }
    this.#inline = true;
    this.#count = words.length;
    this.#state = 'whole';
    for (const word of words) {
      this.#length = word.length;
      if (this.#retains()) this.#builder.append(word, 0, word.length);
      this.#closeArgument();
    }
  }

  #split(line: Uint8Array): Uint8Array[] {
    try {
      return splitInline(line);
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      throw new RespError(error.code, error.reason, this.#lineOffset + (error.offset ?? 0));
    }
  }

  #lineTooLong(): RespError {
    const limit = this.#limits.maxInlineLength;
    const message = `an inline command is longer than the ${limit} bytes that are allowed`;
    return new RespError('LINE_TOO_LONG', message, this.#lineOffset + limit);
  }
}

function notEnded(offset: number): RespError {
  return new RespError('INVALID_FRAMING', 'an argument is not followed by CR LF', offset);
}
