import { RdbError } from './errors.ts';
import { OPCODE_AUX } from './opcodes.ts';
import { type StringAt, stringAt } from './strings.ts';
import { Window } from './window.ts';

/** The default limit on the length of a key or value in bytes: 16 MiB. */
export const DEFAULT_MAX_AUX_LENGTH: number = 16 * 1024 * 1024;

/** What a new reader may be told. */
export interface RdbPreambleOptions {
  /**
   * The longest key or value of an aux field in bytes, compressed or not; 0 to 2^31 - 1. Servers up
   * to Redis 6.2 put the bodies of scripts there; all others are short.
   */
  readonly maxAuxLength?: number;
}

/** The words an RDB can begin with: Valkey has its own since 9.0. */
export type RdbMagic = 'REDIS' | 'VALKEY';

/** What a reader has found. */
export type RdbPreambleEvent =
  /** The first nine bytes. `version` is 1 to 9999. */
  | { readonly type: 'header'; readonly magic: RdbMagic; readonly version: number }
  /** An auxiliary field, one character a byte. Keys can come twice: `lua` does, once a script. */
  | { readonly type: 'aux'; readonly key: string; readonly value: string }
  /** Something else begins: a database, a function, the end of the RDB. */
  | { readonly type: 'end' };

const HEADER_LENGTH = 9;

/**
 * Reads the beginning of an RDB as its bytes pass by: the header and the auxiliary fields up to the
 * first opcode that is none (`rdb.c: rdbLoadRioWithLoadingCtx`). It keeps nothing but an unfinished
 * field, and after `end` nothing at all.
 *
 * Versions are reported, not judged: the form of the header and of these fields has not changed since
 * they came, and who relays an RDB or stores it can do so with one that is newer than this code.
 *
 * What is pushed must not change until `next` returns undefined. An error is final: each later call
 * of `next` throws it again.
 */
export class RdbPreambleReader {
  readonly #maxAuxLength: number;
  readonly #window: Window = new Window();
  #state: 'header' | 'aux' | 'end' = 'header';
  /** The key of a field whose value is not complete. */
  #pendingKey: string | undefined;
  #failure: RdbError | undefined;

  /** @throws {RdbError} `INVALID_OPTION` */
  constructor({ maxAuxLength = DEFAULT_MAX_AUX_LENGTH }: RdbPreambleOptions = {}) {
    if (!Number.isInteger(maxAuxLength) || maxAuxLength < 0 || maxAuxLength > 0x7fffffff) {
      throw new RdbError('INVALID_OPTION', 0, `a maxAuxLength of ${maxAuxLength} cannot be kept`);
    }
    this.#maxAuxLength = maxAuxLength;
  }

  /** Whether `end` was returned: what is pushed from then on is not looked at. */
  get done(): boolean {
    return this.#state === 'end';
  }

  /** How many bytes of the RDB were read; after `end`, where the first opcode is that was not. */
  get position(): number {
    return this.#window.position;
  }

  /** Takes the next bytes of the RDB, from its first one on. */
  push(chunk: Uint8Array): void {
    if (this.#state !== 'end' && this.#failure === undefined) this.#window.push(chunk);
  }

  /**
   * What was found next; undefined if more bytes are needed, or after `end`.
   *
   * @throws {RdbError} `BAD_MAGIC`, `BAD_VERSION`, `CORRUPT`, `AUX_TOO_LONG`
   */
  next(): RdbPreambleEvent | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === 'end') return undefined;
    try {
      const event = this.#state === 'header' ? this.#header() : this.#aux();
      if (event === undefined) this.#window.keep();
      return event;
    } catch (error) {
      this.#failure = error as RdbError;
      this.#window.clear();
      throw error;
    }
  }

  /**
   * To be called when there are no more bytes and `next` returned undefined.
   *
   * @throws {RdbError} `TRUNCATED` unless `done`
   */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === 'end') return;
    const length = this.#window.position + this.#window.length;
    const where = this.#state === 'header' ? 'header' : 'auxiliary fields';
    throw new RdbError('TRUNCATED', length, `the RDB ends at byte ${length}, in its ${where}`);
  }

  #header(): RdbPreambleEvent | undefined {
    const window = this.#window;
    if (window.length < HEADER_LENGTH) return undefined;
    const text = textOf(window.view(0, HEADER_LENGTH));
    const magic = text.startsWith('REDIS') ? 'REDIS' : 'VALKEY';
    if (!text.startsWith(magic)) {
      throw new RdbError('BAD_MAGIC', 0, `${JSON.stringify(text)} is not how an RDB begins`);
    }
    const digits = text.slice(magic.length);
    const version = /^\d+$/.test(digits) ? Number(digits) : 0;
    if (version === 0) {
      const message = `${JSON.stringify(digits)} is not the version of an RDB`;
      throw new RdbError('BAD_VERSION', magic.length, message);
    }
    window.consume(HEADER_LENGTH);
    this.#state = 'aux';
    return { type: 'header', magic, version };
  }

  #aux(): RdbPreambleEvent | undefined {
    if (this.#pendingKey !== undefined) return this.#value(this.#pendingKey);
    const window = this.#window;
    if (window.length === 0) return undefined;
    if (window.at(0) !== OPCODE_AUX) {
      window.clear();
      this.#state = 'end';
      return { type: 'end' };
    }
    return this.#key(stringAt(window, 1, this.#maxAuxLength));
  }

  /** The key is consumed before its value is there: what is compressed is expanded once. */
  #key(key: StringAt | undefined): RdbPreambleEvent | undefined {
    if (key === undefined) return undefined;
    this.#pendingKey = textOf(key.bytes);
    this.#window.consume(key.end);
    return this.#value(this.#pendingKey);
  }

  #value(key: string): RdbPreambleEvent | undefined {
    const found = stringAt(this.#window, 0, this.#maxAuxLength);
    if (found === undefined) return undefined;
    const value = textOf(found.bytes);
    this.#window.consume(found.end);
    this.#pendingKey = undefined;
    return { type: 'aux', key, value };
  }
}

/** One character a byte, so that nothing is lost of values that are no text. */
function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}
