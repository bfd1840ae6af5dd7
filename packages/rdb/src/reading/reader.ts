import { Crc64 } from '../bytes/crc64.ts';
import { Cursor, DEFAULT_MAX_LENGTH } from '../bytes/cursor.ts';
import { RdbError } from '../format/errors.ts';
import type { ModuleId, RdbEvent, RdbKey, RdbLevel } from '../format/events.ts';
import { CHECKSUM_SINCE } from '../format/versions.ts';
import type { Layout } from '../values/layout.ts';
import { STRING } from '../values/types.ts';
import { ValueWalker } from '../values/walker.ts';
import { FrameReader, KEY_METADATA, MODULE_AUX } from './frame-reader.ts';
import { HEADER_LENGTH, headerOf } from './header.ts';
import { Steps } from './steps.ts';

/** What a new reader may be told. */
export interface RdbReaderOptions {
  /** How far values are taken apart; `elements` by default. */
  readonly level?: RdbLevel;
  /**
   * The longest string that is held in memory, in bytes; 0 to 2^32 - 1, 512 MiB by default. A longer one of a
   * value comes in pieces (`long`); a longer container, key, field or function is `TOO_LONG`. At the level
   * `raw` values have no limit.
   */
  readonly maxLength?: number;
  /**
   * Whether it is told how many elements are to come, and where nodes of lists and streams begin (`count`
   * and `node`), which a writer makes use of; false by default.
   */
  readonly counts?: boolean;
}

/** Bytes of a raw value from which on it is given piece by piece, as its bytes come. */
const PIECE = 64 * 1024;

type State = 'header' | 'opcode' | 'key-metadata' | 'module-aux' | 'value' | 'checksum' | 'end';

/**
 * Reads an RDB of any version as its bytes pass by (`rdb.c: rdbLoadRioWithLoadingCtx`). It keeps what is not
 * complete: a string at the most, and at the level `raw` not that.
 *
 * Bytes in events are views, valid until `next` returns undefined. What is pushed must not change until
 * then. An error is final: each later call of `next` throws it again.
 */
export class RdbReader {
  /** How far the values from the next on are taken apart: may be changed when a `key` has been told. */
  level: RdbLevel;
  readonly #cursor: Cursor;
  readonly #steps: Steps<RdbEvent>;
  readonly #frames: FrameReader;
  readonly #walker: ValueWalker;
  readonly #maxLength: number;
  readonly #tellsCounts: boolean;
  readonly #crc = new Crc64();
  #summed = 0;
  #state: State = 'header';
  #drained = true;
  #version = 0;
  #module: ModuleId | undefined;
  /** Whether the value is a string, which is read in one go where it can be. */
  #isString = false;
  /** How the value is read that is read now. */
  #reading: RdbLevel | 'skip' | undefined;
  #valueStart = 0;
  /** Where the bytes begin that are still to be given raw. */
  #pieceStart: number | undefined;

  /** @throws {RdbError} `INVALID_OPTION` */
  constructor({
    level = 'elements',
    maxLength = DEFAULT_MAX_LENGTH,
    counts = false,
  }: RdbReaderOptions = {}) {
    if (!Number.isInteger(maxLength) || maxLength < 0 || maxLength > 0xffffffff) {
      throw new RdbError('INVALID_OPTION', 0, `a maxLength of ${maxLength} cannot be kept`);
    }
    this.level = level;
    this.#maxLength = maxLength;
    this.#tellsCounts = counts;
    const cursor = new Cursor(maxLength);
    this.#cursor = cursor;
    this.#steps = new Steps(
      cursor,
      () => this.#step(),
      () => this.#keep(),
    );
    this.#frames = new FrameReader(cursor);
    this.#walker = new ValueWalker(cursor, true);
  }

  /** Whether `end` was returned: what is pushed from then on is not looked at. */
  get done(): boolean {
    return this.#state === 'end';
  }

  /** How many bytes of the RDB were read; after `end`, how long it is. */
  get position(): number {
    return this.#cursor.position;
  }

  /**
   * Takes the next bytes of the RDB, from its first one on.
   *
   * @throws {RdbError} `MISUSE` where `next` has not returned undefined since the last
   */
  push(chunk: Uint8Array): void {
    if (this.done || this.#steps.failed) return;
    if (!this.#drained) {
      throw new RdbError(
        'MISUSE',
        this.position,
        'next has more to give of what was pushed before',
      );
    }
    this.#drained = chunk.length === 0;
    this.#cursor.push(chunk);
  }

  /**
   * What was found next; undefined if more bytes are needed, or after `end`.
   *
   * @throws {RdbError} `BAD_MAGIC`, `BAD_VERSION`, `CORRUPT`, `TOO_LONG`, `UNKNOWN_TYPE`, `BAD_CHECKSUM`
   */
  next(): RdbEvent | undefined {
    return this.done ? undefined : this.#steps.next();
  }

  /** What is left of the value of the key told of last is passed over: its `key-end` comes next. */
  skip(): void {
    if (this.#state !== 'value') return;
    this.#reading = 'skip';
    this.#pieceStart = undefined;
  }

  /**
   * To be called when there are no more bytes and `next` returned undefined.
   *
   * @throws {RdbError} `TRUNCATED` unless `done`
   */
  finish(): void {
    if (!this.done) this.#steps.cutShort('before its end');
  }

  #step(): RdbEvent | undefined {
    switch (this.#state) {
      case 'opcode':
        return this.#opcode();
      case 'value':
        return this.#value();
      case 'header':
        return this.#header();
      case 'checksum':
        return this.#checksum();
      default:
        return this.#aside();
    }
  }

  #header(): RdbEvent | undefined {
    const bytes = this.#cursor.take(HEADER_LENGTH);
    if (this.#cursor.short) return undefined;
    const header = headerOf(bytes);
    this.#frames.magic = header.magic;
    this.#version = header.version;
    this.#state = 'opcode';
    return header;
  }

  #opcode(): RdbEvent | undefined {
    const frame = this.#frames.next();
    switch (frame?.type) {
      case 'key':
        return this.#key(frame);
      case 'module-values':
        this.#module = frame.module;
        this.#enter('module-aux', MODULE_AUX);
        return undefined;
      case 'key-metadata':
        this.#enter('key-metadata', KEY_METADATA);
        return undefined;
      case 'checksum':
        return this.#end();
      default:
        return frame;
    }
  }

  #key(key: RdbKey): RdbKey {
    this.#enter('value', this.#frames.layout);
    this.#reading = undefined;
    this.#isString = key.valueType === STRING;
    return key;
  }

  #enter(state: State, layout: Layout): void {
    const { position } = this.#cursor;
    this.#state = state;
    this.#walker.begin(layout);
    this.#valueStart = position;
    this.#pieceStart = state === 'value' ? undefined : position;
  }

  #value(): RdbEvent | undefined {
    if (this.#reading === undefined) {
      this.#reading = this.level;
      if (this.#reading === 'raw') this.#pieceStart = this.#valueStart;
      // A tenth of the time that a file of short strings takes.
      if (this.#reading === 'raw' && this.#isString && this.#cursor.passString()) {
        this.#walker.finish();
        return this.#piece();
      }
    }
    if (this.#reading === 'raw' || this.#reading === 'skip') this.#walker.skip();
    else {
      const element = this.#element();
      if (element !== undefined) return element;
    }
    const piece = this.#piece();
    if (piece !== undefined || !this.#walker.done) return piece;
    this.#state = 'opcode';
    this.#pieceStart = undefined;
    return { type: 'key-end', size: this.#cursor.position - this.#valueStart };
  }

  #element(): RdbEvent | undefined {
    for (;;) {
      const element = this.#walker.next(this.#reading === 'structure');
      if (this.#tellsCounts || (element?.type !== 'count' && element?.type !== 'node'))
        return element;
    }
  }

  /** What is there of a raw value, where that is all of it or much. */
  #piece(): RdbEvent | undefined {
    const { position } = this.#cursor;
    const start = this.#pieceStart;
    if (start === undefined || position === start) return undefined;
    if (!this.#walker.done && position - start < PIECE) return undefined;
    this.#pieceStart = position;
    return { type: 'raw', bytes: this.#cursor.between(start, position) };
  }

  /** What modules tell beside values. */
  #aside(): RdbEvent | undefined {
    const cursor = this.#cursor;
    this.#walker.skip();
    if (cursor.position - this.#valueStart > this.#maxLength) {
      const message = `what a module tells is longer than ${this.#maxLength} bytes`;
      throw new RdbError('TOO_LONG', this.#valueStart, message);
    }
    if (!this.#walker.done) return undefined;
    const isAux = this.#state === 'module-aux';
    const bytes = cursor.between(this.#valueStart, cursor.position);
    this.#state = 'opcode';
    this.#pieceStart = undefined;
    if (isAux) return { type: 'module-aux', module: this.#module!, bytes };
    this.#frames.metadata = new Uint8Array(bytes);
    return undefined;
  }

  #end(): RdbEvent | undefined {
    const { position } = this.#cursor;
    this.#sum(position);
    this.#state = 'checksum';
    return this.#version < CHECKSUM_SINCE ? this.#finished('none') : undefined;
  }

  #checksum(): RdbEvent | undefined {
    const { position } = this.#cursor;
    const stored = this.#cursor.take(8);
    if (this.#cursor.short) return undefined;
    if (stored.every((byte) => byte === 0)) return this.#finished('none');
    const digest = this.#crc.digest();
    if (stored.every((byte, i) => byte === digest[i])) return this.#finished('right');
    const message = `the checksum at byte ${position} is not that of the bytes before it`;
    throw new RdbError('BAD_CHECKSUM', position, message);
  }

  #finished(checksum: 'right' | 'none'): RdbEvent {
    this.#state = 'end';
    return { type: 'end', checksum };
  }

  #keep(): void {
    const from = this.#pieceStart ?? this.#cursor.position;
    this.#sum(from);
    this.#cursor.keep(from);
    this.#drained = true;
  }

  /** Adds what was read up to `position` to the checksum. */
  #sum(position: number): void {
    if (position <= this.#summed || this.#state === 'checksum') return;
    this.#crc.push(this.#cursor.between(this.#summed, position));
    this.#summed = position;
  }
}
