import { Cursor } from '../bytes/cursor.ts';
import { textOf } from '../bytes/text.ts';
import { RdbError } from '../format/errors.ts';
import type { RdbFrame } from '../format/events.ts';
import { OPCODE } from '../format/opcodes.ts';
import { HEADER_LENGTH, headerOf } from './header.ts';
import { Steps } from './steps.ts';

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

/** What a reader has found: `end` is before the first that is neither. */
export type RdbPreambleEvent =
  | Extract<RdbFrame, { type: 'header' | 'aux' }>
  | { readonly type: 'end' };

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
  readonly #cursor: Cursor;
  readonly #steps: Steps<RdbPreambleEvent>;
  #state: 'header' | 'aux' | 'value' | 'end' = 'header';
  /** The key of a field whose value is not complete. */
  #key = '';

  /** @throws {RdbError} `INVALID_OPTION` */
  constructor({ maxAuxLength = DEFAULT_MAX_AUX_LENGTH }: RdbPreambleOptions = {}) {
    if (!Number.isInteger(maxAuxLength) || maxAuxLength < 0 || maxAuxLength > 0x7fffffff) {
      throw new RdbError('INVALID_OPTION', 0, `a maxAuxLength of ${maxAuxLength} cannot be kept`);
    }
    const cursor = new Cursor(maxAuxLength);
    this.#cursor = cursor;
    this.#steps = new Steps(
      cursor,
      () => this.#step(),
      () => cursor.keep(cursor.position),
    );
  }

  /** Whether `end` was returned: what is pushed from then on is not looked at. */
  get done(): boolean {
    return this.#state === 'end';
  }

  /** How many bytes of the RDB were read; after `end`, where the first opcode is that was not. */
  get position(): number {
    return this.#cursor.position;
  }

  /** Takes the next bytes of the RDB, from its first one on. */
  push(chunk: Uint8Array): void {
    if (!this.done && !this.#steps.failed) this.#cursor.push(chunk);
  }

  /**
   * What was found next; undefined if more bytes are needed, or after `end`.
   *
   * @throws {RdbError} `BAD_MAGIC`, `BAD_VERSION`, `CORRUPT`, `TOO_LONG`
   */
  next(): RdbPreambleEvent | undefined {
    return this.done ? undefined : this.#steps.next();
  }

  /**
   * To be called when there are no more bytes and `next` returned undefined.
   *
   * @throws {RdbError} `TRUNCATED` unless `done`
   */
  finish(): void {
    if (this.done) return;
    this.#steps.cutShort(this.#state === 'header' ? 'in its header' : 'in its auxiliary fields');
  }

  #step(): RdbPreambleEvent | undefined {
    const start = this.#cursor.position;
    const event = this.#read();
    if (this.#cursor.short) this.#cursor.moveTo(start);
    return event;
  }

  #read(): RdbPreambleEvent | undefined {
    const cursor = this.#cursor;
    if (this.#state === 'header') {
      const bytes = cursor.take(HEADER_LENGTH);
      if (cursor.short) return undefined;
      this.#state = 'aux';
      return headerOf(bytes);
    }
    if (this.#state === 'value') return this.#value();
    const start = cursor.position;
    const opcode = cursor.u8();
    if (cursor.short) return undefined;
    if (opcode !== OPCODE.aux) {
      cursor.moveTo(start);
      this.#state = 'end';
      return { type: 'end' };
    }
    const key = cursor.string();
    if (cursor.short) return undefined;
    // The key is read before its value is there: what is compressed is expanded once.
    this.#key = textOf(key);
    this.#state = 'value';
    return undefined;
  }

  #value(): RdbPreambleEvent | undefined {
    const value = this.#cursor.string();
    if (this.#cursor.short) return undefined;
    this.#state = 'aux';
    return { type: 'aux', key: this.#key, value: textOf(value) };
  }
}
