import { CR, DOLLAR, LF, STAR, ZERO } from './bytes.ts';
import { CommandGatherer } from './command-gatherer.ts';
import { RespError } from './errors.ts';
import {
  checkedOption,
  DEFAULT_MAX_ARGUMENTS,
  DEFAULT_MAX_BULK_LENGTH,
  DEFAULT_MAX_INLINE_LENGTH,
  LARGEST_COUNT,
} from './limits.ts';
import { decodeLatin1, decodeUtf8 } from './text.ts';
import { checkBytes } from './window.ts';

/** What a cursor allows and keeps. Everything is a whole number. */
export interface CommandCursorOptions {
  /** Most arguments of a command, 1 to 2^31 - 1; 1,048,576 unless given, as in servers before 7.0. */
  readonly maxArguments?: number;
  /** Most bytes of an argument, 0 to 2^53 - 1; 512 MiB unless given (`proto-max-bulk-len`). */
  readonly maxBulkLength?: number;
  /** Most bytes of an inline line without its end, 0 to 2^30; 64 KiB unless given (`PROTO_INLINE_MAX_SIZE`). */
  readonly maxInlineLength?: number;
  /** An argument of more bytes is measured, but not kept: its bytes cannot be asked for. No limit unless given. */
  readonly maxRetainedLength?: number;
  /** Arguments past this many are counted, but not kept: not even their length can be asked for. No limit unless given. */
  readonly maxRetainedArguments?: number;
}

/** Positions within a chunk are 32-bit integers, sums of two included: longer chunks are cut. */
const LONGEST_CHUNK = 1_073_741_824;
/** Numbers of the short way have no more digits: added to a position they stay 32-bit integers. */
const MOST_DIGITS = 9;
/** Entries of the table of arguments at first, and the most that outlive a chunk. */
const FIRST_RANGES = 128;
const KEPT_RANGES = 32_768;
const EMPTY = new Uint8Array(0);
/** `$0`, CR LF, CR LF: no argument is shorter on the wire. */
const SHORTEST_ARGUMENT = 6;

/**
 * Steps through a stream of commands, one at a time. It makes no object a command: what is asked of
 * it is of the current one, which the last `next()` moved to.
 *
 * A command that lies whole in one chunk is read in place; the bytes of one that is split are copied
 * together as its chunks come, each once.
 */
export class CommandCursor {
  // What `next` uses are `#` fields: on V8 11 they measured the same as plain properties.
  readonly #gatherer: CommandGatherer;
  readonly #maxArguments: number;
  readonly #maxBulkLength: number;
  readonly #maxRetainedLength: number;
  readonly #maxRetainedArguments: number;
  #phase: 'between' | 'gathering' | 'gathered' | 'failed' = 'between';
  #error: RespError | undefined;
  #chunk: Uint8Array = EMPTY;
  /** Where in the chunk the next byte to read is. */
  #pos = 0;
  /** Where in the chunk the current or unfinished command begins; 0 if it began before the chunk. */
  #start = 0;
  /** How many bytes of it lie before the chunk. */
  #carried = 0;
  /** The stream's offset of the chunk's first byte. */
  #chunkOffset = 0;
  #queue: Uint8Array[] = [];
  #queueHead = 0;
  #queuedBytes = 0;
  #count = 0;
  /** Pairs of start and end of the arguments of a command that lies in the chunk. */
  #chunkRanges: Int32Array = new Int32Array(FIRST_RANGES);
  /** What the current command's arguments are in: the chunk or the gatherer's memory. */
  #source: Uint8Array = EMPTY;
  #ranges: Int32Array = this.#chunkRanges;

  /** @throws {RespError} `INVALID_OPTION` */
  constructor(options: CommandCursorOptions = {}) {
    const largest = Number.MAX_SAFE_INTEGER;
    const {
      maxArguments = DEFAULT_MAX_ARGUMENTS,
      maxBulkLength = DEFAULT_MAX_BULK_LENGTH,
      maxInlineLength = DEFAULT_MAX_INLINE_LENGTH,
      maxRetainedLength = largest,
      maxRetainedArguments = largest,
    } = options;
    this.#maxArguments = checkedOption('maxArguments', maxArguments, 1, LARGEST_COUNT);
    this.#maxBulkLength = checkedOption('maxBulkLength', maxBulkLength, 0, largest);
    checkedOption('maxInlineLength', maxInlineLength, 0, LONGEST_CHUNK);
    this.#maxRetainedLength = checkedOption('maxRetainedLength', maxRetainedLength, 0, largest);
    this.#maxRetainedArguments = checkedOption(
      'maxRetainedArguments',
      maxRetainedArguments,
      0,
      largest,
    );
    this.#gatherer = new CommandGatherer({
      maxArguments,
      maxBulkLength,
      maxInlineLength,
      maxRetainedLength,
      maxRetainedArguments,
    });
  }

  /**
   * Gives the next bytes of the stream. They are not copied: `chunk` must stay unchanged until
   * `next()` has returned false. After an error the bytes are ignored.
   *
   * @throws {RespError} `INVALID_VALUE` for what is no bytes
   */
  push(chunk: Uint8Array): void {
    checkBytes(chunk);
    if (this.#phase === 'failed' || chunk.length === 0) return;
    // Subclasses (Node's Buffer) are slower to take views of, and make `next` polymorphic.
    const plain =
      Object.getPrototypeOf(chunk) === Uint8Array.prototype
        ? chunk
        : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = 0; at < plain.length; at += LONGEST_CHUNK) {
      this.#queue.push(
        plain.length <= LONGEST_CHUNK ? plain : plain.subarray(at, at + LONGEST_CHUNK),
      );
    }
    this.#queuedBytes += plain.length;
  }

  /**
   * Moves to the next whole command. False: more bytes are needed, and there is no current command.
   *
   * @throws {RespError} a code of the peer's or of a limit, the same one at each further call
   */
  next(): boolean {
    if (this.#phase !== 'between') {
      if (this.#phase !== 'gathered') return this.#resume();
      this.#release();
    }
    if (this.#pos === this.#chunk.length && !this.#advance()) return false;

    // The short way: a command that lies whole in the chunk and has nothing unusual. Whatever it does
    // not expect it hands to the gatherer, which decides whether bytes are missing or wrong.
    const chunk = this.#chunk;
    const end = chunk.length;
    const start = this.#pos;
    if (end - start < 4 || chunk[start] !== STAR) return this.#gather(start, 0, 0);
    let count = chunk[start + 1]! - ZERO;
    if (count < 1 || count > 9) return this.#gather(start, 0, 0);
    let at = start + 2;
    if (chunk[at] !== CR) {
      const stop = Math.min(start + MOST_DIGITS + 1, end - 2);
      do {
        const digit = chunk[at]! - ZERO;
        if (digit >>> 0 > 9 || at >= stop) return this.#gather(start, 0, 0);
        count = count * 10 + digit;
      } while (chunk[++at] !== CR);
    }
    if (chunk[at + 1] !== LF || count > this.#maxArguments) return this.#gather(start, 0, 0);
    at += 2;

    if (2 * count > this.#chunkRanges.length) {
      if (count * SHORTEST_ARGUMENT > end - at) return this.#gather(start, 0, 0);
      this.#setRanges(4 * count);
    }
    const ranges = this.#chunkRanges;
    const maxBulkLength = this.#maxBulkLength;
    for (let i = 0; i < count; i++) {
      if (end - at < SHORTEST_ARGUMENT || chunk[at] !== DOLLAR) return this.#gather(at, i, count);
      let length = chunk[at + 1]! - ZERO;
      if (length >>> 0 > 9) return this.#gather(at, i, count);
      let cr = at + 2;
      if (chunk[cr] !== CR) {
        if (length === 0) return this.#gather(at, i, count);
        const stop = Math.min(at + MOST_DIGITS + 1, end - 2);
        do {
          const digit = chunk[cr]! - ZERO;
          if (digit >>> 0 > 9 || cr >= stop) return this.#gather(at, i, count);
          length = length * 10 + digit;
        } while (chunk[++cr] !== CR);
      }
      const from = cr + 2;
      const to = from + length;
      if (
        to + 2 > end ||
        length > maxBulkLength ||
        chunk[cr + 1] !== LF ||
        chunk[to] !== CR ||
        chunk[to + 1] !== LF
      ) {
        return this.#gather(at, i, count);
      }
      ranges[2 * i] = from;
      ranges[2 * i + 1] = to;
      at = to + 2;
    }
    this.#start = start;
    this.#pos = at;
    this.#count = count;
    return true;
  }

  /** How many arguments the current command has, its name included; 0 for `*0`, `*-1` and a blank line. */
  get argumentCount(): number {
    return this.#count;
  }

  /** Bytes of the current command, its framing and the bare newlines before it included. */
  get bytesConsumed(): number {
    return this.#isUnfinished() ? 0 : this.#carried + this.#pos - this.#start;
  }

  /** Bytes of all commands so far: the stream's offset one past the current one. Up to 2^53 - 1. */
  get totalConsumed(): number {
    if (this.#isUnfinished()) return this.#chunkOffset + this.#start - this.#carried;
    return this.#chunkOffset + this.#pos;
  }

  /** Bytes that were pushed and are no part of a command so far. */
  get pendingBytes(): number {
    const unread = this.#queuedBytes + this.#chunk.length - this.#pos;
    return this.#isUnfinished() ? unread + this.#carried + this.#pos - this.#start : unread;
  }

  /** Whether the current command came as a line, not as an array of bulk strings. */
  get inline(): boolean {
    return this.#phase === 'gathered' && this.#gatherer.inline;
  }

  /**
   * Length of argument `i` in bytes; known also where the bytes are not retained.
   *
   * @throws {RespError} `NO_SUCH_ARGUMENT`; `NOT_RETAINED` past `maxRetainedArguments`
   */
  argumentLength(i: number): number {
    this.#checkIndex(i);
    const start = this.#ranges[2 * i]!;
    return start < 0 ? this.#gatherer.table.lengthOnly(i) : this.#ranges[2 * i + 1]! - start;
  }

  /**
   * The bytes of argument `i`, as a view that is valid until the next `push()` or `next()`.
   *
   * @throws {RespError} `NO_SUCH_ARGUMENT`, `NOT_RETAINED`
   */
  argument(i: number): Uint8Array {
    const start = this.#startOf(i);
    const source = this.#source;
    return source.subarray(start, this.#ranges[2 * i + 1]!);
  }

  /**
   * Views of the current command's arguments stay valid for as long as its chunk does not change: where they are
   * in memory of the cursor, that is left to them. For arguments that are long, in place of a copy.
   */
  keepArguments(): void {
    if (this.#phase === 'gathered') this.#gatherer.leaveBytes();
  }

  /**
   * Argument `i` as text in UTF-8, what `encodeCommand` makes of a string; bytes that are no UTF-8
   * become U+FFFD. Where each byte matters, take `argument` or `argumentLatin1`.
   *
   * @throws {RespError} `NO_SUCH_ARGUMENT`, `NOT_RETAINED`, `TEXT_TOO_LONG`
   */
  argumentText(i: number): string {
    return decodeUtf8(this.#source, this.#startOf(i), this.#ranges[2 * i + 1]!);
  }

  /**
   * Argument `i` with one character (U+0000 to U+00FF) for each byte: any bytes, nothing lost.
   *
   * @throws {RespError} `NO_SUCH_ARGUMENT`, `NOT_RETAINED`, `TEXT_TOO_LONG`
   */
  argumentLatin1(i: number): string {
    return decodeLatin1(this.#source, this.#startOf(i), this.#ranges[2 * i + 1]!);
  }

  /**
   * Whether argument `i` is `upperCaseWord` (ASCII, in capitals), whatever its own case: servers
   * differ in it. Makes no string.
   *
   * @throws {RespError} `NO_SUCH_ARGUMENT`; `NOT_RETAINED` where the length does not tell
   */
  argumentIs(i: number, upperCaseWord: string): boolean {
    const length = this.argumentLength(i);
    if (length !== upperCaseWord.length) return false;
    const start = this.#startOf(i);
    const source = this.#source;
    for (let j = 0; j < length; j++) {
      const byte = source[start + j]!;
      const upper = byte >= 97 && byte <= 122 ? byte - 32 : byte;
      if (upper !== upperCaseWord.charCodeAt(j)) return false;
    }
    return true;
  }

  /** Where the retained bytes of argument `i` begin. */
  #startOf(i: number): number {
    this.#checkIndex(i);
    const start = this.#ranges[2 * i]!;
    // Asked of the length, not of what happens to be held: it does not depend on where chunks end.
    if (start < 0 || this.#ranges[2 * i + 1]! - start > this.#maxRetainedLength) {
      const message = `argument ${i} has ${this.argumentLength(i)} bytes and was not retained`;
      throw new RespError('NOT_RETAINED', message);
    }
    return start;
  }

  #checkIndex(i: number): void {
    if (!(i >= 0 && i < this.#count) || !Number.isInteger(i)) {
      const message = `argument ${i} of a command of ${this.#count} does not exist`;
      throw new RespError('NO_SUCH_ARGUMENT', message);
    }
    if (i >= this.#maxRetainedArguments) {
      throw new RespError('NOT_RETAINED', `argument ${i} was counted only`);
    }
  }

  #isUnfinished(): boolean {
    return this.#phase === 'gathering' || this.#phase === 'failed';
  }

  /** Leaves the chunk, which is read, for the next one. False: there is none. */
  #advance(): boolean {
    const length = this.#chunk.length;
    this.#chunkOffset += length;
    if (this.#phase === 'gathering') this.#carried += length - this.#start;
    this.#start = 0;
    this.#pos = 0;
    this.#count = 0;
    if (this.#chunkRanges.length > KEPT_RANGES) this.#setRanges(FIRST_RANGES);
    const chunk = this.#queue[this.#queueHead];
    this.#chunk = chunk ?? EMPTY;
    this.#source = this.#chunk;
    if (chunk === undefined) return false;
    this.#queuedBytes -= chunk.length;
    this.#queue[this.#queueHead++] = EMPTY;
    if (this.#queueHead === this.#queue.length) {
      this.#queue.length = 0;
      this.#queueHead = 0;
    }
    return true;
  }

  /** Leaves the short way at `at`, with `parsed` of `count` arguments noted; 0 of 0 at the start. */
  #gather(at: number, parsed: number, count: number): boolean {
    this.#phase = 'gathering';
    this.#start = this.#pos;
    this.#pos = at;
    this.#count = 0;
    try {
      this.#gatherer.begin();
      if (count > 0) this.#gatherer.adopt(this.#chunk, this.#chunkRanges, parsed, count);
    } catch (error) {
      throw this.#fail(error);
    }
    return this.#resume();
  }

  #resume(): boolean {
    if (this.#error !== undefined) throw this.#error;
    const gatherer = this.#gatherer;
    while (this.#pos < this.#chunk.length || this.#advance()) {
      try {
        this.#pos = gatherer.read(this.#chunk, this.#pos, this.#chunkOffset);
      } catch (error) {
        throw this.#fail(error);
      }
      if (gatherer.whole) {
        this.#phase = 'gathered';
        this.#count = gatherer.count;
        this.#source = gatherer.bytes;
        this.#ranges = gatherer.table.ranges;
        return true;
      }
    }
    return false;
  }

  /** Lets go of a gathered command: the current one is of the chunk again. */
  #release(): void {
    this.#gatherer.begin();
    this.#phase = 'between';
    this.#carried = 0;
    this.#start = this.#pos;
    this.#source = this.#chunk;
    this.#ranges = this.#chunkRanges;
  }

  #setRanges(length: number): void {
    this.#chunkRanges = new Int32Array(length);
    this.#ranges = this.#chunkRanges;
  }

  #fail(error: unknown): unknown {
    if (!(error instanceof RespError)) return error;
    this.#error = error;
    this.#phase = 'failed';
    this.#queue.length = 0;
    return error;
  }
}
