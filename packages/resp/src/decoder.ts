import { AggregateStack, type AggregateType } from './aggregates.ts';
import { ByteBuilder } from './byte-builder.ts';
import { CR, LF } from './bytes.ts';
import { RespError } from './errors.ts';
import {
  checkedOption,
  DEFAULT_MAX_BULK_LENGTH,
  DEFAULT_MAX_INLINE_LENGTH,
  LARGEST_COUNT,
} from './limits.ts';
import { NumberLine } from './number-line.ts';
import { failureOf, parseLine } from './scalars.ts';
import { decodeLatin1, decodeUtf8 } from './text.ts';
import type { RespValue } from './values.ts';
import { Window } from './window.ts';

/** What a decoder allows. Everything but `skipNewlines` is a whole number. */
export interface RespDecoderOptions {
  /** Most bytes of a bulk, of a streamed one in sum, 0 to 2^31 - 1; 512 MiB unless given. */
  readonly maxBulkLength?: number;
  /** Most bytes of a line (a simple string, an error, a big number), 0 to 2^30; 64 KiB unless given. */
  readonly maxLineLength?: number;
  /** Most items of an aggregate, pairs of a map, 0 to 2^31 - 1; that unless given: nothing is reserved. */
  readonly maxElements?: number;
  /** Most aggregates within each other, attributes included, 0 to 1,000; 32 unless given. */
  readonly maxDepth?: number;
  /** Passes over bare newlines between values, which a primary sends while a replica waits; false unless given. */
  readonly skipNewlines?: boolean;
}

/** More than any server nests, `COMMAND DOCS` included. */
const DEFAULT_MAX_DEPTH = 32;
const LARGEST_MAX_DEPTH = 1_000;

const AGGREGATES: ReadonlyMap<string, AggregateType> = new Map([
  ['*', 'array'],
  ['~', 'set'],
  ['>', 'push'],
  ['%', 'map'],
  ['|', 'attributes'],
]);
const LINES = '+-:,(#_';
const BULKS = '$!=';
const QUESTION_MARK = 63;
const COLON = 58;
/** What a step returns where it needs more bytes; undefined: it is done, and no value is complete. */
const MORE: unique symbol = Symbol('more');
type Step = RespValue | typeof MORE | undefined;

/**
 * What the bytes at the window's position are: the first of a token, a line of a value or of a
 * length, what follows `?` or `.`, the body of a bulk or its end.
 */
type State = 'token' | 'line' | 'header' | 'streamed' | 'end' | 'body' | 'body end';

/**
 * Decodes a stream of RESP2 or RESP3 values, one at a time. Values own their bytes. Nothing is
 * reserved by an announced length or count, and no byte is looked at twice.
 *
 * Text of simple strings and errors is read as UTF-8. Types of both versions are taken from anyone.
 */
export class RespDecoder {
  readonly #maxBulkLength: number;
  readonly #maxLineLength: number;
  readonly #maxElements: number;
  readonly #skipNewlines: boolean;
  readonly #window = new Window();
  readonly #stack: AggregateStack;
  readonly #number = new NumberLine();
  readonly #body = new ByteBuilder();
  #state: State = 'token';
  /** The token's first character. */
  #mark = '';
  /** Bytes of the token that were looked at; it begins at the window's position. */
  #seen = 0;
  /** Bytes of the body still to come. */
  #missing = 0;
  #isStreaming = false;
  #consumed = 0;
  #error: unknown;

  /** @throws {RespError} `INVALID_OPTION` */
  constructor(options: RespDecoderOptions = {}) {
    const {
      maxBulkLength = DEFAULT_MAX_BULK_LENGTH,
      maxLineLength = DEFAULT_MAX_INLINE_LENGTH,
      maxElements = LARGEST_COUNT,
      maxDepth = DEFAULT_MAX_DEPTH,
      skipNewlines = false,
    } = options;
    this.#maxBulkLength = checkedOption('maxBulkLength', maxBulkLength, 0, LARGEST_COUNT);
    this.#maxLineLength = checkedOption('maxLineLength', maxLineLength, 0, 2 ** 30);
    this.#maxElements = checkedOption('maxElements', maxElements, 0, LARGEST_COUNT);
    this.#stack = new AggregateStack(checkedOption('maxDepth', maxDepth, 0, LARGEST_MAX_DEPTH));
    this.#skipNewlines = skipNewlines;
  }

  /** Bytes of the stream up to the end of the last value that `next()` returned. */
  get totalConsumed(): number {
    return this.#consumed;
  }

  /**
   * Gives the next bytes of the stream. They are not copied: `chunk` must stay unchanged until
   * `next()` has returned undefined. After an error the bytes are ignored.
   *
   * @throws {RespError} `INVALID_VALUE` for what is no bytes
   */
  push(chunk: Uint8Array): void {
    if (this.#error === undefined) this.#window.push(chunk);
  }

  /**
   * The next value, or undefined if more bytes are needed.
   *
   * @throws {RespError} a code of the peer's or of a limit, the same one at each further call;
   *   `TEXT_TOO_LONG` for a bulk error that no string can hold
   */
  next(): RespValue | undefined {
    if (this.#error !== undefined) throw this.#error;
    try {
      for (;;) {
        const step = this.#step();
        if (step === MORE) {
          this.#window.settle();
          return undefined;
        }
        if (step !== undefined) {
          this.#consumed = this.#window.base + this.#window.pos;
          return step;
        }
      }
    } catch (error) {
      this.#error = error;
      throw error;
    }
  }

  /**
   * Hands over the bytes after the last value, as a copy, and forgets them: what follows a reply may
   * be no RESP (a bulk payload). Right after `next()` returned a value it always can.
   *
   * @throws {RespError} `INSIDE_VALUE` if `next()` has read the head of an aggregate or a bulk that
   *   is not complete; the error that `next()` threw, if it did
   */
  takeRest(): Uint8Array {
    if (this.#error !== undefined) throw this.#error;
    if (this.#isInside() || this.#state === 'body' || this.#state === 'body end') {
      throw new RespError('INSIDE_VALUE', 'a part of the next value is decoded already');
    }
    const { bytes, pos, end } = this.#window;
    const rest = new Uint8Array(bytes.subarray(pos, end));
    this.#window.pos = end;
    this.#window.settle();
    this.#beginToken();
    return rest;
  }

  #step(): Step {
    switch (this.#state) {
      case 'token':
        return this.#readMark();
      case 'line':
        return this.#readLine();
      case 'header':
        return this.#readHeader();
      case 'streamed':
        return this.#readStreamed();
      case 'end':
        return this.#readEnd();
      case 'body':
        return this.#readBody();
      case 'body end':
        return this.#readBodyEnd();
    }
  }

  #beginToken(): void {
    this.#state = 'token';
    this.#seen = 0;
  }

  #isInside(): boolean {
    return this.#isStreaming || this.#stack.isOpen;
  }

  #readMark(): Step {
    const { bytes, pos, end, base } = this.#window;
    if (pos === end) return MORE;
    const byte = bytes[pos]!;
    if (this.#skipNewlines && !this.#isInside() && (byte === LF || byte === CR)) {
      if (byte === CR && !this.#isEnded(pos)) return MORE;
      this.#window.pos += byte === CR ? 2 : 1;
      return undefined;
    }
    const mark = String.fromCharCode(byte);
    this.#mark = mark;
    this.#seen = 1;
    if (this.#isStreaming ? mark === ';' : BULKS.includes(mark)) {
      this.#state = 'header';
      this.#number.begin('INVALID_LENGTH');
    } else if (this.#isStreaming) {
      throw new RespError('INVALID_TYPE', `byte ${byte} within a streamed string`, base + pos);
    } else if (AGGREGATES.has(mark)) {
      this.#state = 'header';
      this.#number.begin('INVALID_COUNT');
    } else if (LINES.includes(mark)) {
      this.#state = 'line';
    } else if (mark === '.') {
      this.#state = 'end';
    } else {
      throw new RespError('INVALID_TYPE', `no value begins with byte ${byte}`, base + pos);
    }
    return undefined;
  }

  #readLine(): Step {
    const { bytes, pos, end, base } = this.#window;
    const limit = pos + 1 + this.#maxLineLength;
    let at = pos + this.#seen;
    for (; at < end && bytes[at] !== CR; at++) {
      if (bytes[at] === LF) throw notEnded(base + at);
      if (at === limit) {
        const message = `a line is longer than the ${this.#maxLineLength} bytes that are allowed`;
        throw new RespError('LINE_TOO_LONG', message, base + at);
      }
    }
    this.#seen = at - pos;
    if (!this.#isEnded(at)) return MORE;
    const isText = this.#mark === '+' || this.#mark === '-';
    const text = isText ? decodeUtf8(bytes, pos + 1, at) : decodeLatin1(bytes, pos + 1, at);
    const value = parseLine(this.#mark, text, base + pos + 1);
    this.#window.pos = at + 2;
    this.#beginToken();
    return this.#stack.add(value);
  }

  #readHeader(): Step {
    const { bytes, pos, end, base } = this.#window;
    let at = pos + this.#seen;
    if (this.#seen === 1 && at < end && bytes[at] === QUESTION_MARK && this.#canStream()) {
      this.#state = 'streamed';
      this.#seen = 2;
      return undefined;
    }
    for (; at < end; at++) {
      if (!this.#number.read(bytes[at]!, base + at)) continue;
      this.#window.pos = at + 1;
      this.#beginToken();
      const aggregate = AGGREGATES.get(this.#mark);
      if (aggregate === undefined) return this.#openBulk(this.#number.value, base + pos + 1);
      return this.#openAggregate(aggregate, this.#number.value, base + pos + 1);
    }
    this.#seen = at - pos;
    return MORE;
  }

  #canStream(): boolean {
    return this.#mark === '$' || AGGREGATES.has(this.#mark);
  }

  #openAggregate(type: AggregateType, count: number, offset: number): Step {
    if (count === -1 && type === 'array') return this.#stack.add({ type: 'null', of: 'array' });
    if (count < 0) throw new RespError('INVALID_COUNT', `an aggregate of ${count} items`, offset);
    if (count > this.#maxElements) {
      const message = `an aggregate of ${count} items, where ${this.#maxElements} are allowed`;
      throw new RespError('TOO_MANY_ELEMENTS', message, offset);
    }
    return this.#stack.open(type, count, offset);
  }

  #openBulk(length: number, offset: number): Step {
    if (length === -1 && this.#mark === '$') return this.#stack.add({ type: 'null', of: 'bulk' });
    if (length < 0) throw new RespError('INVALID_LENGTH', `a bulk of length ${length}`, offset);
    // A streamed string is held to the limit in sum: #body has its parts so far.
    if (this.#body.length + length > this.#maxBulkLength) {
      const message = `a bulk is longer than the ${this.#maxBulkLength} bytes that are allowed`;
      throw new RespError('BULK_TOO_LONG', message, offset);
    }
    if (this.#mark === '=' && length < 4) {
      throw new RespError('INVALID_VERBATIM', 'a verbatim string without a format', offset);
    }
    if (this.#mark === ';' && length === 0) {
      this.#isStreaming = false;
      return this.#stack.add({ type: 'bulk', bytes: this.#body.take(), streamed: true });
    }
    this.#missing = length;
    this.#state = 'body';
    return undefined;
  }

  #readStreamed(): Step {
    const { pos, base } = this.#window;
    if (!this.#isEnded(pos + 2)) return MORE;
    this.#window.pos = pos + 4;
    this.#beginToken();
    const type = AGGREGATES.get(this.#mark);
    if (type !== undefined) return this.#stack.open(type, undefined, base + pos + 1);
    this.#isStreaming = true;
    return undefined;
  }

  #readEnd(): Step {
    const { pos, base } = this.#window;
    if (!this.#isEnded(pos + 1)) return MORE;
    this.#window.pos = pos + 3;
    this.#beginToken();
    return this.#stack.close(base + pos);
  }

  #readBody(): Step {
    const { bytes, pos, end } = this.#window;
    const taken = Math.min(this.#missing, end - pos);
    this.#missing -= taken;
    if (this.#isStreaming) this.#body.append(bytes, pos, pos + taken);
    else this.#body.append(bytes, pos, pos + taken, this.#missing);
    this.#window.pos = pos + taken;
    if (this.#missing > 0) return MORE;
    this.#state = 'body end';
    return undefined;
  }

  #readBodyEnd(): Step {
    const { pos, base } = this.#window;
    if (!this.#isEnded(pos)) return MORE;
    this.#window.pos = pos + 2;
    this.#beginToken();
    if (this.#mark === ';') return undefined;
    const bytes = this.#body.take();
    if (this.#mark === '$') return this.#stack.add({ type: 'bulk', bytes });
    if (this.#mark === '!') {
      return this.#stack.add(failureOf('bulk-error', decodeUtf8(bytes, 0, bytes.length)));
    }
    if (bytes[3] !== COLON) {
      const message = 'the format of a verbatim string is not followed by a colon';
      throw new RespError('INVALID_VERBATIM', message, base + pos - bytes.length + 3);
    }
    const format = decodeLatin1(bytes, 0, 3);
    return this.#stack.add({ type: 'verbatim', format, bytes: bytes.subarray(4) });
  }

  /** Whether CR LF is at `at`; false where a part of it is still to come. */
  #isEnded(at: number): boolean {
    const { bytes, end, base } = this.#window;
    if (at < end && bytes[at] !== CR) throw notEnded(base + at);
    if (at + 1 < end && bytes[at + 1] !== LF) throw notEnded(base + at + 1);
    return at + 1 < end;
  }
}

function notEnded(offset: number): RespError {
  return new RespError('INVALID_FRAMING', 'CR LF is expected here', offset);
}
